"""The runs in the order of Results, for going from one to the next."""

from __future__ import annotations

from engine.contract.run.store import RunFolder, Summary
from tui.drawing.run_rows import list_rows
from tui.session import Session


def listed(session: Session) -> list[Summary]:
    """All runs as Results lists them: live ones first, then the newest."""
    return [row.run for row in list_rows(session.summaries()) if row.run is not None]


def neighbor(session: Session, run: RunFolder | None, step: int) -> RunFolder | None:
    """The run `step` places below (above for a negative step) in the list; the first for a run that is not in it."""
    rows = listed(session)
    folders = [row.folder for row in rows]
    here = str(run.path) if run else ""
    place = folders.index(here) + step if here in folders else 0
    return session.folder(rows[place]) if 0 <= place < len(rows) else None
