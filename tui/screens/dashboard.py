"""Dashboard: one run, live. Accuracy, loss, classes, devices and log, read from the run folder."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import ClassVar, Final, Literal

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import Resize, ScreenResume

from engine.contract.run.logfile import size
from engine.contract.run.status import Status
from engine.contract.run.store import RunFolder
from tui.dashboard import exported, panels
from tui.dashboard.accuracy_series import CurveStyle
from tui.dashboard.classes import class_names, evaluated_by_class
from tui.dashboard.layout import WIDEST
from tui.dashboard.options import METRICS, next_value
from tui.dashboard.panes import Panes
from tui.dashboard.scene import Scene, Second
from tui.dashboard.view import RunView
from tui.drawing.sheet import Sheet
from tui.keys.common import GLOBAL, bindings
from tui.keys.dashboard import KEYS
from tui.keys.key import footer, for_state
from tui.screens.beside import BesideRuns
from tui.screens.exports import Exports
from tui.screens.log import Log
from tui.screens.neighbors import listed
from tui.screens.plot_keys import PlotKeys
from tui.widgets.key_line import KeyLine
from tui.widgets.top_bar import TopBar

TICK_SECONDS: Final = 1.0
LONG_FILE: Final = 2 << 20
"""Size of an event file in bytes above which its end is shown first while a thread reads all of it."""


class Dashboard(BesideRuns, PlotKeys, Exports):
    """One run, live."""

    KEYS = KEYS
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)

    def __init__(self) -> None:
        super().__init__()
        self._view: RunView | None = None
        self._state = Status("lost")
        self._rates: list[float] = []
        self._zoom: Literal["", "accuracy", "lower"] = ""
        self._follow = False
        self._divided_for = 0  # rows of classes

    def _pairs(self) -> list[tuple[str, str]]:
        """The keys at the bottom: those that the status of the run allows, such as resume for a stopped one."""
        shown = footer(for_state([*KEYS, *GLOBAL], self._state.state if self._view is not None else ""))
        return [(key, self._options.x if key == "x" else label) for key, label in shown]

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield Panes()
        yield KeyLine(self._pairs())

    def on_mount(self) -> None:
        self.set_interval(TICK_SECONDS, self._tick)

    def on_screen_resume(self, event: ScreenResume) -> None:
        self._choose_run()
        self._tick()
        self._draw()

    def on_resize(self, event: Resize) -> None:
        self._arrange()

    def runs_changed(self) -> None:
        """Choose the run again after runs have changed: there may be a newer one to follow."""
        self._choose_run()
        self._draw()

    def _run(self) -> RunFolder | None:
        """The run that is shown."""
        return self._view.run if self._view is not None else None

    # --- which run --------------------------------------------------------------------------------------------

    def _choose_run(self) -> None:
        """Show the selected run. Without one, or when following, show the newest live run, else the newest run."""
        workspace = self.workbench.workspace
        if self._follow or workspace.selected is None:
            row = next(iter(listed(workspace)), None)
            if row is not None and (workspace.selected is None or row.live):
                workspace.selected = workspace.folder(row)
        if workspace.selected is not None and (self._view is None or self._view.run != workspace.selected):
            self._open(workspace.selected)
        self._choose_beside()

    def _open(self, run: RunFolder) -> None:
        """Show a run: all of it if it is short, else its last events while a thread reads all of them."""
        long = size(run.events) > LONG_FILE
        self._view = RunView(run, tail=long)
        self._view.poll()
        self._rates = panels.planned_rates(self._view)
        self._state = self._view.status()
        if long:
            self._read_whole(run)
        self._arrange()

    @work(thread=True, group="whole", exclusive=True, exit_on_error=False)
    def _read_whole(self, run: RunFolder) -> None:
        view = RunView(run)
        view.poll()
        self.app.call_from_thread(self._show_whole, view)

    def _show_whole(self, view: RunView) -> None:
        if self._view is not None and self._view.run == view.run:
            self._view = view
            self._arrange()

    # --- drawing ----------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        """Read new events once a second while the screen is in front, and redraw if there are any."""
        if not self.is_current:
            return
        if self._view is None:
            self._choose_run()
        if self._view is None:
            self._draw()
            return
        changed = self._view.poll()
        state = self._view.status()
        changed = changed or state != self._state
        self._state = state
        for other in (self._baseline, self._second):
            changed = (other is not None and other.poll()) or changed
        if changed and self._class_rows() != self._divided_for:
            self._arrange()
        elif changed:
            self._draw()
        else:
            self.query_one(Panes).draw_status(self._scene(self._view))

    def _class_rows(self) -> int:
        """How many rows the pane of the classes needs: a single one while the only test is still to come."""
        if self._view is None:
            return 0
        to_come = self._view.tested_once and not evaluated_by_class(self._view.history)
        return 1 if to_come else len(class_names(self._view.history))

    def _arrange(self) -> None:
        """Lay out the panes, then draw them once they have their sizes."""
        self._divided_for = self._class_rows()
        self.query_one(Panes).divide(self._divided_for, self._zoom, len(self.workbench.workspace.summaries()))
        self._choose_second()
        self.call_after_refresh(self._draw)

    def _scene(self, view: RunView) -> Scene:
        workspace, own = self.workbench.workspace, str(view.run.path)
        shown = [view.run, *([self._second.run] if self._second else [])]
        slots = dict(zip(shown, workspace.slots_of(shown), strict=True))
        by_id = workspace.slots | {run.id: slot for run, slot in slots.items()}
        second = self._second
        return Scene(
            view, self._state, self._baseline, self._siblings, self._rates,
            panels.others(workspace.live(), own, by_id), self._options, self._zoom,
            CurveStyle.of(slots[view.run], view.run.id),
            panels.here(listed(workspace), own, by_id) if second or self.app.size.width >= WIDEST else (),
            Second(second, CurveStyle.of(slots[second.run], second.run.id)) if second else None,
        )  # fmt: skip

    def _draw(self) -> None:
        panes = self.query_one(Panes)
        self.query_one(KeyLine).set_pairs(self._pairs())
        if self._view is None:
            panes.show_message("no runs yet: 4 opens New run")
        else:
            panes.draw(self._scene(self._view))

    # --- keys that change the view ----------------------------------------------------------------------------

    def _last_epoch(self) -> int:
        return self._view.done_epochs if self._view is not None else 0

    def action_metric(self) -> None:
        """Show the next metric in the lower plot; a zoomed plot cycles through the accuracy as well."""
        if self._zoom == "accuracy":
            self._zoom = "lower"
            self._change(replace(self._options, metric=METRICS[0]))
            return
        metric = next_value(METRICS, self._options.metric)
        if self._zoom and metric == METRICS[0]:
            self._zoom = "accuracy"
        self._change(replace(self._options, metric=metric))

    def action_zoom(self) -> None:
        self._zoom = "" if self._zoom else "accuracy"
        self._arrange()

    def action_every_gpu(self) -> None:
        self._change(replace(self._options, every_gpu=not self._options.every_gpu))

    def action_follow(self) -> None:
        self._follow = not self._follow
        self.say("following the newest live run" if self._follow else "no longer following the newest live run")
        self._choose_run()
        self._draw()

    def _show_run(self, run: RunFolder) -> None:
        self._follow = False
        super()._show_run(run)
        self._draw()

    def _sheet(self) -> Sheet | None:
        if self._view is None:
            return None
        return exported.sheet_of(self._scene(self._view), time.time())

    # --- other screens, marks, new runs ------------------------------------------------------------------------

    def action_log(self) -> None:
        if self._view is not None:
            self.app.push_screen(Log(self._view))

    def action_search(self) -> None:
        if self._view is not None:
            self.app.push_screen(Log(self._view, searching=True))

    def action_mark(self) -> None:
        workspace = self.workbench.workspace
        if self._view is not None:
            workspace.toggle_mark(self._view.run)
            marked = "marked" if self._view.run in workspace.marked else "unmarked"
            self.say(f"{self._view.short_id} {marked}, {len(workspace.marked)} marked in all")

    def action_rerun(self) -> None:
        if self._view is not None and self.workbench.workspace.row(self._view.run) is not None:
            self.ask_again(self._view.run)

    def action_edit(self) -> None:
        if self._view is not None and not self.refuses(self._view.run):
            flags = {"preset": f"run:{self._view.run.id}", "seed": str(self._view.info.seed)}
            self.workbench.new_run(flags | {"name": self._view.labels().name})
