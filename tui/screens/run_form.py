"""The form of New run: the preset, the rows, and what follows from them. A row is not an input until Enter."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.events import ScreenResume
from textual.widgets import Input

from engine.contract.errors import BadInput
from engine.contract.recipe.resolve import PART_FIELDS
from presets import loader
from tui.drawing.figures import matches_preset
from tui.drawing.run_preview import expected
from tui.forms import pictures
from tui.forms.editor import Desk
from tui.forms.estimate import Machine, before_you_start, inspect_machine
from tui.forms.fields import Field
from tui.forms.form import Form
from tui.forms.options import options_of
from tui.keys.common import GLOBAL, bindings
from tui.keys.key import footer
from tui.keys.new_run import KEYS
from tui.plans.draft import Draft
from tui.screens.pick import Pick
from tui.screens.run_actions import RunActions
from tui.widgets.find_rate import FindRate
from tui.widgets.key_line import KeyLine
from tui.widgets.line_input import LineInput
from tui.widgets.line_list import LineView
from tui.widgets.pane import Pane
from tui.widgets.top_bar import TopBar

FIRST_PRESET = "quickstart"


class RunForm(RunActions):
    """Pick a preset, change any field, see what it means; `NewRun` has what is then done with it."""

    KEYS = KEYS
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)
    AUTO_FOCUS = "#rows"

    def __init__(self) -> None:
        super().__init__()
        self._desk: Desk | None = None
        self._machine = Machine()
        self._at: Field | None = None
        self._before_find: Field | None = None

    @property
    def desk(self) -> Desk:
        """The form's state; there is one from mounting on."""
        assert self._desk is not None
        return self._desk

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield LineView(id="preset")
        with Horizontal(id="columns"):
            yield Form()
            with Vertical(id="right"):
                yield Pane(id="lr")
                yield FindRate()
                yield Pane(id="before")
        yield LineInput(id="find", placeholder="find a field by name or help").hidden()
        yield Pane(id="command")
        yield Pane(id="help")
        yield KeyLine(self.footer)

    @property
    def footer(self) -> list[tuple[str, str]]:
        """The keys of the form for the line at the bottom."""
        return footer([*KEYS, *GLOBAL])

    def on_mount(self) -> None:
        self._take_draft()
        self._look_at_machine()

    def on_screen_resume(self, event: ScreenResume) -> None:
        if self.workbench.session.draft is not None:
            self._take_draft()
        self._look_at_machine()

    def runs_changed(self) -> None:
        """Estimates stand on runs."""
        self._show_before()

    def _take_draft(self) -> None:
        """Open what another screen or the command line asked for, else what was used last."""
        session = self.workbench.session
        draft, session.draft = session.draft or Draft(self._last_preset()), None
        self.open_draft(draft)

    def _last_preset(self) -> str:
        known = {info.name for info in loader.list_presets()}
        return next((row.preset for row in self.workbench.session.summaries() if row.preset in known), FIRST_PRESET)

    def open_draft(self, draft: Draft) -> None:
        session = self.workbench.session
        try:
            self._desk = Desk(draft, session.catalog, session.roots)
        except BadInput as error:
            self.say(str(error), bad=True)
            if self._desk is None:
                self._desk = Desk(Draft(FIRST_PRESET), session.catalog, session.roots)
        self.show()

    @work(thread=True, group="machine", exit_on_error=False)
    def _look_at_machine(self) -> None:
        """What the machine has; a driver may take its time."""
        machine = inspect_machine(self.workbench.session.roots[0])
        self.app.call_from_thread(self._know_machine, machine)

    def _know_machine(self, machine: Machine) -> None:
        self._machine = machine
        self.show()

    # --- drawing ----------------------------------------------------------------------------------------------

    def show(self) -> None:
        desk = self.desk
        self.query_one(Form).show(desk.fields(self._machine.devices), desk.problems)
        self.query_one("#preset", LineView).show([pictures.preset(desk)])
        recipe, draft, lr = desk.recipe, desk.draft, self.query_one("#lr", Pane)
        lr.paint(lambda width, height: pictures.learning_rate(recipe, width, height, lr.glyphs))
        self._show_before()
        self.query_one("#command", Pane).paint(lambda width, height: pictures.command(draft, width, height))
        self._show_help()

    def _show_before(self) -> None:
        desk, session = self.desk, self.workbench.session
        promise = desk.recipe.promise
        own = not desk.changed and matches_preset(desk.draft.preset, "")
        expect = expected(promise, own) if promise else ""
        device = desk.draft.place.get("device", "auto")
        notes = before_you_start(
            desk.recipe, max(desk.seeds, 1), device, session.summaries(), self._machine, session.catalog, expect
        )
        note = desk.note
        self.query_one("#before", Pane).paint(lambda width, height: pictures.before(notes, width, note))

    def _show_help(self) -> None:
        desk, field = self.desk, self._at
        self.query_one("#help", Pane).paint(lambda width, height: pictures.advice(desk, field, width, height))

    # --- the form ---------------------------------------------------------------------------------------------

    def on_form_at(self, event: Form.At) -> None:
        self._at = event.field
        if self._desk is not None:
            self._show_help()

    def on_form_edited(self, event: Form.Edited) -> None:
        self._put(event.path, event.text)
        self.show()

    def _put(self, path: str, text: str) -> None:
        """Change a field; where that is another part, say what begins anew with it."""
        self.desk.put(path, text)
        if path in PART_FIELDS and (reset := self.desk.reset(path)):
            self.say(reset)

    def on_form_asked(self, event: Form.Asked) -> None:
        field = event.field
        session = self.workbench.session
        options = options_of(field, self.desk, session.catalog, session.summaries())
        if not options:  # only a teacher may be in want
            self.say(f"no run on {self.desk.recipe.data.name} has finished yet: there is no {field.label}", bad=True)
            return
        title = "Operations: Enter adds or drops" if field.param.type == "ops" else field.label

        def chosen(value: str | None) -> None:
            if value is not None:
                self._choose(field.path, value)

        self.app.push_screen(Pick(title, options, field.text), chosen)

    def _choose(self, path: str, value: str) -> None:
        if path == "augmentation.ops":
            draft = self.desk.draft.toggle_op(value, value in self.desk.present_ops())
            self.desk.change(draft, path)
        else:
            self._put(path, value)
        self.show()

    def action_choose(self) -> None:
        """Enter while the form has lost the focus."""
        self.query_one(Form).rows.focus()

    def action_step(self, by: int) -> None:
        self.query_one(Form).step(by)

    def action_reset(self) -> None:
        if self._at is not None:
            self.desk.change(self.desk.draft.without(self._at.path), self._at.path)
            self.show()

    def action_undo(self) -> None:
        path = self.desk.undo()
        self.show()
        if path:
            self.query_one(Form).go_to(path)

    def action_more(self) -> None:
        self.query_one(Form).toggle_more()

    def action_find(self) -> None:
        find = self.query_one("#find", Input)
        self._before_find = self.query_one(Form).field
        find.display = True
        find.value = ""
        find.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "find":
            self.query_one(Form).find(event.value.strip())

    def on_input_submitted(self) -> None:
        """Stand on the field found, with the whole form around it."""
        self._close_find(self.query_one(Form).field)

    def on_line_input_canceled(self) -> None:
        """Esc: back to where the cursor was."""
        self._close_find(self._before_find)

    def _close_find(self, found: Field | None) -> None:
        form = self.query_one(Form)
        self.query_one("#find", Input).display = False
        form.find("")
        if found is not None:
            form.go_to(found.path)
        form.rows.focus()
