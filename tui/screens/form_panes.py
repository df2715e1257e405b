"""The panes of New run: the fields, and what follows from them. `RunForm` adds the keys that change the fields."""

from __future__ import annotations

from textual import work
from textual.app import ComposeResult
from textual.containers import Container, Grid, Vertical
from textual.events import Resize, ScreenResume
from textual.geometry import Size

from engine.contract.errors import BadInput
from presets import loader
from tui.drawing.figures import expected, matches_preset
from tui.drawing.kept import Kept, Same
from tui.drawing.memory import memory_pane
from tui.forms import panes
from tui.forms.change_list import ChangeList
from tui.forms.editor import FormEditor
from tui.forms.estimate import Hardware, before_you_start, inspect_machine
from tui.forms.fields import Field
from tui.forms.form import Form
from tui.forms.layout import divide
from tui.forms.seen_images import SeenImages
from tui.keys.common import GLOBAL
from tui.keys.key import footer
from tui.keys.new_run import KEYS
from tui.plans.draft import Draft
from tui.plans.memory import memory_of
from tui.screens.run_actions import RunActions
from tui.widgets.find_rate import FindRate
from tui.widgets.key_line import KeyLine
from tui.widgets.line_input import LineInput
from tui.widgets.line_list import LineView
from tui.widgets.pane import Pane
from tui.widgets.top_bar import TopBar

FIRST_PRESET = "quickstart"


