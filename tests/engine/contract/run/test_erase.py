"""Removing without following links, and how many bytes that frees, against `shutil` and `os.walk`."""

import os
import shutil
from pathlib import Path

import pytest

from engine.contract.run.erase import erase, files_in, freed_bytes, is_folder, opened, used_bytes


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for name, size in {"a": 10, "deep/b": 100, "deep/er/c": 1000}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x" * size)
    return root


def test_files_are_those_of_a_walk(tree: Path):
    walked = [Path(folder) / name for folder, _, names in os.walk(tree) for name in names]
    assert sorted(status.st_ino for status in files_in(tree)) == sorted(path.stat().st_ino for path in walked)
    assert used_bytes(files_in(tree)) == sum(path.stat().st_size for path in walked) == 1110
    assert list(files_in(tree / "missing")) == []


def test_a_file_with_another_name_elsewhere_frees_nothing(tree: Path):
    (tree.parent / "other").hardlink_to(tree / "deep" / "b")
    (tree / "twin").hardlink_to(tree / "a")
    assert used_bytes(files_in(tree)) == 1110, "names of one file count once"
    assert freed_bytes(files_in(tree)) == 1010
    shutil.rmtree(tree)
    assert (tree.parent / "other").stat().st_size == 100


def test_a_link_is_removed_and_what_it_leads_to_stays(tree: Path):
    outside = tree.parent / "outside"
    outside.mkdir()
    (outside / "file").touch()
    (tree / "deep" / "link").symlink_to(outside)
    (tree / "out").symlink_to(outside)
    with opened(tree) as folder:
        assert (is_folder("deep", folder), is_folder("out", folder), is_folder("a", folder)) == (True, False, False)
        for name in ("deep", "out", "a"):
            erase(name, folder)
        with pytest.raises(FileNotFoundError):
            erase("a", folder)
    assert list(tree.iterdir()) == [] and (outside / "file").exists()


def test_a_folder_is_not_opened_through_a_link(tree: Path):
    (tree.parent / "link").symlink_to(tree)
    with pytest.raises(OSError), opened(tree.parent / "link"):  # ELOOP on Linux, ENOTDIR elsewhere
        pass
