"""The cache behind the index: lost, damaged, busy or on a network, it never matters."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from engine.contract.run import index as module
from engine.contract.run import rowcache
from engine.contract.run.folder import RunFolder
from engine.contract.run.index import Index
from engine.contract.run.summary import Summary
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
