"""The runs in the order of Results, to step from one to the next."""

from __future__ import annotations

from engine.contract.run.store import RunFolder, Summary
from tui.drawing.run_rows import list_rows
from tui.workspace import Workspace


def listed(workspace: Workspace) -> list[Summary]:
    """All runs in the default order of Results: live ones first, then the newest."""
    return [row.run for row in list_rows(workspace.summaries()) if row.run is not None]


def neighbor(workspace: Workspace, run: RunFolder | None, step: int) -> RunFolder | None:
    """The run `step` rows below in the list, above for a negative step; None past the ends.

    The first run of the list if `run` is None or not in it.
    """
    rows = listed(workspace)
    folders = [row.folder for row in rows]
    here = str(run.path) if run else ""
    place = folders.index(here) + step if here in folders else 0
    return workspace.folder(rows[place]) if 0 <= place < len(rows) else None
