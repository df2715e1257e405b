"""A run folder in which a folder is really a link: it may be looked at, but nothing is written or removed there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from engine.contract.errors import BadInput
from engine.contract.run.checkpoints import is_ours

FOLDERS: Final = ("checkpoints", "parts", "exits", "requests")
"""The folders that a run folder may hold."""


def refuse_links(run: Path) -> None:
    """Make sure that whatever is written into a run folder ends up there.

    Raises:
        BadInput: one of its folders, or a checkpoint, is a link.
    """
    for path in _folders(run):
        try:
            if stat.S_ISLNK(path.lstat().st_mode):
                where = path.relative_to(run)
                raise BadInput(
                    f"run {run.name} is not written to: {where} is a link to {os.readlink(path)}; "  # noqa: PTH115  # as it stands there
                    f"put the folder itself in its place"
                )
        except FileNotFoundError:
            continue


def _folders(run: Path) -> Iterator[Path]:
    yield from (run / name for name in FOLDERS)
    try:
        yield from [path for path in (run / "checkpoints").iterdir() if is_ours(path.name)]
    except (FileNotFoundError, NotADirectoryError):
        return
