"""Ten thousand runs are listed through the index, and the index may be lost at any time."""

import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest

from engine.contract.run import index as module
from engine.contract.run import rowcache
from engine.contract.run.events import Epoch, EventWriter, Finished, RunStarted, encode
from engine.contract.run.folder import RunFolder, RunInfo
from engine.contract.run.index import TURNS, Index
from engine.contract.run.process import ExitRecord, ProcRecord, boot_id, host_name
from engine.contract.run.summary import Summary, summarize
from engine.contract.values import encode_table

EVENTS = "".join(
    encode(event) + "\n"
    for event in (RunStarted(t=1.0, epochs=2), Epoch(t=2.0, epoch=1, test_accuracy=0.5), Finished(t=3.0))
)


def build(root: Path, number: int) -> RunFolder:
    """An ended run, quicker than `create` makes one."""
    run = RunFolder(root / f"20260101-{number // 100:06d}-{number % 10_000:04d}")
    run.path.mkdir(parents=True)
    info = RunInfo(id=run.id, created=1e9 + number, seed=number, model="lenet", recipe_id="0" * 64)
    run.run_json.write_bytes(encode_table(info))
    run.events.write_text(EVENTS)
    run.exit.write_bytes(encode_table(ExitRecord("finished")))
    return run


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


def test_ten_thousand_runs_are_read_once_and_then_only_what_changed(root, cache):
    runs = [build(root, number) for number in range(10_000)]
    index = Index(cache)
    rows = index.rows([root])
    assert (len(rows), index.parsed) == (10_000, 10_000)
    assert [row.seed for row in rows] == list(range(9999, -1, -1))  # newest first

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
    build(root, 10_000)
    for lister in (again, Index(cache)):
        changed = {row.seed: row for row in lister.rows([root])}
        assert changed[17].name == "seventeen"
        assert changed[18].reason == "diverged"
        assert changed[19].last_accuracy == 0.75
        assert 20 not in changed and 10_000 in changed
        assert len(changed) == 10_000
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


def delete(path: Path) -> None:
    path.unlink()


def garbage(path: Path) -> None:
    path.write_bytes(os.urandom(20_000))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 100])


def scribble(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for place in range(4096, len(data), 64):
        data[place : place + 8] = b"\xff" * 8
    path.write_bytes(data)


def other_version(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 999")
    database.close()


def other_table(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE rows")
        database.execute("CREATE TABLE rows (mood TEXT)")
    database.close()


def nonsense_rows(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("UPDATE rows SET text = '[[1, 2], {\"a\": 5}]'")
    database.close()


def short_rows(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("UPDATE rows SET text = '[[1, 2], [3]]'")
    database.close()


def torn_rows(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("UPDATE rows SET text = substr(text, 1, 40)")
    database.close()


@pytest.mark.parametrize(
    "damage",
    [delete, garbage, empty, cut, scribble, other_version, other_table, nonsense_rows, short_rows, torn_rows],
)
def test_a_lost_or_damaged_index_is_built_again(root, runs, cache, damage):
    rows = Index(cache).rows([root])
    damage(cache)
    index = Index(cache)
    assert index.rows([root]) == rows
    assert index.parsed > 0  # it did not have the rows any more
    healed = Index(cache)
    assert healed.rows([root]) == rows
    assert healed.parsed == 0


def test_an_index_that_cannot_be_kept_does_not_matter(root, runs, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "folder", tmp_path / "file" / "index.sqlite", Path("/proc/index.sqlite")):
        index = Index(path)
        assert len(index.rows([root])) == len(index.rows([root])) == len(runs)
        assert index.parsed == 0  # within one program it still remembers


def test_an_index_that_another_program_blocks_is_left_alone(root, runs, cache, monkeypatch):
    monkeypatch.setattr(rowcache, "BUSY_SECONDS", 0.01)
    rows = Index(cache).rows([root])
    blocker = sqlite3.connect(cache, isolation_level=None)
    blocker.execute("PRAGMA locking_mode = EXCLUSIVE")
    blocker.execute("BEGIN EXCLUSIVE")
    assert Index(cache).rows([root]) == rows
    blocker.execute("ROLLBACK")
    blocker.close()
    index = Index(cache)
    index.rows([root])
    assert index.parsed == 0


def test_a_cache_folder_on_a_network_is_not_used(monkeypatch):
    Disk = namedtuple("Disk", "mountpoint fstype")
    monkeypatch.setattr(
        rowcache.psutil,
        "disk_partitions",
        lambda all: [Disk("/", "ext4"), Disk("/home", "nfs4"), Disk("/home/me/local", "xfs"), Disk("/sys", "sysfs")],
    )
    for folder, remote in (("/", False), ("/home/you", True), ("/home/me/local/cache", False), ("/homework", False)):
        assert rowcache.is_remote(Path(folder)) is remote, folder
    monkeypatch.setenv("XDG_CACHE_HOME", "/home/you/.cache")
    assert Index().rows([]) == []
    assert not Path("/home/you").exists()


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


def test_a_run_that_is_forgotten_shows_its_change_in_the_next_quick_listing(root, cache):
    runs = [build(root, number) for number in range(2 * TURNS)]
    index = Index(cache)
    index.rows([root])
    for run in runs:
        run.add_label(name="new")
        index.forget(run.path)
        assert {row.id: row.name for row in index.rows([root], quick=True)}[run.id] == "new"


def test_programs_that_build_the_index_at_once_all_get_every_row(root, cache):
    for number in range(200):
        build(root, number)
    code = (
        "import sys; from pathlib import Path; from engine.contract.run.index import Index\n"
        "print(len(Index(Path(sys.argv[1])).rows([Path(sys.argv[2])])))"
    )
    programs = [
        subprocess.Popen([sys.executable, "-c", code, str(cache), str(root)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [program.communicate()[0].strip() for program in programs] == ["200"] * 4


def test_the_index_stores_nothing_but_plain_rows(root, runs, cache):
    Index(cache).rows([root])
    with sqlite3.connect(cache) as database:
        stored = dict(database.execute("SELECT key, text FROM rows"))
    database.close()
    assert set(stored) == {str(run.path) for run in runs}
    assert all(len(json.loads(text)[1]) == len(Summary.__dataclass_fields__) for text in stored.values())


def test_a_folder_whose_name_is_no_utf_8_is_listed_though_not_kept(tmp_path):
    root = tmp_path / os.fsdecode(b"runs-\xff")
    root.mkdir()
    run = build(root, 1)
    for _ in range(2):
        index = Index(tmp_path / "index.sqlite")
        assert [row.id for row in index.rows([root])] == [run.id]
        assert index.parsed == 1
    shutil.rmtree(run.path)
    assert Index(tmp_path / "index.sqlite").rows([root]) == []
