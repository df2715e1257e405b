"""Make sure that child processes import this `engine` package, and never a folder that happens to have its name."""

import os
import site
from pathlib import Path

import engine
from engine.contract.errors import user_path
from engine.launch import compile_cache

VARIABLE = "CIFAR_TUI_ENGINE"
"""Tells a child which `engine/__init__.py` its parent runs."""
FOLDERS = ("CIFAR_TUI_DATA", "CIFAR_TUI_QUEUE")
"""Variables that name a folder; a relative path is relative to the current folder of the parent."""


def own() -> str:
    """The path of the running package's `__init__.py`."""
    return str(Path(engine.__file__ or "").resolve())


def environment() -> dict[str, str]:
    """This process's environment, made safe for a child that imports `engine`.

    The current folder stays off the child's import path. A checkout is added to it; an installed package is found
    anyway, and its folder must not come before the standard library. A child runs in `/`, so folders become absolute.
    Torch compiles into a private folder.
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
    """An error message if this process was started for another copy of the package, else ""."""
    expected = os.environ.get(VARIABLE, own())
    return "" if expected == own() else f"imported {own()}, but was started from {expected}: check PYTHONPATH"
