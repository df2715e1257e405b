"""Dashboard: one run, live. Accuracy, loss, classes, devices and log at once, read from the run folder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar, Final, TypeVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize, ScreenResume

from engine.analysis.compare import Standing
from engine.contract.status import Status
from engine.contract.store import RunFolder, Summary
from tui.dashboard import panels
from tui.dashboard.curves import (
    AXES,
    METRICS,
    SMOOTHING,
    X_UNITS,
    Frame,
    Options,
    accuracy_curves,
    aligned,
    lower_curves,
    rate_curve,
)
from tui.dashboard.plan import Plan, plan
from tui.dashboard.story import story
from tui.dashboard.view import RunView
from tui.key_tables.dashboard import KEYS
from tui.key_tables.key import footer
from tui.keys import GLOBAL, bindings
from tui.lines import Line
from tui.run_acts import RunActs
from tui.run_rows import rows_of
from tui.screens.log import Log
from tui.widgets.chart import curves
from tui.widgets.gpu_panel import gpu_panel
from tui.widgets.key_line import KeyLine
from tui.widgets.log_tail import log_tail
from tui.widgets.pane import Pane
from tui.widgets.per_class import per_class, worst_confusion
from tui.widgets.status_line import also_running, status
from tui.widgets.top_bar import TopBar

T = TypeVar("T")
TICK_SECONDS: Final = 1.0
LONG_FILE: Final = 2 << 20
"""Bytes of events from which the end is shown first while a thread reads the rest."""
MOST_SEEDS: Final = 8
"""How many runs of the baseline's recipe are read for the spread of its seeds."""
NEWEST_LINES: Final = 40


