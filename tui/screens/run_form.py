"""The form of New run: the preset, the fields, and what follows from them. Enter turns a row into an input."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Grid, Vertical
from textual.events import Resize, ScreenResume
from textual.geometry import Size
from textual.widgets import Input

from engine.contract.errors import BadInput
from engine.contract.recipe.resolve import PART_FIELDS
from presets import loader
from tui.drawing.figures import expected, matches_preset
from tui.drawing.kept import Kept, Same
from tui.drawing.memory import memory_pane
from tui.forms import panes
from tui.forms.change_list import ChangeList
from tui.forms.choices import about_schedules
from tui.forms.editor import FormEditor
from tui.forms.estimate import Machine, before_you_start, inspect_machine
from tui.forms.fields import Field
from tui.forms.form import Form
from tui.forms.layout import divide
from tui.forms.options import options_of
from tui.forms.seen_images import SeenImages
from tui.keys.common import GLOBAL, bindings
from tui.keys.key import footer
from tui.keys.new_run import KEYS, MOVED
from tui.plans.draft import Draft
from tui.plans.memory import memory_of
from tui.screens.pick import Pick
from tui.screens.run_actions import RunActions
from tui.widgets.find_rate import FindRate
from tui.widgets.key_line import KeyLine
from tui.widgets.line_input import LineInput
from tui.widgets.line_list import LineList, LineView
from tui.widgets.pane import Pane
from tui.widgets.top_bar import TopBar

FIRST_PRESET = "quickstart"


class RunForm(RunActions):
    """Pick a preset and change its fields. `NewRun` adds the actions on the whole form."""

    KEYS = KEYS
    BINDINGS: ClassVar[list[BindingType]] = bindings((*KEYS, *MOVED))
    AUTO_FOCUS = "#rows"

    def __init__(self) -> None:
        super().__init__()
        self._editor: FormEditor | None = None
        self._trial: FormEditor | None = None
        """The state with the text in the input, while it is typed."""
        self._machine = Machine()
        self._kept = Kept()
        self._shown_size = Size()
        self._changes: list[Field] = []
        """The fields that differ from the preset."""
        self._field: Field | None = None
        self._field_before_find: Field | None = None

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
        if self.workbench.session.draft is not None:
            self._open_requested_draft()
        self._inspect_machine()

    def runs_changed(self) -> None:
        """Update the estimates, which are based on earlier runs."""
        self._show_estimates()

    def _open_requested_draft(self) -> None:
        """Open the draft that another screen or the command line asked for, else the preset used last."""
        session = self.workbench.session
        draft, session.draft = session.draft or Draft(self._last_preset()), None
        self.open_draft(draft)

    def _last_preset(self) -> str:
        known = loader.paths("recipes")
        return next((row.preset for row in self.workbench.session.summaries() if row.preset in known), FIRST_PRESET)

    def open_draft(self, draft: Draft) -> None:
        session, self._trial = self.workbench.session, None
        try:
            self._editor = FormEditor(draft, session.catalog, session.roots)
        except BadInput as error:
            self.say(str(error), bad=True)
            if self._editor is None:
                self._editor = FormEditor(Draft(FIRST_PRESET), session.catalog, session.roots)
        self.show()

    @work(thread=True, group="machine", exit_on_error=False)
    def _inspect_machine(self) -> None:
        """Read the devices and the free disk space in a thread: a driver may be slow."""
        machine = inspect_machine(self.workbench.session.roots[0])
        self.app.call_from_thread(self._set_machine, machine)

    def _set_machine(self, machine: Machine) -> None:
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
        session, editor = self.workbench.session, self.shown
        self.query_one(SeenImages).show_draft(editor.draft, editor.recipe, session.catalog, tuple(session.parts))

    def _show_estimates(self) -> None:
        editor, session = self.shown, self.workbench.session
        promise = editor.recipe.promise
        own = not editor.changed and matches_preset(editor.draft.preset, "")
        expect = expected(promise, own) if promise else ""
        device = editor.draft.place.get("device", "auto")
        cards, gpus = self._machine.gpus, editor.draft.place.get("gpus", "")
        memory = memory_of(editor.recipe, gpus, len(cards), session.catalog)
        self.query_one("#memory", Pane).paint(
            lambda width, height: memory_pane(memory, cards, width, height), (memory, cards)
        )
        runs, seeds = session.summaries(), max(editor.seeds, 1)
        notes = self._kept.get(
            "notes",
            (editor.recipe, seeds, device, Same(runs), self._machine, Same(session.catalog), expect, memory),
            lambda: before_you_start(
                editor.recipe, seeds, device, runs, self._machine, session.catalog, expect, memory
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

    # --- the form ---------------------------------------------------------------------------------------------

    def on_form_cursor_moved(self, event: Form.CursorMoved) -> None:
        self._set_field(event.field)
        if event.field is not None and not self._in_changes:
            self.query_one(ChangeList).show_field(event.field.path)

    def _set_field(self, field: Field | None) -> None:
        """Show the help of a field; `x` acts on it."""
        self._field = field
        if self._editor is not None:
            self._show_help()

    # --- the list of changes ----------------------------------------------------------------------------------

    @property
    def _in_changes(self) -> bool:
        """Whether the keys go to the list of changes."""
        return self.query_one(ChangeList).has_focus

    def action_other_pane(self) -> None:
        """Go to the list of changes, or back to the form."""
        found = self.query_one(ChangeList)
        if self._in_changes or not found.display:
            self.query_one(Form).rows.focus()
            self._set_field(self.query_one(Form).field)
            return
        found.focus()
        self._set_field(found.field)

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        if self._in_changes:
            self._set_field(self.query_one(ChangeList).field)

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        """Go from a change to its field in the form."""
        if field := self.query_one(ChangeList).field:
            form = self.query_one(Form)
            form.go_to(field.path)
            form.rows.focus()

    # --- what is asked for ------------------------------------------------------------------------------------

    def on_form_typing(self, event: Form.Typing) -> None:
        """Check the text at each letter; everything on the screen follows it until the input is closed."""
        self._trial = self.editor.trying(event.path, event.text) if event.path else None
        self.show()

    def on_form_edited(self, event: Form.Edited) -> None:
        self._trial = None
        self._put(event.path, event.text)
        self.show()

    def _put(self, path: str, text: str) -> None:
        """Change a field. If it picks another part, report the options that this has reset."""
        self.editor.put(path, text)
        if path in PART_FIELDS and (reset := self.editor.describe_resets(path)):
            self.say(reset)

    def on_form_choices_requested(self, event: Form.ChoicesRequested) -> None:
        field = event.field
        session = self.workbench.session
        options = options_of(field, self.editor, session.catalog, session.summaries())
        if not options:  # only the list of teachers can be empty
            self.say(f"no {field.label} available: no run on {self.editor.recipe.data.name} has finished yet", bad=True)
            return
        title = "Operations: Enter adds or removes" if field.param.type == "ops" else field.label

        def chosen(value: str | None) -> None:
            if value is not None:
                self._choose(field.path, value)

        glyphs = self.query_one("#lr", Pane).glyphs
        curves = about_schedules(self.editor, glyphs, color=not self.app.no_color) if field.path == "schedule" else None
        self.app.push_screen(Pick(title, options, field.text, curves), chosen)

    def _choose(self, path: str, value: str) -> None:
        if path == "augmentation.ops":
            draft = self.editor.draft.toggle_op(value, value in self.editor.op_names())
            self.editor.change(draft, path)
        else:
            self._put(path, value)
        self.show()

    def action_others(self) -> None:
        """Another image before and after the augmentation."""
        if not self.query_one(SeenImages).others():
            self.say("i shows the images: from 160 columns and 45 rows on they stand beside the form")

    def action_choose(self) -> None:
        """Focus the form when Enter is pressed elsewhere."""
        self.query_one(Form).rows.focus()

    def action_step(self, by: int) -> None:
        self.query_one(Form).step(by)

    def action_reset(self) -> None:
        if self._field is not None:
            self._reset(self._field)

    def _reset(self, field: Field) -> None:
        if not self.editor.reset(field.path) and field.changed:
            self.say(f"{field.label} follows from another change: reset that field")
        self.show()
        if self._in_changes and self._changes:
            self._set_field(self.query_one(ChangeList).field)

    def action_undo(self) -> None:
        path = self.editor.undo()
        self.show()
        if path:
            self.query_one(Form).go_to(path)

    def action_more(self) -> None:
        self.query_one(Form).toggle_more()

    def action_find(self) -> None:
        self._field_before_find = self.query_one(Form).field
        self.query_one("#find", LineInput).edit()

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "find":
            self.query_one(Form).find(event.value.strip())

    def on_input_submitted(self) -> None:
        """Show the whole form with the cursor on the field that was found."""
        self._close_find(self.query_one(Form).field)

    def on_line_input_canceled(self) -> None:
        """Show the whole form with the cursor where it was before."""
        self._close_find(self._field_before_find)

    def _close_find(self, found: Field | None) -> None:
        form = self.query_one(Form)
        self.query_one("#find", Input).display = False
        form.find("")
        if found is not None:
            form.go_to(found.path)
        form.rows.focus()
