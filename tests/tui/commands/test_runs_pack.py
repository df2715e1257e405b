"""`runs pack`, `runs unpack` and `runs verify`: what they print, and that a mistake is one line and writes nothing."""

import json
import shutil

import pytest

from engine.contract.recipe.catalog import catalog
from presets.references import recipe_of


@pytest.fixture
def runs(ended_run):
    recipe = recipe_of("quickstart", catalog())
    return [ended_run(recipe, seed, [0.5, 0.6]) for seed in (3, 4)]


def test_runs_go_into_one_file_and_come_out_elsewhere(cli, runs, tmp_path):
    file, theirs = tmp_path / "a.tar.zst", tmp_path / "theirs"
    packed = cli("runs", "pack", runs[0].id, runs[1].id, "-o", file)
    assert packed.code == 0, packed.err
    assert f"packed 2 runs into {file}" in packed.out
    for run in runs:
        assert f"{run.id}: " in packed.err
    assert "2 runs, " in packed.err and "without weights" in packed.err
    unpacked = cli("runs", "unpack", file, "--runs-dir", theirs)
    assert unpacked.code == 0 and f"{runs[0].id} unpacked into {theirs / runs[0].id}" in unpacked.out
    listed = json.loads(cli("runs", "list", "--json", "--runs-dir", theirs).out)
    assert {row["id"] for row in listed} == {run.id for run in runs}
    again = cli("runs", "unpack", file, "--runs-dir", theirs)
    assert (again.code, again.out.count("is there already; nothing to do")) == (0, 2)


def test_the_size_is_told_before_anything_is_written(cli, runs, tmp_path):
    told = cli("runs", "pack", runs[0].id, "-o", tmp_path / "a.tar.zst", "--dry-run", "--anonymous")
    assert told.code == 0 and "unpacked (events.jsonl" in told.err and "anonymous" in told.err
    assert list(tmp_path.iterdir()) == []
    cli("runs", "pack", runs[0].id, "-o", tmp_path / "a.tar.zst")
    shutil.rmtree(runs[0].path)
    looked = cli("runs", "unpack", tmp_path / "a.tar.zst", "--dry-run", "--json")
    assert json.loads(looked.out)["new"] == [runs[0].id] and not runs[0].path.exists()


def test_json_lists_the_files_with_their_hashes(cli, runs, tmp_path):
    told = json.loads(cli("runs", "pack", runs[0].id, "-o", tmp_path / "a.tar.zst", "--json").out)
    (run,) = told["runs"]
    assert {file["path"] for file in run["files"]} >= {"run.json", "recipe.toml", "events.jsonl"}
    assert told["bytes"] == (tmp_path / "a.tar.zst").stat().st_size
    assert told["unpacked_bytes"] == sum(file["bytes"] for file in run["files"])


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("pack", "RUN", "-o", "a.zip"), "has to end in .tar.zst"),
        (("pack", "RUN", "-o", "missing/a.tar.zst"), "cannot write"),
        (("pack", "nonsense", "-o", "a.tar.zst"), "not found"),
        (("unpack", "missing.tar.zst"), "No such file"),
        (("unpack", "."), "a folder"),
        (("unpack", "/dev/zero"), "not a regular file"),
        (("unpack", "junk"), "not a packed run"),
        (("verify", "nonsense"), "not found"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(cli, runs, tmp_path, monkeypatch, arguments, why):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "junk").write_text("junk")
    answer = cli("runs", *(runs[0].id if word == "RUN" else word for word in arguments))
    errors = [line for line in answer.err.splitlines() if line.startswith("error: ")]
    assert answer.code == 2 and len(errors) == 1 and why in errors[0] and "Traceback" not in answer.err
    assert [path.name for path in tmp_path.iterdir()] == ["junk"]


def test_verify_says_what_was_checked_and_fails_where_something_is_bad(cli, runs):
    good = cli("runs", "verify", runs[0].id)
    assert good.code == 0 and "recipe id" in good.out and "ok" in good.out
    runs[1].recipe_toml.write_text(runs[1].recipe_toml.read_text().replace("epochs = ", "epochs = 1"))
    told = cli("runs", "verify", runs[0].id, runs[1].id, "--json")
    assert told.code == 1 and "1 check failed" in told.err
    first, second = json.loads(told.out)
    assert first["ok"] and not second["ok"]
    (bad,) = [check for check in second["checks"] if check["result"] == "bad"]
    assert bad["what"] == "recipe id"
