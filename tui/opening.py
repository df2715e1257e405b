"""Opening the workbench: what has to be right before the screen is touched, and what is said when it is left."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.contract.errors import BadInput
from engine.contract.run.store import find
from tui.app import Workbench
from tui.commands.sources import parts_with
from tui.drawing.format import keep_running
from tui.forms.editor import Desk
from tui.keys.common import MODES
from tui.plans.draft import from_flags
from tui.session import Session


def run_workbench(
    *,
    roots: Sequence[Path],
    open_run: str | None = None,
    start_screen: str | None = None,
    preset_flags: Mapping[str, Any] | None = None,
) -> int:
    """Open the workbench and return the exit code when it is left.

    Args:
        roots: folders with runs; the first is written to.
        open_run: a run to show on the Dashboard.
        start_screen: a section to begin with ("results").
        preset_flags: flags that fill in New run; nothing is started.

    Raises:
        BadInput: the run or the preset does not exist, or a flag makes no sense. The screen is not touched.
    """
    session = Session(roots)
    if start_screen and start_screen not in MODES:
        raise BadInput(f"unknown screen {start_screen!r}; there are {', '.join(MODES)}")
    mode = start_screen or ""
    if open_run:
        session.selected = find(list(roots), open_run)
        mode = "dashboard"
    if preset_flags:
        session.draft = from_flags(preset_flags)
        session.parts = tuple(parts_with(session.draft.preset, session.draft.parts, roots))
        Desk(session.draft, session.catalog, roots)  # a preset that does not exist is refused here
        mode = "new_run"
    app = Workbench(session, start_mode=mode)
    app.run()
    live = session.live()
    if live and app.return_code == 0:
        ids = ", ".join(row.id[-4:] for row in live[:5])
        sys.stdout.write(f"{keep_running(len(live))}: {ids}   cifar-tui open {live[0].id[-4:]}\n")
    return app.return_code or 0