class Dashboard(RunActs):
    """One run, live."""

    KEYS = KEYS
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)
    DEFAULT_CSS = """
    Dashboard {
        #body { height: auto; }
        #left, #right { height: auto; }
        #left { margin-right: 1; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._view: RunView | None = None
        self._base: RunView | None = None
        self._siblings: list[Standing] = []
        self._options = Options()
        self._zoomed = False
        self._zoom_metric = "accuracy"
        self._follow = False
        self._plan: Plan | None = None
        self._rates: list[float] = []
        self._state = Status("lost")
        self._drawn: object = None

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield Pane(id="status")
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield Pane(id="accuracy")
                yield Pane(id="lower")
            with Vertical(id="right"):
                yield Pane(id="classes")
                yield Pane(id="rate")
                yield Pane(id="gpu")
        yield Pane(id="log")
        yield Pane(id="below")
        yield KeyLine(self._pairs())

    # --- which run --------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self.set_interval(TICK_SECONDS, self._tick)

    def on_screen_resume(self, event: ScreenResume) -> None:
        self._choose()
        self._draw()

    def runs_changed(self) -> None:
        """Rows are others now: there may be a newer run to follow, or another number of runs beside this one."""
        self._choose()
        self._draw()

    def _choose(self) -> None:
        """Show the selected run; with none, or when following, the newest live one, else the newest of all."""
        session = self.workbench.session
        if self._follow or session.selected is None:
            row = next(iter(self._rows()), None)
            if row is not None and (session.selected is None or row.live):
                session.selected = session.folder(row)
        if session.selected is not None and (self._view is None or self._view.run != session.selected):
            self._open(session.selected)
        if session.baseline is None:
            self._base, self._siblings = None, []
        elif self._base is None or self._base.run != session.baseline:
            self._base = RunView(session.baseline, tail=True)
            self._read_baseline(session.baseline)

    def _rows(self) -> list[Summary]:
        """All runs as Results lists them: live ones first, then the newest."""
        return [row.run for row in rows_of(self.workbench.session.summaries()) if row.run is not None]

    def _open(self, run: RunFolder) -> None:
        """Show a run: all of it at once if it is short, else its end while a thread reads the rest."""
        try:
            long = run.events.stat().st_size > LONG_FILE
        except OSError:
            long = False
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
        self.app.call_from_thread(self._whole_is_read, view)

    def _whole_is_read(self, view: RunView) -> None:
        if self._view is not None and self._view.run == view.run:
            self._view = view
            self._arrange()
            self._draw()

    @work(thread=True, group="baseline", exclusive=True, exit_on_error=False)
    def _read_baseline(self, run: RunFolder) -> None:
        """The baseline's whole history, and those of its other seeds."""
        view = RunView(run)
        view.poll()
        session = self.workbench.session
        rows = [row for row in session.summaries() if row.recipe_id and row.recipe_id == view.info.recipe_id]
        siblings = []
        for row in rows[:MOST_SEEDS]:
            sibling = view if row.folder == str(run.path) else RunView(session.folder(row))
            sibling.poll()
            siblings.append(panels.standing(sibling))
        self.app.call_from_thread(self._baseline_is_read, view, siblings)

    def _baseline_is_read(self, view: RunView, siblings: Sequence[Standing]) -> None:
        if self.workbench.session.baseline == view.run:
            self._base, self._siblings = view, list(siblings)
            self._draw()

    # --- drawing ----------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        """Once a second while in sight: take in what is new, and redraw what it changed."""
        if not self.is_current:
            return
        if self._view is None:
            self._choose()
        if self._view is None:
            self._draw()
            return
        news = self._view.poll()
        state = self._view.status()
        changed = news or state != self._state
        self._state = state
        if self._base is not None and self._base is not self._view:
            changed = self._base.poll() or changed
        if changed:
            self._draw()
        else:
            self._draw_status()

    def on_resize(self, event: Resize) -> None:
        self._arrange()
        self.call_after_refresh(self._draw)

    def _arrange(self) -> None:
        """Give every pane its cells."""
        width, height = self.app.size
        view = self._view
        self._plan = chosen = plan(width, height, len(view.classes) if view else 0)
        body = chosen.body if not self._zoomed else height - 4
        sizes = {
            "#status": (width, 2),
            "#accuracy": (width, body) if self._zoomed else (chosen.left, chosen.accuracy),
            "#lower": (chosen.left, chosen.loss),
            "#classes": (chosen.right, chosen.per_class),
            "#rate": (chosen.right, chosen.rate),
            "#gpu": (chosen.right, chosen.gpu),
            "#log": (width, chosen.log),
            "#below": (width, chosen.below),
        }
        hidden = ("#lower", "#classes", "#rate", "#gpu", "#log", "#below") if self._zoomed else ()
        for name, (columns, rows) in sizes.items():
            pane = self.query_one(name, Pane)
            pane.display = rows > 0 and name not in hidden
            pane.styles.width, pane.styles.height = columns, max(rows, 1)
        self.query_one("#left").styles.width = width if self._zoomed else chosen.left
        self.query_one("#right").display = not self._zoomed
        self.query_one("#right").styles.width = chosen.right

    def _draw(self) -> None:
        """Paint every pane; each sends only the rows that differ."""
        view, chosen = self._view, self._plan
        if chosen is None:
            return
        if view is None:
            self.query_one("#status", Pane).paint(lambda width, height: [[], [(" no run yet: 4 opens New run", "dim")]])
            return
        self._draw_status()
        if self._zoomed:
            self.query_one("#accuracy", Pane).paint(self._zoom_picture)
            return
        self._draw_curves(view, chosen)
        last = view.judged()[:1]
        note = worst_confusion(last[0].confused, view.classes) if last else ""
        self.query_one("#classes", Pane).paint(partial(per_class, view.class_rows(self._base), note))
        self.query_one("#gpu", Pane).paint(partial(self._gpu_picture, view))
        if chosen.rate:
            self.query_one("#rate", Pane).paint(partial(self._rate_picture, view))
        lines = story(view.history, NEWEST_LINES)
        health = "" if chosen.below else panels.short_health(view)
        self.query_one("#log", Pane).paint(partial(log_tail, lines, health))
        if chosen.below:
            self.query_one("#below", Pane).paint(partial(self._below_picture, view))

    def _draw_status(self) -> None:
        """The two lines that hold ages, which change although nothing happened."""
        if self._view is None:
            return
        now = time.time()
        head = panels.headline(self._view, self._state, now)
        self.query_one("#status", Pane).paint(partial(status, head, panels.progress(self._view, self._state, now)))

    def _frame(self, width: int, height: int, x_axis: bool = True) -> Frame:
        return Frame(width, height - 1, self.query_one("#accuracy", Pane).glyphs, x_axis)

    def _draw_curves(self, view: RunView, chosen: Plan) -> None:
        upper = self._frame(chosen.left, chosen.accuracy, chosen.accuracy_axis)
        lower = self._frame(chosen.left, chosen.loss)
        pair = aligned(
            accuracy_curves(view, self._base, self._options, upper), lower_curves(view, self._options, lower)
        )
        for name, values in zip(("#accuracy", "#lower"), pair, strict=True):
            self.query_one(name, Pane).paint(partial(curves, values))

    def _zoom_picture(self, width: int, height: int) -> list[Line]:
        if self._view is None:
            return []
        frame = self._frame(width, height)
        if self._zoom_metric == "accuracy":
            return curves(accuracy_curves(self._view, self._base, self._options, frame), width, height)
        return curves(lower_curves(self._view, self._options, frame), width, height)

    def _rate_picture(self, view: RunView, width: int, height: int) -> list[Line]:
        glyphs = self.query_one("#rate", Pane).glyphs
        return curves(rate_curve(view, self._rates, width, height, glyphs), width, height)

    def _gpu_picture(self, view: RunView, width: int, height: int) -> list[Line]:
        return gpu_panel(panels.machine(view, width - 15), panels.footnote(view), width, height)

    def _below_picture(self, view: RunView, width: int, height: int) -> list[Line]:
        rows = panels.others(self.workbench.session.live(), str(view.run.path))
        return [panels.health(view, self._base, self._siblings, width), also_running(rows, width)]

    def _pairs(self) -> list[tuple[str, str]]:
        """The keys for the footer; that of the x axis says what it shows."""
        return [(key, self._options.x if key == "x" else label) for key, label in footer([*KEYS, *GLOBAL])]

    # --- keys that change the view ----------------------------------------------------------------------------

    def _change(self, options: Options) -> None:
        self._options = options
        self.query_one(KeyLine).set_pairs(self._pairs())
        self._draw()

    def action_axis(self) -> None:
        self._change(replace(self._options, axis=_next(AXES, self._options.axis)))

    def action_x_unit(self) -> None:
        self._change(replace(self._options, x=_next(X_UNITS, self._options.x)))

    def action_smooth(self) -> None:
        self._change(replace(self._options, smooth=_next(SMOOTHING, self._options.smooth)))

    def action_metric(self) -> None:
        if self._zoomed and self._zoom_metric == "accuracy":
            self._zoom_metric = "lower"
            self._change(replace(self._options, metric=METRICS[0]))
            return
        following = _next(METRICS, self._options.metric)
        if self._zoomed and following == METRICS[0]:
            self._zoom_metric = "accuracy"
        self._change(replace(self._options, metric=following))

    def action_zoom(self) -> None:
        self._zoomed = not self._zoomed
        self._zoom_metric = "accuracy"
        self._arrange()
        self.call_after_refresh(self._draw)

    def action_follow(self) -> None:
        self._follow = not self._follow
        self.say("following the newest live run" if self._follow else "no longer following")
        self._choose()
        self._draw()

    def action_other_run(self, step: int) -> None:
        """The run above or below in the list of Results."""
        folders = [row.folder for row in self._rows()]
        if not folders or self._view is None:
            return
        here = str(self._view.run.path)
        place = folders.index(here) + step if here in folders else 0
        if not 0 <= place < len(folders):
            self.say("no further run")
            return
        self._follow = False
        self.workbench.session.selected = self.workbench.session.folder(self._rows()[place])
        self._choose()
        self._draw()

    # --- keys that go elsewhere or act ------------------------------------------------------------------------

    def action_log(self) -> None:
        if self._view is not None:
            self.app.push_screen(Log(self._view))

    def action_search(self) -> None:
        if self._view is not None:
            self.app.push_screen(Log(self._view, searching=True))

    def action_baseline(self) -> None:
        session = self.workbench.session
        if self._view is not None:
            session.baseline = None if session.baseline == self._view.run else self._view.run
            self.say(f"{self._view.short_id} is the baseline" if session.baseline else "no baseline")
            self._choose()
            self._draw()

    def action_mark(self) -> None:
        session = self.workbench.session
        if self._view is not None:
            session.toggle_mark(self._view.run)
            marked = self._view.run in session.marked
            self.say(f"{self._view.short_id} {'marked' if marked else 'unmarked'}, {len(session.marked)} marked in all")

    def action_compare(self) -> None:
        session = self.workbench.session
        if self._view is not None and not session.marked:
            session.toggle_mark(self._view.run)
        self.workbench.visit("compare")

    def action_inspect(self) -> None:
        self.workbench.visit("inspect")

    def action_stop(self) -> None:
        if self._view is not None:
            self.ask_stop(self._view.run)

    def action_resume(self) -> None:
        if self._view is not None:
            self.ask_resume(self._view.run)

    def action_rerun(self) -> None:
        row = self.workbench.session.row(self._view.run) if self._view else None
        if row is not None:
            self.workbench.rerun(row)

    def action_edit(self) -> None:
        if self._view is not None:
            flags = {"preset": f"run:{self._view.run.id}", "seed": str(self._view.info.seed)}
            self.workbench.new_run(flags | {"name": self._view.labels().name})

    def action_copy(self) -> None:
        if self._view is not None:
            self.workbench.copy(f"cifar-tui --preset run:{self._view.run.id} --headless", "command")


def _next(values: Sequence[T], now: T) -> T:
    """The value after `now`, the first after the last."""
    return values[(values.index(now) + 1) % len(values)]
