"""Versions and commit of what a run was created with, against `importlib.metadata` and git itself."""

import importlib.metadata
import platform
import subprocess
from pathlib import Path

import pytest

import engine
from engine.contract.run.provenance import PACKAGES, git_state, versions


def test_versions_are_those_of_the_installed_packages():
    found = versions()
    assert found["python"] == platform.python_version()
    assert {name: found[name] for name in PACKAGES if found[name]} == {
        name: importlib.metadata.version(name) for name in PACKAGES if found[name]
    }


def test_the_commit_is_that_of_the_checkout():
    checkout = Path(engine.__file__).resolve().parents[1]
    if not (checkout / ".git").exists():
        pytest.skip("not a checkout")
    asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True)
    assert git_state()["commit"] == asked.stdout.strip() and type(git_state()["dirty"]) is bool
