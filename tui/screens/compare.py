"""Compare: the curves of the marked runs, their figures, and what may be said of their differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from textual.binding import BindingType

from engine.analysis.judged import recipe_labels
from engine.contract.errors import BadInput
from engine.contract.run.store import RunFolder
from tui.comparisons import SavedComparison, check_name, save
from tui.dashboard.options import X_UNITS_OF_MANY, XUnit, next_value
from tui.drawing.compare_export import FORMATS, sheets, written
from tui.drawing.sheet import Sheet
from tui.forms.options import Option
from tui.keys.common import bindings
from tui.keys.compare import KEYS
from tui.screens.compare_panes import LOWER, ComparePanes
from tui.screens.exports import Exports
from tui.screens.pick import Pick
from tui.screens.prompt import Prompt, check_with
from tui.screens.seed_actions import SeedActions
from tui.widgets.line_list import LineList
from tui.widgets.lines_pane import LinesPane

_FORMATS: Final = {
    "text": "text",
    "md": "Markdown",
    "latex": "LaTeX (booktabs)",
    "tsv": "TSV for a spreadsheet",
    "svg": "SVG for a paper or a slide",
}


class Compare(ComparePanes, SeedActions, Exports):
    """The marked runs side by side, with the keys."""

    KEYS = KEYS
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)
    X_UNITS: ClassVar[Sequence[XUnit]] = X_UNITS_OF_MANY
    AUTO_FOCUS = "#table"

    # --- what is shown ----------------------------------------------------------------------------------------

    def action_metric(self) -> None:
        self._loss = not self._loss
        self._draw()

    def action_zoom(self) -> None:
        self._zoomed = not self._zoomed
        self._arrange()
        if not self._zoomed:
            self._table.focus()  # a hidden widget loses the focus

    def action_group(self) -> None:
        self._by_recipe = not self._by_recipe
        self._draw()

    def action_fields(self) -> None:
        self._every_field = not self._every_field
        if not self._facts.display:
            self._lower = "facts"
            self._arrange()
        self._draw()

    def action_lower(self) -> None:
        """Give the keys to the facts, or back to the table; where there is no room, show the next lower pane."""
        if self._has_panes:
            (self._table if self._facts.has_focus else self._facts).focus()
            self._draw()
            return
        self._lower = next_value(LOWER, self._lower)
        self._arrange()
        (self._facts if self._lower == "facts" else self._table).focus()

    # --- the run under the cursor -----------------------------------------------------------------------------

    def _run(self) -> RunFolder | None:
        """The run under the cursor."""
        one = self._table.run
        return next((run for run in self._runs() if one is not None and run.id == one.run.id), None)

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        if event.source is self._table:
            self._draw()

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        run = self._run()
        if run is not None and not isinstance(event.source, LinesPane):
            self.workbench.open_run(run)

    def action_baseline(self) -> None:
        if run := self._run():
            self.workbench.workspace.toggle_baseline(run)
            self._load()
            self._draw()

    def action_mark(self) -> None:
        workspace, run = self.workbench.workspace, self._run()
        if run is not None and run in workspace.marked:
            workspace.toggle_mark(run)
            self._load()
            self._draw()

    def action_inspect(self) -> None:
        if run := self._run():
            self.workbench.workspace.selected = run
            self.workbench.visit("inspect")

    def action_disagree(self) -> None:
        """Open Disagree of Inspect with the run under the cursor and the baseline, or on the baseline any other run."""
        workspace, run, base = self.workbench.workspace, self._run(), self._baseline()
        others = [other for other in self._runs() if other != run]
        if run is None or not others:
            self.say("mark a second run: two are needed to disagree")
            return
        workspace.against = next((other for other in others if base and other.id == base.id), others[0])
        workspace.selected = run
        self.workbench.visit("inspect")

    def action_seeds(self) -> None:
        """Queue as many further seeds of the recipe as the verdict lacks."""
        run, judged = self._run(), self._judged
        if run is not None:
            verdicts = (judged.recipes.baseline, *judged.recipes.rows) if judged and judged.recipes else ()
            self.ask_seeds(run, max((one.seeds_needed for one in verdicts), default=0))

    # --- what leaves the screen -------------------------------------------------------------------------------

    def action_copy(self) -> None:
        if self._runs():
            self.workbench.copy(self._command(), "command")

    def action_save(self) -> None:
        """Ask for a name, and save marks, baseline, axes and mode under it."""
        if len(self._runs()) < 2:
            self.say("mark a second run: a comparison has at least two")
            return
        body = (
            "Keeps the marks, the baseline, the axes and what is judged. `cifar-tui compare NAME` prints and opens it."
        )
        self.app.push_screen(Prompt("Save the comparison as", body, check=check_with(check_name)), self._save_as)

    def _save_as(self, name: str | None) -> None:
        base = self._baseline()
        if name is None or base is None:
            return
        runs, options = tuple(run.id for run in self._runs()), self._options
        try:
            save(SavedComparison(name, runs, base.id, options.x, options.axis, self._by_recipe))
        except BadInput as error:
            self.say(str(error), bad=True)
        else:
            self.say(f"saved; cifar-tui compare {name} prints and opens it, and V on Results lists it")

    def action_export(self) -> None:
        """Ask for a format, then put the figures on the clipboard and into a file."""
        if self._judged is not None:
            options = [Option(form, label) for form, label in _FORMATS.items()]
            self.app.push_screen(Pick("Export the comparison as", options), self._export_as)

    def _export_as(self, form: str | None) -> None:
        judged = self._judged
        if form is None or judged is None:
            return
        tables = sheets(judged, recipe_labels(judged.marked, judged.baseline), by_recipe=self._by_recipe)
        name = "compare-" + "-".join(one.run.id[-4:] for one in judged.marked)
        if form == "svg":
            slots = self.workbench.workspace.slots_of(self._folders(judged))
            chart = self._chart(self._page(judged), slots, wide=False)
            self._save_export(f"{name}.svg", Sheet(name, [chart], tables).written("svg", "braille"))
            return
        text = written(tables, form)
        self.workbench.copy(text, "comparison")
        self._save_export(f"{name}.{FORMATS[form]}", text)
