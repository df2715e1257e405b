"""What a run was created with: versions, and the commit of an editable install."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import subprocess
from pathlib import Path
from typing import Any, Final

PACKAGES: Final = ("cifar-tui", "torch", "torchvision", "numpy")


@functools.cache
def versions() -> dict[str, str]:
    """Versions of Python, the system and the packages that affect results, found without importing them."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.release()}"}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = ""
    return found


@functools.cache
def git_state() -> dict[str, Any]:
    """`{"commit", "dirty"}` of the checkout that this code runs from; empty if it is not a checkout."""
    checkout = Path(__file__).resolve().parents[3]
    if not (checkout / ".git").exists():
        return {}
    commit = _git(checkout, "rev-parse", "HEAD")
    changed = _git(checkout, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit.strip(), "dirty": bool(changed.strip())} if commit else {}


def _git(checkout: Path, *arguments: str) -> str:
    try:
        asked = subprocess.run(
            ["git", "--no-optional-locks", *arguments],
            cwd=checkout,
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):  # no git, or a checkout on a hanging network folder
        return ""
    return asked.stdout if asked.returncode == 0 else ""
