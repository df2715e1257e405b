"""Opening the workbench: the checks before it takes over the terminal, and the message after it is closed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.contract.errors import BadInput
from engine.contract.run.store import find
from presets.references import parts_with
from tui.app import Workbench
from tui.comparisons import load
from tui.drawing.format import keep_running
from tui.forms.editor import FormEditor
from tui.keys.common import MODES
from tui.plans.draft import from_flags
from tui.resident import keep_small
from tui.settings import UNSET, Settings
from tui.workspace import Workspace


def run_workbench(
    *,
    roots: Sequence[Path],
    open_run: str | None = None,
    start_screen: str | None = None,
    comparison: str | None = None,
    preset_flags: Mapping[str, Any] | None = None,
    taking_over: Callable[[], None] = lambda: None,
    settings: Settings = UNSET,
) -> int:
    """Open the workbench; return its exit code when it is closed.

    Args:
        roots: folders with runs; new runs go into the first.
        open_run: the run to show on the Dashboard.
        start_screen: the section to open with ("results").
        comparison: name of the saved comparison to show.
        preset_flags: flags to fill in the form of New run with; nothing is started.
        taking_over: called before the app takes over the terminal.
        settings: how the workbench looks.

    Raises:
        BadInput: the run or the preset does not exist, or a flag is invalid. The terminal is left as it was.
    """
    workspace = Workspace(roots)
    if start_screen and start_screen not in MODES:
        raise BadInput(f"unknown section {start_screen!r}; choose from {', '.join(MODES)}")
    mode = start_screen or ""
    if open_run:
        workspace.selected = find(list(roots), open_run)
        mode = "dashboard"
    if comparison:
        workspace.show_comparison(load(comparison))
        mode = "compare"
    if preset_flags:
        workspace.draft = from_flags(preset_flags)
        workspace.parts = tuple(parts_with(workspace.draft.preset, workspace.draft.parts, roots))
        FormEditor(workspace.draft, workspace.catalog, roots)  # raises BadInput for an unknown preset or a bad flag
        mode = "new_run"
    app = Workbench(workspace, start_mode=mode, settings=settings)
    taking_over()
    keep_small()
    app.run()
    live = workspace.live()
    if live and app.return_code == 0:
        ids = ", ".join(row.id[-4:] for row in live[:5])
        sys.stdout.write(f"{keep_running(len(live))}: {ids}   cifar-tui open {live[0].id[-4:]}\n")
    return app.return_code or 0
