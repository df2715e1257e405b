"""Ten thousand runs are listed through the index, and the index may be lost at any time."""

import itertools
import os
import signal
import time
from pathlib import Path

import pytest

from engine.contract.run import index as module
from engine.contract.run.event_file import EventWriter, encode
from engine.contract.run.events import Epoch, RunStarted
from engine.contract.run.folder import RunFolder
from engine.contract.run.index import TURNS, Index
from engine.contract.run.process import ExitRecord, ProcRecord, boot_id, host_name
from engine.contract.run.summary import summarize
from tests.engine.contract.run.quick_runs import build


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Files of this very second are kept too, or the tests would have to wait; the rule itself has its own test."""
    monkeypatch.setattr(module, "RACY_NS", -1)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "index.sqlite"


@pytest.fixture
def runs(root: Path) -> list[RunFolder]:
    return [build(root, number) for number in range(6)]


def test_thousands_of_runs_are_read_once_and_then_only_what_changed(root, cache):
    runs = [build(root, number) for number in range(2_500)]
    index = Index(cache)
    rows = index.rows([root])
    assert (len(rows), index.parsed) == (2_500, 2_500)
    assert [row.seed for row in rows] == list(range(2_499, -1, -1))  # newest first

    again = Index(cache)  # another program, later
    assert again.rows([root]) == rows
    assert again.parsed == 0

    runs[17].add_label(name="seventeen")
    ExitRecord("failed", "diverged").write(runs[18].exit)
    with EventWriter(runs[19].events) as writer:
        writer.write(Epoch(epoch=2, test_accuracy=0.75))
    for path in runs[20].path.iterdir():
        path.unlink()
    runs[20].path.rmdir()
    build(root, 2_500)
    for lister in (again, Index(cache)):
        changed = {row.seed: row for row in lister.rows([root])}
        assert changed[17].name == "seventeen"
        assert changed[18].reason == "diverged"
        assert changed[19].last_accuracy == 0.75
        assert 20 not in changed and 2_500 in changed
        assert len(changed) == 2_500
    assert again.parsed == 4
    assert lister.parsed == 0


def test_a_row_from_the_index_equals_one_from_the_files(root, run, cache):
    run.add_label(name="naïve \ud800 name".replace("\ud800", ""), tag="a", note="first\nnote", pinned=True)
    run.write_exit(ExitRecord("failed", "gpu_memory", "wanted 3 GB more"))
    Index(cache).rows([root])
    index = Index(cache)
    assert index.rows([root]) == [summarize(run)]
    assert index.parsed == 0


def test_a_live_run_is_looked_at_every_time_since_no_file_tells_of_its_death(root, runs, cache, worker):
    identity = worker(runs[3].path)
    runs[3].exit.unlink()
    runs[3].events.write_text(encode(RunStarted()) + "\n")
    ProcRecord(host_name(), boot_id(), identity).write(runs[3].proc)
    index = Index(cache)
    for _ in range(3):
        assert {row.id: row.status for row in index.rows([root])}[runs[3].id] == "starting"
    assert index.parsed == 1
    with EventWriter(runs[3].events) as writer:
        writer.write(Epoch(epoch=1, test_accuracy=0.25))
    assert {row.id: row.epoch for row in index.rows([root])}[runs[3].id] == 1
    os.kill(identity.pid, signal.SIGKILL)
    os.waitpid(identity.pid, 0)
    for lister in (index, Index(cache)):
        assert {row.id: row.status for row in lister.rows([root])}[runs[3].id] == "lost"


def test_without_a_path_the_index_is_private_in_the_cache_folder(root, runs, private_folders):
    Index().rows([root])
    path = private_folders / "cache" / "cifar-tui" / "index.sqlite"
    assert path.stat().st_mode & 0o777 == 0o600
    index = Index()
    index.rows([root])
    assert index.parsed == 0


def test_files_of_the_last_moments_are_not_trusted_to_stay(root, runs, cache, monkeypatch):
    monkeypatch.setattr(module, "RACY_NS", 2_000_000_000)
    index = Index(cache)
    for _ in range(2):
        index.rows([root])
        assert index.parsed == len(runs)  # a change within the same time stamp would go unseen
    long_ago = time.time() - 100
    for run in runs:
        for path in (*run.path.iterdir(), run.path):
            os.utime(path, (long_ago, long_ago))
    index.rows([root])
    index.rows([root])
    assert index.parsed == 0


def test_a_damaged_run_is_listed_and_looked_at_again(root, runs, cache):
    sound = runs[2].run_json.read_bytes()
    runs[2].run_json.write_bytes(b"{")
    index = Index(cache)
    os.utime(runs[2].path, (1e9, 1e9))
    assert {row.id: row.reason for row in index.rows([root])}[runs[2].id] == "bad_input"
    before = runs[2].run_json.stat()
    runs[2].run_json.write_bytes(sound)
    os.utime(runs[2].run_json, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert {row.id: row.reason for row in index.rows([root])}[runs[2].id] == ""


def test_what_is_not_a_run_folder_is_not_listed(root, runs, tmp_path):
    (root / "notes").mkdir()
    (root / "20260101-000000-file").write_text("")
    (root / "20260101-000000-link").symlink_to(runs[0].path)
    (root / "20260101-000000-loop").symlink_to("20260101-000000-loop")
    (root / ".removed-20260101-000000-aaaa-01234567").mkdir()
    assert {row.id for row in Index().rows([root])} == {run.id for run in runs}
    assert Index().rows([tmp_path / "missing"]) == []


def test_roots_do_not_disturb_each_other(root, runs, cache, tmp_path):
    archive = tmp_path / "archive"
    old = build(archive, 77)
    index = Index(cache)
    assert len(index.rows([root, archive])) == 7
    assert [row.id for row in index.rows([archive])] == [old.id]
    assert len(index.rows([root])) == 6
    assert index.parsed == 0
    assert len(Index(cache).rows([root, archive])) == 7


def test_a_quick_listing_shows_new_and_removed_runs_at_once_and_changes_in_turn(root, cache):
    runs = [build(root, number) for number in range(3 * TURNS)]
    index = Index(cache)
    index.rows([root])
    for run in runs[:-1]:
        ExitRecord("stopped").write(run.exit)
    runs[-1].path.rename(root / "gone")
    build(root, 500)
    stopped = []
    for _ in range(TURNS):
        rows = index.rows([root], quick=True)
        assert {row.seed for row in rows} == {*range(3 * TURNS - 1), 500}
        stopped.append(sum(row.status == "stopped" for row in rows))
    assert stopped == sorted(stopped)
    assert max(later - before for before, later in itertools.pairwise(stopped)) <= 4
    assert stopped[-1] == 3 * TURNS - 1