class FormPanes(RunActions):
    """A preset with changed fields, drawn: everything but the keys that change them."""

    KEYS = KEYS

    def __init__(self) -> None:
        super().__init__()
        self._editor: FormEditor | None = None
        self._trial: FormEditor | None = None
        """The state with the text in the input, while it is typed."""
        self._machine = Hardware()
        self._kept = Kept()
        self._shown_size = Size()
        self._changes: list[Field] = []
        """The fields that differ from the preset."""
        self._field: Field | None = None
        """The field under the cursor, whose help is shown."""

    @property
    def editor(self) -> FormEditor:
        """The state of the form, available once the screen is mounted."""
        assert self._editor is not None
        return self._editor

    @property
    def shown(self) -> FormEditor:
        """The state that the panes show: with the text in the input, while it is typed."""
        return self._trial or self.editor

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield LineView(id="preset")
        with Grid(id="columns"):
            with Vertical(id="left"):
                yield Form()
                yield LineInput(id="find", placeholder="find a field by name or help text").hidden()
            with Vertical(id="right"):
                yield Pane(id="lr")
                yield SeenImages()
                yield Pane(id="memory")
                with Container(id="lower"):
                    yield Pane(id="before")
                    yield FindRate()
                    yield Pane(panes.rate_finder, id="finder")
            with Vertical(id="foot"):
                yield Pane(id="command")
                yield Pane(id="changed")
                yield ChangeList()
                yield Pane(id="help")
                yield Pane(id="wrong")
        yield KeyLine(self.footer)

    @property
    def footer(self) -> list[tuple[str, str]]:
        """The keys of the form, for the line at the bottom."""
        return footer([*KEYS, *GLOBAL])

    def on_mount(self) -> None:
        self._open_requested_draft()

    def on_resize(self, event: Resize) -> None:
        """Divide the screen anew: see `Division`. The first layout has the size that was shown on mounting."""
        if self._editor is None:
            self._divide()
        elif self.app.size != self._shown_size:
            self.show()

    def _divide(self) -> None:
        """Give each pane its rows, as far as they depend on the size and on the number of changes."""
        width, height = self.app.size
        problems = len(self.shown.problems) if self._editor else 0
        sweeping = self.query_one(FindRate).draft is not None
        gpus, changes = len(self._machine.gpus), len(self._changes)
        division = divide(width, height, gpus, changes, problems, sweeping=sweeping)
        self.set_class(division.wide, "-beside")
        foot, command = self.query_one("#foot"), self.query_one("#command")
        if division.wide and foot.children[0] is command:
            foot.move_child(command, before=foot.query_one("#wrong"))
        elif not division.wide and foot.children[0] is not command:
            foot.move_child(command, before=0)
        for name, rows in division.rows.items():
            pane = self.query_one(name)
            pane.display = rows > 0
            pane.styles.height = max(rows, 1)
        self.query_one("#columns").styles.grid_rows = f"1fr {division.foot}"
        self.query_one("#finder").display = division.wide and not sweeping

    def on_screen_resume(self, event: ScreenResume) -> None:
        if self.workbench.workspace.draft is not None:
            self._open_requested_draft()
        self._inspect_machine()

    def runs_changed(self) -> None:
        """Update the estimates, which are based on earlier runs."""
        self._show_estimates()

    def _open_requested_draft(self) -> None:
        """Open the draft that another screen or the command line asked for, else the preset used last."""
        workspace = self.workbench.workspace
        draft, workspace.draft = workspace.draft or Draft(self._last_preset()), None
        self.open_draft(draft)

    def _last_preset(self) -> str:
        known = loader.paths("recipes")
        return next((row.preset for row in self.workbench.workspace.summaries() if row.preset in known), FIRST_PRESET)

    def open_draft(self, draft: Draft) -> None:
        workspace, self._trial = self.workbench.workspace, None
        try:
            self._editor = FormEditor(draft, workspace.catalog, workspace.roots)
        except BadInput as error:
            self.say(str(error), bad=True)
            if self._editor is None:
                self._editor = FormEditor(Draft(FIRST_PRESET), workspace.catalog, workspace.roots)
        self.show()

    @work(thread=True, group="machine", exit_on_error=False)
    def _inspect_machine(self) -> None:
        """Read the devices and the free disk space in a thread: a driver may be slow."""
        machine = inspect_machine(self.workbench.workspace.roots[0])
        self.app.call_from_thread(self._set_machine, machine)

    def _set_machine(self, machine: Hardware) -> None:
        self._machine = machine
        self.show()

    # --- drawing ----------------------------------------------------------------------------------------------

    def show(self) -> None:
        editor, in_changes = self.shown, self._in_changes
        self._shown_size = self.app.size
        fields = editor.fields(self._machine.devices)
        self._changes = editor.changes(fields)
        self._divide()
        self.query_one(Form).show(fields, editor.problems)
        self.query_one("#preset", LineView).show([panes.preset(editor)])
        recipe, base, draft, lr = editor.recipe, editor.base, editor.draft, self.query_one("#lr", Pane)
        color = not self.app.no_color
        lr.paint(
            lambda width, height: panes.learning_rate(recipe, width, height, lr.glyphs, base, color=color),
            (panes.of_rates(recipe), panes.of_rates(base)),
        )
        self._show_estimates()
        self.query_one("#command", Pane).paint(lambda width, height: panes.command(draft, width, height), draft)
        self._show_changes()
        if in_changes and not self._changes:  # the last one was undone, and the list is hidden
            self.query_one(Form).rows.focus()
        self._show_help()
        self.query_one("#wrong", Pane).paint(
            lambda width, height: panes.wrong(editor, width), tuple(editor.problems.values())
        )
        self._show_images()

    def _show_changes(self) -> None:
        editor, count, found = self.shown, len(self._changes), self.query_one(ChangeList)
        found.fill(self._changes, editor.problems)
        listed, focused = found.display, found.has_focus
        self.query_one("#changed", Pane).paint(
            lambda width, height: panes.changed(editor, count, width, listed=listed, focused=focused),
            (editor.draft.preset, count, listed, focused),
        )

    def on_descendant_focus(self) -> None:
        """The rule of the list of changes shows whether the keys go there."""
        if self._editor is not None:
            self._show_changes()

    def _show_images(self) -> None:
        """Tell the pictures what to show; they are drawn only where there is room for them."""
        workspace, editor = self.workbench.workspace, self.shown
        self.query_one(SeenImages).show_draft(editor.draft, editor.recipe, workspace.catalog, tuple(workspace.parts))

    def _show_estimates(self) -> None:
        editor, workspace = self.shown, self.workbench.workspace
        promise = editor.recipe.promise
        own = not editor.changed and matches_preset(editor.draft.preset, "")
        expect = expected(promise, own) if promise else ""
        device = editor.draft.place.get("device", "auto")
        cards, gpus = self._machine.gpus, editor.draft.place.get("gpus", "")
        memory = memory_of(editor.recipe, gpus, len(cards), workspace.catalog)
        self.query_one("#memory", Pane).paint(
            lambda width, height: memory_pane(memory, cards, width, height), (memory, cards)
        )
        runs, seeds = workspace.summaries(), max(editor.seeds, 1)
        notes = self._kept.get(
            "notes",
            (editor.recipe, seeds, device, Same(runs), self._machine, Same(workspace.catalog), expect, memory),
            lambda: before_you_start(
                editor.recipe, seeds, device, runs, self._machine, workspace.catalog, expect, memory
            ),
        )
        note = editor.note
        self.query_one("#before", Pane).paint(lambda width, height: panes.estimates(notes, width, note), (notes, note))

    def _show_help(self) -> None:
        editor, field = self.shown, self._field
        problem, text = panes.help_text(editor, field)
        self.query_one("#help", Pane).paint(
            lambda width, height: panes.field_help(problem, text, field, width, height), (problem, text, field)
        )

    @property
    def _in_changes(self) -> bool:
        """Whether the keys go to the list of changes."""
        return self.query_one(ChangeList).has_focus
