"""Where runs are: flags before the environment before the platform's folder; only run folders are found there."""

from pathlib import Path

import platformdirs
import pytest

from engine.contract.errors import BadInput
from engine.contract.run.roots import VARIABLE, check_writable, is_run, make_root, run_paths, runs_root, runs_roots


def test_flags_come_before_the_environment_and_that_before_the_platform(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "own"))
    assert runs_root() == tmp_path / "own" and runs_root(str(tmp_path / "flag")) == tmp_path / "flag"
    monkeypatch.delenv(VARIABLE)
    assert runs_root() == (platformdirs.user_data_path("cifar-tui") / "runs").resolve()


def test_roots_are_absolute_and_not_repeated(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert runs_roots(["a", str(tmp_path / "a"), "link", "b"]) == [tmp_path / "a", tmp_path / "b"]
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match=r"runs folder 'file' \(from --runs-dir\): not a folder"):
        runs_roots(["file"])
    with pytest.raises(BadInput, match="no such user"):
        runs_roots(["~nobody-here"])


def test_a_root_is_private_or_open_to_its_group(tmp_path):
    make_root(tmp_path / "private" / "runs")
    make_root(tmp_path / "shared", shared=True)
    assert (tmp_path / "private" / "runs").stat().st_mode & 0o7777 == 0o700
    assert (tmp_path / "shared").stat().st_mode & 0o7777 == 0o2770
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="cannot create or open the runs folder"):
        make_root(tmp_path / "file")


def test_only_real_folders_that_are_named_like_a_run_are_found(tmp_path):
    names = ["20260101-000000-abcd", "20260101-000000-ABCD", "20260101-000000-abcde", ".trash", "notes"]
    for name in names:
        (tmp_path / name).mkdir()
    (tmp_path / "20260102-000000-link").symlink_to(tmp_path / names[0])
    (tmp_path / "20260103-000000-file").touch()
    assert list(run_paths(tmp_path)) == [str(tmp_path / names[0])]
    assert [path.name for path in tmp_path.iterdir() if is_run(path)] == [names[0]]
    assert list(run_paths(Path("/nowhere"))) == []
    with pytest.raises(BadInput, match="is read-only"):
        check_writable(tmp_path / names[0], [tmp_path / "other", tmp_path])
