"""What torch compiles goes to a folder that nobody else can write, or whose place nobody else can take."""

import os
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest

from engine.launch import compile_cache, package

Bench = Any  # tests/engine/launch/conftest.py, which cannot be imported
VARIABLE = compile_cache.VARIABLE


@pytest.fixture
def place(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it should be, while the user has set nothing."""
    monkeypatch.delenv(VARIABLE)
    return empty_cache / "cifar-tui" / "torch"


def test_torch_takes_the_folder_and_it_is_private(place: Path, monkeypatch: pytest.MonkeyPatch):
    """In this process: torch reads the variable at each call, and another process would import its compiler anew."""
    from torch._inductor.runtime import cache_dir_utils  # not before it is needed: it takes a second

    monkeypatch.delenv(VARIABLE, raising=False)  # set by that import
    monkeypatch.setenv(VARIABLE, package.environment()[VARIABLE])
    monkeypatch.delenv("TRITON_CACHE_DIR", raising=False)
    assert Path(cache_dir_utils.cache_dir()) == place
    assert Path(cache_dir_utils.triton_cache_dir(0)).is_relative_to(place)
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (place, place.parent)} == {0o700}


def test_the_trainer_gets_it(place: Path, bench: Bench):
    run = bench.start("finish")
    bench.record(run)
    assert f"{VARIABLE}={place}" in (run.path / "seen.txt").read_text().splitlines()


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(VARIABLE, "/scratch/ada")
    assert package.environment()[VARIABLE] == "/scratch/ada"


@pytest.mark.parametrize("umask", [0, 0o022])
def test_a_folder_that_is_there_is_closed(place: Path, umask: int):
    place.mkdir(parents=True)
    place.chmod(0o777)
    before = os.umask(umask)
    try:
        assert compile_cache.environment() == {VARIABLE: str(place)}
    finally:
        os.umask(before)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def put_link(place: Path) -> None:
    (place.parent / "elsewhere").mkdir(mode=0o700)
    place.symlink_to("elsewhere")


def put_file(place: Path) -> None:
    place.touch()


@pytest.mark.parametrize("put", [put_link, put_file])
def test_what_may_be_anybodys_is_not_used(put: Any, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    place.parent.mkdir(parents=True)
    put(place)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = Path(compile_cache.environment()[VARIABLE])
    assert found.parent == tmp_path and stat.S_IMODE(found.stat().st_mode) == 0o700


def test_a_folder_of_another_user_is_not_used(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    place.mkdir(parents=True)
    monkeypatch.setattr(os, "geteuid", lambda: place.stat().st_uid + 1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert Path(compile_cache.environment()[VARIABLE]).parent == tmp_path
