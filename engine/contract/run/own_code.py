"""Code in a run's `parts/` folder: who owns it, and whether it is the code that the run was created with.

Such a file is executed when the run is resumed, when a new run starts from it or is distilled from it, and when its
images are shown. If the user owns the file and its SHA-256 is the one in `run.json`, that needs no confirmation, unless
the run was unpacked from an archive, where both came from whoever packed it; otherwise the user has to confirm, and
exactly the confirmed bytes are executed.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from engine.contract.errors import BadInput
from engine.contract.files import read_bytes
from engine.contract.run.folder import RunFolder

VARIABLE: Final = "CIFAR_TUI_TRUSTED_PARTS"
"""Tells a child process which files the user trusts: a JSON object of SHA-256 by path."""
WAY_OUT: Final = "read the code, then use --trust-parts to run it anyway"


class Untrusted(BadInput):
    """Code that is not executed without the user's confirmation."""


def approve(runs: Iterable[RunFolder], trust: bool) -> dict[str, str]:
    """SHA-256 of the code of these runs, by path. Raises Untrusted if one is doubtful and `trust` is false."""
    found = list(runs)
    lines = [] if trust else [line for run in found for line in doubts(run)]
    if lines:
        raise Untrusted([*lines, WAY_OUT])
    return {str(path): digest for run in found for path in code_of(run) if (digest := _digest(path))}


def environment(approved: Mapping[str, str]) -> dict[str, str]:
    """The environment variable that passes on the result of `approve` to a child process."""
    return {VARIABLE: json.dumps(dict(approved))}


def brought_by(files: Sequence[str]) -> list[RunFolder]:
    """The runs from whose `parts/` any of these files come."""
    folders = {Path(file).absolute().parent for file in files}
    return [RunFolder(folder.parent) for folder in sorted(folders) if _is_parts(folder)]


def code_of(run: RunFolder) -> list[Path]:
    """The files of its `parts/`."""
    return sorted(run.parts.glob("*.py"))


def doubts(run: RunFolder) -> list[str]:
    """A line for each file in a run's `parts/` that is another user's, came with an archive or was changed since."""
    recorded = _recorded(run)
    return [line for path in code_of(run) if (line := _doubt(run, path, recorded))]


def check(run: RunFolder) -> None:
    """Call this before executing the code. BadInput if a file is neither as in `run.json` nor trusted by the user."""
    agreed: Mapping[str, str] = json.loads(os.environ.get(VARIABLE, "{}"))
    recorded = _recorded(run)
    lines = []
    for path in code_of(run):
        if str(path) in agreed:
            if agreed[str(path)] != _digest(path):
                lines.append(f"{path} has changed since the run was started")
        elif line := _doubt(run, path, recorded):
            lines.append(line)
    if lines:
        raise BadInput([*lines, WAY_OUT])


def _doubt(run: RunFolder, path: Path, recorded: Mapping[str, str]) -> str:
    """Why a file should not be trusted, and whose it is; "" if there is no reason."""
    digest, owner = _digest(path), _owner(path)
    whose = "yours" if owner == os.getuid() else f"code of {_name(owner)}"
    if not digest:
        return f"{path} is not a readable regular file ({whose})"
    if path.name not in recorded:
        return f"{path} is not among the parts that run {run.id} was created with ({whose})"
    if digest != recorded[path.name]:
        hashes = f"SHA-256 {digest[:12]}, not {recorded[path.name][:12]}"
        return f"{path} has changed since run {run.id} was created: {hashes} ({whose})"
    if run.unpacked.exists():
        return f"{path} came with an archive: run {run.id} was unpacked by `runs unpack` ({whose})"
    others = {_owner(place) for place in (path, run.run_json)} - {os.getuid()}
    return f"{path} is code of {_name(max(others))}" if others else ""


def _recorded(run: RunFolder) -> dict[str, str]:
    try:
        return run.info().parts
    except BadInput:  # damaged: there is no record of the code
        return {}


def _digest(path: Path) -> str:
    source = read_bytes(path)
    return "" if source is None else hashlib.sha256(source).hexdigest()


def _owner(path: Path) -> int:
    try:
        return path.lstat().st_uid
    except OSError:
        return -1


def _name(owner: int) -> str:
    try:
        return f"user {pwd.getpwuid(owner).pw_name}"
    except (KeyError, OverflowError):
        return f"user {owner}"


def _is_parts(folder: Path) -> bool:
    run = RunFolder(folder.parent)
    return folder.name == run.parts.name and run.run_json.exists()
