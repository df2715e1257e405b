"""The panes of Compare: divides the screen, and draws what is known of the marked runs. `Compare` adds the keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal, get_args

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Resize, ScreenResume

from engine.analysis.judged import Judged, recipe_labels
from engine.contract.run.store import RunFolder
from tui.dashboard.compare_layout import CompareLayout, compare_layout
from tui.dashboard.overlay import Overlay, overlay_chart
from tui.drawing.chart_pane import chart_pane
from tui.drawing.charts import Chart, ChartStyle
from tui.drawing.compare_classes import classes_pane
from tui.drawing.compare_page import Page, column_lines, lower_lines, verdict_pane
from tui.drawing.compare_table import columns, header
from tui.drawing.kept import Kept, Same
from tui.drawing.lines import Line, nothing
from tui.drawing.marks import mark_of, role_of
from tui.drawing.ranges import Ranges
from tui.screens.compare_runs import CompareRuns
from tui.widgets.comparison_table import ComparisonTable
from tui.widgets.key_line import KeyLine
from tui.widgets.line_list import LineView
from tui.widgets.lines_pane import LinesPane
from tui.widgets.pane import Pane
from tui.widgets.top_bar import TopBar

Lower = Literal["verdict", "classes", "facts"]
LOWER: Final[tuple[Lower, ...]] = get_args(Lower)
"""What may stand below the table where there is room for one pane only."""
_NO_RUNS: Final = "mark runs with space on Results (2), then press v"
_GUTTER, _NARROW_GUTTER, _COLUMN_GUTTER = 18, 14, 15
"""Cells for the labels of curves, on screens of 100 columns and more, on narrower ones, and beside another column."""
_NOTED: Final = 14  # rows of the chart from which on labels have a second line


class ComparePanes(CompareRuns):
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
        self._every_field = False
        self._lower: Lower = "verdict"
        """What stands below the table where there is room for one pane only."""
        self._ranges = Ranges()
        self._kept = Kept()
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

    def on_screen_resume(self, event: ScreenResume) -> None:
        self._take_saved()
        self._load()
        self._arrange()

    def on_resize(self, event: Resize) -> None:
        self._arrange()

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
        slots = self.workbench.workspace.slots_of(self._folders(judged))
        marks = {
            one.run.id: (mark_of(slot, one.run.id), role_of(slot))
            for one, slot in zip(judged.marked, slots, strict=True)
        }
        chosen = self._table.run
        labels = self._kept.get("labels", Same(judged), lambda: recipe_labels(judged.marked, judged.baseline))
        return Page(
            judged, marks, labels, chosen.run.id if chosen else "",
            self._by_recipe, self._every_field, self._facts.has_focus, self._command(),
            {one.run.id: self.workbench.workspace.picked.get(one.run.folder, (0, 0)) for one in judged.marked},
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
                self.query_one("#heads", LineView).show([])
                for name in ("#verdict", "#classes"):
                    self.query_one(name, Pane).paint(nothing)
                self._facts.show([])
            return
        page = self._page(judged)
        shown = columns(judged.marked, judged.baseline, self._layout.left - 1, judged.models)
        self._table.show(judged.marked, shown, page.marks)
        self.query_one("#heads", LineView).show([header(shown, self._layout.left)])
        page = self._page(judged)  # the cursor may stand on another run now
        slots = self.workbench.workspace.slots_of(self._folders(judged))
        curves = Same(judged), slots, page.chosen, self._loss, self._options, self._layout
        overlay.paint(lambda width, height: self._overlay(page, slots, width, height), curves)
        of_text = *_of_page(page), self._layout
        self.query_one("#verdict", Pane).paint(
            lambda width, height: verdict_pane(page, width - 1, height, wide=self._has_panes), of_text
        )
        air = 1 if self._layout.column else 0
        self.query_one("#classes", Pane).paint(
            lambda width, height: [
                *([[]] * air), *classes_pane(judged, page.marks, page.chosen, width - 1 + air, height - air)
            ],
            (Same(judged), page.marks, page.chosen, self._layout),
        )  # fmt: skip
        self._facts.show(self._kept.get("facts", (of_text, self.app.size), lambda: self._fact_lines(page)))

    def _fact_lines(self, page: Page) -> list[Line]:
        """The lines of the pane of facts that this size of the screen has."""
        width = (self._layout.right or self._layout.left) - 1
        return column_lines(page, width, self.app.size.height - 2) if self._layout.column else lower_lines(page, width)

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


def _of_page(page: Page) -> tuple[object, ...]:
    """What the panes of text depend on; the labels follow from what was read."""
    shown = page.marks, page.chosen, page.by_recipe, page.every_field, page.focused, page.command, page.picked
    return Same(page.judged), *shown
