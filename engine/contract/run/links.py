"""Refuse to write to, or remove from, a run folder in which a subfolder is a link. Reading it is allowed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from engine.contract.errors import BadInput
from engine.contract.run.checkpoints import is_ours

FOLDERS: Final = ("checkpoints", "parts", "exits", "requests", "failures")
"""The subfolders of a run folder."""


def refuse_links(run: Path) -> None:
    """Make sure that everything written into a run folder ends up there.

    Raises:
        BadInput: one of its subfolders, or a checkpoint, is a link.
    """
    for path in _folders(run):
        try:
            if stat.S_ISLNK(path.lstat().st_mode):
                where = path.relative_to(run)
                raise BadInput(
                    f"cannot write to run {run.name}: {where} is a link to {os.readlink(path)}; "  # noqa: PTH115  # the target as stored
                    f"replace the link with the folder itself"
                )
        except FileNotFoundError:
            continue


def _folders(run: Path) -> Iterator[Path]:
    yield from (run / name for name in FOLDERS)
    try:
        yield from [path for path in (run / "checkpoints").iterdir() if is_ours(path.name)]
    except (FileNotFoundError, NotADirectoryError):
        return
