"""Code that a run brings along in `parts/`: whose it is, and whether it is what the run was made with.

Such a file is executed by whoever resumes the run, begins a new one from it, learns from it or looks at its images.
That happens without a question where the user owns it and its SHA-256 is the one in `run.json`; else only where the
user says so, and then with exactly the bytes that were agreed to.
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
"""Tells a child which files the user has agreed to: a JSON object of SHA-256 by path."""
WAY_OUT: Final = "--trust-parts runs it all the same; read it first"


class Untrusted(BadInput):
    """Code that is not executed without the user's word."""


def approve(runs: Iterable[RunFolder], trust: bool) -> dict[str, str]:
    """The code of these runs by path, with its SHA-256. Raises Untrusted where there is doubt and no `trust`."""
    found = list(runs)
    lines = [] if trust else [line for run in found for line in doubts(run)]
    if lines:
        raise Untrusted([*lines, WAY_OUT])
    return {str(path): digest for run in found for path in code_of(run) if (digest := _digest(path))}


def told(approved: Mapping[str, str]) -> dict[str, str]:
    """The environment that hands on to a child what `approve` returned."""
    return {VARIABLE: json.dumps(dict(approved))}


def brought_by(files: Sequence[str]) -> list[RunFolder]:
    """The runs from whose `parts/` some of the files come."""
    folders = {Path(file).absolute().parent for file in files}
    return [RunFolder(folder.parent) for folder in sorted(folders) if _is_parts(folder)]


def code_of(run: RunFolder) -> list[Path]:
    """The files of its `parts/`."""
    return sorted(run.parts.glob("*.py"))


def doubts(run: RunFolder) -> list[str]:
    """A line for each file of a run's `parts/` that is another user's or not as `run.json` has it."""
    recorded = _recorded(run)
    return [line for path in code_of(run) if (line := _doubt(run, path, recorded))]


def check(run: RunFolder) -> None:
    """Before the code is executed: it is as `run.json` has it, or what the user has agreed to. Raises BadInput."""
    agreed: Mapping[str, str] = json.loads(os.environ.get(VARIABLE, "{}"))
    recorded = _recorded(run)
    lines = []
    for path in code_of(run):
        if str(path) in agreed:
            if agreed[str(path)] != _digest(path):
                lines.append(f"{path} is not the file any more that it was when the run was started")
        elif line := _doubt(run, path, recorded):
            lines.append(line)
    if lines:
        raise BadInput([*lines, WAY_OUT])


def _doubt(run: RunFolder, path: Path, recorded: Mapping[str, str]) -> str:
    """What speaks against a file, and whose it is; "" where nothing does."""
    digest, owner = _digest(path), _owner(path)
    whose = "yours" if owner == os.getuid() else f"code of {_name(owner)}"
    if not digest:
        return f"{path} is no plain file that can be read ({whose})"
    if path.name not in recorded:
        return f"{path} is not among the parts that run {run.id} was made with ({whose})"
    if digest != recorded[path.name]:
        hashes = f"SHA-256 {digest[:12]}, not {recorded[path.name][:12]}"
        return f"{path} has changed since run {run.id} was made: {hashes} ({whose})"
    others = {_owner(place) for place in (path, run.run_json)} - {os.getuid()}
    return f"{path} is code of {_name(max(others))}" if others else ""


def _recorded(run: RunFolder) -> dict[str, str]:
    try:
        return run.info().parts
    except BadInput:  # damaged: nothing vouches for the code
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
