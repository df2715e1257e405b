"""The environment of a child: it imports this very package, from wherever it is started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import engine
from engine.launch import package


def test_a_child_imports_this_package_and_not_a_folder_of_its_name(tmp_path: Path):
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "__init__.py").write_text("raise SystemExit('the wrong engine')")
    code = "import engine; from engine.launch import package; print(engine.__file__); print(package.problem())"
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=package.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.splitlines() == [str(Path(engine.__file__).resolve()), ""]


def test_a_child_of_another_copy_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(package.VARIABLE, "/other/engine/__init__.py")
    assert (
        package.problem()
        == f"imported {package.own()}, but was started from /other/engine/__init__.py: check PYTHONPATH"
    )


def test_folders_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CIFAR_TUI_DATA", "data")
    monkeypatch.setenv("CIFAR_TUI_QUEUE", "~/queue")
    child = package.environment()
    assert child["CIFAR_TUI_DATA"] == str(tmp_path / "data") and child["CIFAR_TUI_QUEUE"] == str(Path.home() / "queue")
    assert child["PYTHONSAFEPATH"] == "1" and child["PATH"] == os.environ["PATH"]
