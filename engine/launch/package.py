"""The right `engine`: children import the launcher's own package and never a folder that happens to have its name."""

import os
import site
from pathlib import Path

import engine
from engine.contract.errors import user_path
from engine.launch import compile_cache

VARIABLE = "CIFAR_TUI_ENGINE"
"""Tells a child which `engine/__init__.py` its launcher runs."""
FOLDERS = ("CIFAR_TUI_DATA", "CIFAR_TUI_QUEUE")
"""What a child reads from the environment as a folder; relative ones mean the launcher's current folder."""


def own() -> str:
    """The file of the package that runs here."""
    return str(Path(engine.__file__ or "").resolve())


def environment() -> dict[str, str]:
    """This process's environment, made safe for a child that imports `engine`.

    The current folder stays off the child's path. A checkout is put on it; an installed package is found without, and
    its folder must not be put in front of the standard library. A child works in `/`, so folders become absolute.
    What torch compiles goes to a private folder.
    """
    root = str(Path(own()).parents[1])
    installed = {*site.getsitepackages(), site.getusersitepackages()}
    inherited = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    parts = inherited if root in {os.path.realpath(path) for path in installed} else [root, *inherited]
    child = {**os.environ, VARIABLE: own(), "PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(parts)}
    child |= compile_cache.environment()
    child |= {key: str(user_path(child[key]).absolute()) for key in FOLDERS if child.get(key)}
    if not parts:
        del child["PYTHONPATH"]
    return child


def problem() -> str:
    """What is wrong where this process was started for another copy of the package, else ""."""
    expected = os.environ.get(VARIABLE, own())
    return "" if expected == own() else f"imported {own()}, but was started by {expected}: check PYTHONPATH"
