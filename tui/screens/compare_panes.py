"""The panes of Compare: reads the marked runs in a thread, and draws what is known. `Compare` adds the keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal, get_args

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Resize, ScreenResume

from engine.analysis.judged import Judged, recipe_labels
from engine.analysis.marked import Marked
from engine.analysis.verdict import Rules
from engine.contract.run.store import RunFolder
from tui.dashboard.compare_layout import CompareLayout, compare_layout
from tui.dashboard.options import AXES, X_UNITS_OF_MANY
from tui.dashboard.overlay import Overlay, overlay_chart
from tui.drawing.chart_pane import chart_pane
from tui.drawing.charts import Chart, ChartStyle
from tui.drawing.compare_classes import classes_pane
from tui.drawing.compare_page import Page, column_lines, lower_lines, verdict_pane
from tui.drawing.compare_table import Columns, columns, draw_row, header
from tui.drawing.lines import Line
from tui.drawing.marks import mark_of, role_of
from tui.drawing.ranges import Ranges
from tui.screens.compare_reader import CompareReader, stamps
from tui.screens.plot_keys import PlotKeys
from tui.widgets.key_line import KeyLine
from tui.widgets.line_list import LineList, LineView
from tui.widgets.lines_pane import LinesPane
from tui.widgets.pane import Pane
from tui.widgets.top_bar import TopBar

TICK_SECONDS: Final = 1.0
Lower = Literal["verdict", "classes", "facts"]
LOWER: Final[tuple[Lower, ...]] = get_args(Lower)
"""What may stand below the table where there is room for one pane only."""
_NO_RUNS: Final = "mark runs with space on Results (2), then press v"
_GUTTER, _NARROW_GUTTER, _COLUMN_GUTTER = 18, 14, 15
"""Cells for the labels of curves, on screens of 100 columns and more, on narrower ones, and beside another column."""
_NOTED: Final = 14  # rows of the chart from which on labels have a second line


class ComparisonTable(LineList):
    """A row for each marked run, with a cursor."""

    def __init__(self) -> None:
        super().__init__(id="table")
        self.marked: Sequence[Marked] = ()
        self._columns: Columns | None = None
        self._marks: Mapping[str, tuple[str, str]] = {}

    def row_count(self) -> int:
        return len(self.marked)

    def draw(self, row: int, width: int, at_cursor: bool) -> Line:
        assert self._columns is not None
        one = self.marked[row]
        return draw_row(one, self._columns, self._marks[one.run.id], at_cursor=at_cursor)

    @property
    def run(self) -> Marked | None:
        """The run under the cursor."""
        return self.marked[self.cursor] if self.cursor < len(self.marked) else None

    def show(self, marked: Sequence[Marked], shown: Columns, marks: Mapping[str, tuple[str, str]]) -> None:
        """Show other rows; the cursor stays on its run."""
        kept = self.run.run.id if self.run else ""
        if kept and marked is not self.marked:
            at = next((i for i, one in enumerate(marked) if one.run.id == kept), self.cursor)
            self.set_reactive(LineList.cursor, at)
        self.marked, self._columns, self._marks = marked, shown, marks
        self.reload()


class ComparePanes(PlotKeys):
    """The chart, the table, and what is known of the runs."""

    DEFAULT_CSS = """
    ComparePanes {
        #left, #lower, #body { height: auto; }
        #left { margin-right: 2; }
        #left.-alone { margin-right: 0; }
        #classes { margin-right: 2; }
        #heads { height: 1; }
        #table { scrollbar-size-vertical: 0; }
        LinesPane { scrollbar-size-vertical: 0; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._options = replace(self._options, smooth=0.85)
        self._loss = False
        self._zoomed = False
        self._by_recipe = False
        self._every_field = False
        self._lower: Lower = "verdict"
        """What stands below the table where there is room for one pane only."""
        self._judged: Judged | None = None
        self._reader = CompareReader()
        self._ranges = Ranges()
        self._reading = 0
        """Number of the latest reading: an earlier one ends as soon as it sees that."""
        self._stamps: object = None
        self._layout: CompareLayout = compare_layout(80, 24, 2)

    def compose(self) -> ComposeResult:
        yield TopBar()
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield Pane(id="overlay")
                yield LineView(id="heads")
                yield ComparisonTable()
                yield Pane(id="verdict")
                with Horizontal(id="lower"):
                    yield Pane(id="classes")
                    yield LinesPane(id="facts")
            yield LinesPane(id="column")
        yield KeyLine(self._pairs())

    def on_mount(self) -> None:
        self.set_interval(TICK_SECONDS, self._tick)

    def on_screen_resume(self, event: ScreenResume) -> None:
        self._take_saved()
        self._load()
        self._arrange()

    def on_resize(self, event: Resize) -> None:
        self._arrange()

    def runs_changed(self) -> None:
        """Read again after runs or marks have changed."""
        self._take_saved()
        self._load()

    # --- reading ----------------------------------------------------------------------------------------------

    def _runs(self) -> list[RunFolder]:
        """The marked runs in the order of their marks, or else the selected run; and always the baseline."""
        session = self.workbench.session
        runs = list(session.marked) or ([session.selected] if session.selected else [])
        if session.baseline is not None and session.baseline not in runs:
            runs.append(session.baseline)
        return runs

    def _baseline(self) -> RunFolder | None:
        """The baseline; without one, the first run."""
        runs = self._runs()
        return self.workbench.session.baseline or (runs[0] if runs else None)

    def _load(self) -> None:
        """Read the runs in a thread; what is known of them stays until then."""
        runs, base = self._runs(), self._baseline()
        self._reading += 1
        self._stamps = stamps(runs)
        if base is None:
            self._judged = None
            self._draw()
        else:
            self._read(runs, base, self._reading)

    @work(thread=True, group="compare", exit_on_error=False)
    def _read(self, runs: Sequence[RunFolder], base: RunFolder, number: int) -> None:
        session = self.workbench.session
        for found in self._reader.read(runs, base, session.summaries(), Rules(session.smallest / 100)):
            if number != self._reading:
                return
            self.app.call_from_thread(self._show, found, number)

    def _show(self, found: Judged, number: int) -> None:
        if number == self._reading:
            count = len(self._judged.marked) if self._judged else -1
            self._judged = found
            if len(found.marked) != count:
                self._arrange()
            else:
                self._draw()

    def _tick(self) -> None:
        if self.is_current and stamps(self._runs()) != self._stamps:
            self._load()

    def _take_saved(self) -> None:
        """Take axes and mode from the saved comparison that was opened."""
        session = self.workbench.session
        found, session.comparison = session.comparison, None
        if found is None:
            return
        x = next(unit for unit in X_UNITS_OF_MANY if unit == found.x)
        axis = next(style for style in AXES if style == found.axis)
        self._options = replace(self._options, x=x, axis=axis)
        self._by_recipe = found.by_recipe

    # --- sizes ------------------------------------------------------------------------------------------------

    @property
    def _table(self) -> ComparisonTable:
        return self.query_one(ComparisonTable)

    @property
    def _facts(self) -> LinesPane:
        """The pane of facts that this size of the screen has."""
        return self.query_one("#column" if self._layout.column else "#facts", LinesPane)

    @property
    def _has_panes(self) -> bool:
        """Whether facts have a pane of their own beside the verdict."""
        return self._layout.right > 0

    def _arrange(self) -> None:
        """Divide the screen, then draw once the panes have their sizes."""
        width, height = self.app.size
        runs = len(self._judged.marked) if self._judged else len(self._runs())
        last = self._judged.base.course.last if self._judged else None
        chosen = self._layout = compare_layout(width, height, runs, len(last.per_class) if last else 10)
        below = self._lower if not self._has_panes else ""
        under = chosen.verdict if below in ("", "verdict") else 0
        classes = (chosen.classes, chosen.lower) if self._has_panes else (width, chosen.verdict * (below == "classes"))
        facts = (chosen.right, chosen.lower) if self._has_panes else (width, chosen.verdict * (below == "facts"))
        sizes = {
            "#left": (chosen.left, height - 2),
            "#overlay": (chosen.left, chosen.chart),
            "#heads": (chosen.left, 1),
            "#table": (chosen.left, chosen.rows),
            "#verdict": (chosen.left, under),
            "#lower": (chosen.left, max(classes[1], 0 if chosen.column else facts[1])),
            "#classes": classes,
            "#facts": (0, 0) if chosen.column else facts,
            "#column": (chosen.right, height - 2) if chosen.column else (0, 0),
        }
        if self._zoomed:
            sizes = dict.fromkeys(sizes, (0, 0)) | {"#left": (width, height - 2), "#overlay": (width, height - 2)}
        for name, (columns_, rows) in sizes.items():
            pane = self.query_one(name)
            pane.display = columns_ > 0 and rows > 0
            pane.styles.width, pane.styles.height = columns_, rows
        self.query_one("#left").set_class(not chosen.column or self._zoomed, "-alone")
        self.query_one("#heads").styles.margin = (1 if chosen.column else 0, 0, 0, 0)
        self.call_after_refresh(self._draw)

    # --- drawing ----------------------------------------------------------------------------------------------

    def _page(self, judged: Judged) -> Page:
        """Everything that the panes of text show."""
        slots = self.workbench.session.slots_of(self._folders(judged))
        marks = {
            one.run.id: (mark_of(slot, one.run.id), role_of(slot))
            for one, slot in zip(judged.marked, slots, strict=True)
        }
        chosen = self._table.run
        return Page(
            judged, marks, recipe_labels(judged.marked, judged.baseline), chosen.run.id if chosen else "",
            self._by_recipe, self._every_field, self._facts.has_focus, self._command(),
            {one.run.id: self.workbench.session.picked.get(one.run.folder, (0, 0)) for one in judged.marked},
        )  # fmt: skip

    def _folders(self, judged: Judged) -> list[RunFolder]:
        known = {run.id: run for run in self._runs()}
        return [known[one.run.id] for one in judged.marked if one.run.id in known]

    def _command(self) -> str:
        """The command that prints this; it compares with the run named first."""
        base = self._baseline()
        ids = " ".join(run.id for run in sorted(self._runs(), key=lambda run: run != base))
        return f"cifar-tui runs compare {ids}{' --by recipe' if self._by_recipe else ''}"

    def _draw(self) -> None:
        self.query_one(KeyLine).set_pairs(self._pairs())
        judged, overlay = self._judged, self.query_one("#overlay", Pane)
        if judged is None or len(self._folders(judged)) != len(judged.marked):
            text = "reading the marked runs" if self._runs() else _NO_RUNS
            overlay.paint(lambda width, height: [[], [(f" {text}", "dim")]])
            if not self._runs():
                self._table.marked = ()
                for name in ("#heads", "#verdict", "#classes"):
                    self.query_one(name, LineView).show([])
                self._facts.show([])
            return
        page = self._page(judged)
        self._table.show(judged.marked, columns(judged.marked, judged.baseline, self._layout.left - 1), page.marks)
        shown = columns(judged.marked, judged.baseline, self._layout.left - 1)
        self.query_one("#heads", LineView).show([header(shown, self._layout.left)])
        page = self._page(judged)  # the cursor may stand on another run now
        slots = self.workbench.session.slots_of(self._folders(judged))
        overlay.paint(lambda width, height: self._overlay(page, slots, width, height))
        self.query_one("#verdict", Pane).paint(
            lambda width, height: verdict_pane(page, width - 1, height, wide=self._has_panes)
        )
        air = 1 if self._layout.column else 0
        self.query_one("#classes", Pane).paint(
            lambda width, height: [
                *([[]] * air), *classes_pane(judged, page.marks, page.chosen, width - 1 + air, height - air)
            ]
        )  # fmt: skip
        facts, size = self._facts, (self._layout.right or self._layout.left) - 1
        height = self.app.size.height - 2 if self._layout.column else self._layout.lower or self._layout.verdict
        facts.show(column_lines(page, size, height) if self._layout.column else lower_lines(page, size))

    def _chart(self, page: Page, slots: Sequence[int | None], *, wide: bool) -> Chart:
        judged = page.judged
        shown = Overlay(judged.marked, slots, judged.baseline, page.chosen, self._loss)
        return overlay_chart(shown, self._options, self._ranges, wide=wide)

    def _overlay(self, page: Page, slots: Sequence[int | None], width: int, height: int) -> list[Line]:
        chart = self._chart(page, slots, wide=height >= _NOTED)
        gutter = _COLUMN_GUTTER if self._layout.column else _GUTTER if self.app.size.width >= 100 else _NARROW_GUTTER
        style = ChartStyle(gutter, glyphs=self.query_one("#overlay", Pane).glyphs, color=not self.app.no_color)
        return chart_pane(chart, style, width - 1, height)

    # --- cursor -----------------------------------------------------------------------------------------------

    def _last_epoch(self) -> int:
        return max((one.course.epoch for one in self._judged.marked), default=0) if self._judged else 0
