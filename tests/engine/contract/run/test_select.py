"""Runs are found by what people call them."""

import json
import shutil

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Placement
from engine.contract.run.process import ProcRecord, boot_id, host_name
from engine.contract.run.store import RunFolder, create, find


@pytest.fixture
def runs(root, recipe) -> list[RunFolder]:
    made = []
    for run_id, name in (
        ("20260101-000000-aaaa", "twin"),
        ("20260102-000000-bbbb", "twin"),
        ("20260103-000000-aaaa", ""),
        ("20260104-000000-cccc", "paper v2"),
        ("20260105-000000-dddd", "bbbb"),
    ):
        run = create(root, recipe, seed=0, placement=Placement(name=name))
        table = json.loads(run.run_json.read_text()) | {"id": run_id, "created": 1e9 + len(made)}
        run.run_json.write_text(json.dumps(table))
        made.append(RunFolder(run.path.rename(root / run_id)))
    return made


def test_a_run_is_found_by_id_ending_unique_name_and_last(root, runs):
    assert find([root], "20260102-000000-bbbb") == runs[1]
    assert find([root], "cccc") == find([root], "CCCC") == find([root], "paper v2") == runs[3]
    assert find([root], "@last") == runs[4]


@pytest.mark.parametrize(
    ("ref", "candidates"),
    [
        ("aaaa", ["20260101-000000-aaaa", "20260103-000000-aaaa"]),
        ("twin", ["20260101-000000-aaaa", "20260102-000000-bbbb"]),
        ("bbbb", ["20260102-000000-bbbb", "20260105-000000-dddd"]),  # the ending of one, the name of the other
    ],
)
def test_an_ambiguous_run_lists_the_candidates(root, runs, ref, candidates):
    with pytest.raises(BadInput, match="ambiguous") as error:
        find([root], ref)
    assert all(candidate in str(error.value) for candidate in candidates)
    assert str(error.value).count("20260") == len(candidates)


@pytest.mark.parametrize(
    ("ref", "hint"),
    [
        ("paper v3", "did you mean paper v2?"),
        ("@lats", "did you mean @last?"),
        ("20260104-000000-cccd", "did you mean 20260104-000000-cccc?"),
        ("", "newest: 20260105-000000-dddd"),
        ("@live", "no run is live"),
        ("nothing like it", "newest: 20260105-000000-dddd"),
    ],
)
def test_a_run_that_does_not_exist_is_answered_with_what_does(root, runs, ref, hint):
    with pytest.raises(BadInput) as error:
        find([root], ref)
    assert hint in str(error.value)


@pytest.mark.parametrize(
    "ref", ["../runs/20260104-000000-cccc", "/etc", "~", ".", "..", "20260104-000000-cccc/", "a\x1b[2J"]
)
def test_a_reference_is_never_a_path(root, runs, ref):
    with pytest.raises(BadInput, match="not found in") as error:
        find([root], ref)
    assert "\x1b" not in str(error.value)


def test_there_may_be_no_runs_at_all(tmp_path):
    for ref in ("@last", "@live", "abcd", "20260104-000000-cccc"):
        with pytest.raises(BadInput, match="there are no runs"):
            find([tmp_path / "missing"], ref)


def test_the_live_run_is_found_when_there_is_one(root, runs, worker):
    identity = worker(runs[2].path)
    ProcRecord(host_name(), boot_id(), identity).write(runs[2].proc)
    assert find([root], "@live") == runs[2]
    ProcRecord(host_name(), boot_id(), worker(runs[3].path)).write(runs[3].proc)
    with pytest.raises(BadInput, match="ambiguous"):
        find([root], "@live")


def test_further_roots_are_searched_too(root, runs, tmp_path, recipe):
    other = create(tmp_path / "archive", recipe, seed=0, placement=Placement(name="old one"))
    assert find([root, tmp_path / "archive"], "old one") == other
    assert find([root, tmp_path / "archive"], other.id) == other


@pytest.mark.parametrize("ref", ["cccc", "paper v2", "20260104-000000-cccc"])
def test_one_run_that_is_seen_in_two_folders_is_not_ambiguous(root, runs, tmp_path, ref):
    mirror = tmp_path / "mirror"
    shutil.copytree(root, mirror)
    assert find([root, mirror], ref) == runs[3]
    assert find([mirror, root], ref) == RunFolder(mirror / runs[3].id)
    with pytest.raises(BadInput, match="ambiguous") as error:
        find([root, mirror], "twin")
    assert str(error.value).count("20260") == 2, "two runs, each named once"


def test_a_copy_of_a_run_under_another_id_is_the_same_run(root, runs):
    copy = root / "20260104-000000-zzzz"
    shutil.copytree(runs[3].path, copy)
    assert find([root], "paper v2") == runs[3]
    assert find([root], "zzzz") == RunFolder(copy)


def test_of_one_run_in_two_folders_that_one_counts_which_works(root, runs, tmp_path, worker):
    mirror = tmp_path / "mirror"
    shutil.copytree(root, mirror)
    ProcRecord(host_name(), boot_id(), worker(runs[3].path)).write(runs[3].proc)
    assert find([mirror, root], "paper v2") == runs[3]
