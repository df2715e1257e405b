"""New run: pick a preset, change any field, see what it means, start. A row is not an input until Enter."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Click, ScreenResume
from textual.widgets import Input

from engine.contract.errors import BadInput, StartFailed
from engine.contract.text import one_line
from presets import loader
from tui.forms import pictures
from tui.forms.desk import Desk
from tui.forms.draft import Draft
from tui.forms.estimate import Machine, before_you_start, look
from tui.forms.fields import Field
from tui.forms.form import Form
from tui.forms.options import options_of
from tui.key_tables.key import footer
from tui.key_tables.new_run import KEYS
from tui.keys import GLOBAL, bindings
from tui.line_list import LineView
from tui.messages import RunsStarted, StartRefused
from tui.rate_sweep import Span, check
from tui.run_acts import RunActs
from tui.run_preview import expected
from tui.screens.confirm import Confirm
from tui.screens.find_rate import FindRate
from tui.screens.pick import Option, Pick
from tui.screens.prompt import Prompt
from tui.screens.see_images import SeeImages
from tui.starting import launch, plan
from tui.widgets.key_line import KeyLine
from tui.widgets.line_input import LineInput
from tui.widgets.pane import Pane
from tui.widgets.top_bar import TopBar

MANY = 8
"""From more runs than this a start asks first."""
FIRST_PRESET = "quickstart"


class NewRun(RunActs):
    """The form and what follows from it."""

    KEYS = KEYS
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)
    AUTO_FOCUS = "#rows"

    def __init__(self) -> None:
        super().__init__()
        self._desk: Desk | None = None
        self._machine = Machine()
        self._at: Field | None = None
        self._before_find: Field | None = None
        self._starting = False

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
                yield Pane(id="before")
        yield LineInput(id="find", placeholder="find a field by name or help").hidden()
        yield Pane(id="command")
        yield Pane(id="help")
        yield KeyLine(footer([*KEYS, *GLOBAL]))

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
        self._open(draft)

    def _last_preset(self) -> str:
        known = {info.name for info in loader.list_presets()}
        return next((row.preset for row in self.workbench.session.summaries() if row.preset in known), FIRST_PRESET)

    def _open(self, draft: Draft) -> None:
        session = self.workbench.session
        try:
            self._desk = Desk(draft, session.catalog, session.roots)
        except BadInput as error:
            self.say(str(error), bad=True)
            if self._desk is None:
                self._desk = Desk(Draft(FIRST_PRESET), session.catalog, session.roots)
        self._show()

    @work(thread=True, group="machine", exit_on_error=False)
    def _look_at_machine(self) -> None:
        """What the machine has; a driver may take its time."""
        machine = look(self.workbench.session.roots[0])
        self.app.call_from_thread(self._know_machine, machine)

    def _know_machine(self, machine: Machine) -> None:
        self._machine = machine
        self._show()

    # --- drawing ----------------------------------------------------------------------------------------------

    def _show(self) -> None:
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
        expect = expected(promise, not desk.changed) if promise else ""
        device = desk.draft.place.get("device", "auto")
        notes = before_you_start(
            desk.recipe, max(desk.seeds, 1), device, session.summaries(), self._machine, session.catalog, expect
        )
        self.query_one("#before", Pane).paint(lambda width, height: pictures.before(notes, width))

    def _show_help(self) -> None:
        desk, field = self.desk, self._at
        self.query_one("#help", Pane).paint(lambda width, height: pictures.advice(desk, field, width, height))

    # --- the form ---------------------------------------------------------------------------------------------

    def on_form_at(self, event: Form.At) -> None:
        self._at = event.field
        if self._desk is not None:
            self._show_help()

    def on_form_edited(self, event: Form.Edited) -> None:
        self.desk.put(event.path, event.text)
        self._show()

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
            self.desk.put(path, value)
        self._show()

    def action_choose(self) -> None:
        """Enter while the form has lost the focus."""
        self.query_one(Form).rows.focus()

    def action_step(self, by: int) -> None:
        self.query_one(Form).step(by)

    def action_reset(self) -> None:
        if self._at is not None:
            self.desk.change(self.desk.draft.without(self._at.path), self._at.path)
            self._show()

    def action_undo(self) -> None:
        path = self.desk.undo()
        self._show()
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

    def on_line_input_gave_up(self) -> None:
        """Esc: back to where the cursor was."""
        self._close_find(self._before_find)

    def _close_find(self, found: Field | None) -> None:
        form = self.query_one(Form)
        self.query_one("#find", Input).display = False
        form.find("")
        if found is not None:
            form.go_to(found.path)
        form.rows.focus()

    def on_click(self, event: Click) -> None:
        """A click on the preset's box opens the list."""
        if event.widget is not None and event.widget.id == "preset":
            self.action_preset()

    # --- acting -----------------------------------------------------------------------------------------------

    def action_copy(self) -> None:
        self.workbench.copy(self.desk.draft.command_line(), "command")

    def action_preset(self) -> None:
        options = [Option(info.name, info.name, one_line(info.title, 80)) for info in loader.list_presets()]
        self.app.push_screen(Pick("Preset", options, self.desk.draft.preset), self._preset_chosen)

    def _preset_chosen(self, name: str | None) -> None:
        if name:
            self._open(Draft(name, place=self.desk.draft.place))

    def action_save(self) -> None:
        if self._refused():
            return
        recipe = self.desk.recipe
        if self.desk.changed:  # what its preset reaches was reported of other settings
            recipe = recipe.model_copy(update={"promise": None})

        def check(name: str) -> str:
            try:
                loader.save(name.strip(), recipe)
            except BadInput as error:
                return str(error)
            return ""

        def saved(name: str | None) -> None:
            if name:
                self.say(f"saved; cifar-tui --preset {name.strip()}")
                self._open(Draft(name.strip(), place=self.desk.draft.place))

        body = "Lower-case letters, digits and _. It is found under `preset` from now on."
        self.app.push_screen(Prompt("Save as a preset of your own", body, check=check), saved)

    def action_find_rate(self) -> None:
        if self._refused():
            return
        desk, session, span = self.desk, self.workbench.session, Span()
        job = partial(check, desk.draft, desk.source, span, session.roots, session.catalog, session.parts)
        self.app.push_screen(FindRate(job, span), self._rate_found)

    def action_images(self) -> None:
        if not self._refused():
            session = self.workbench.session
            self.app.push_screen(SeeImages(self.desk.draft, self.desk.recipe, session.catalog, tuple(session.parts)))

    def _rate_found(self, rate: str | None) -> None:
        if rate:
            self.desk.put("optimizer.lr", rate)
            self._show()
            self.query_one(Form).go_to("optimizer.lr")

    def action_start(self) -> None:
        """Start or queue, after everything has been checked."""
        form = self.query_one(Form)
        if form.editing:
            form.commit()
            self.call_after_refresh(self.action_start)  # the typed value arrives by message first
            return
        self.desk.check()
        if self._starting or self._refused():
            return
        count = self.desk.seeds
        if count <= MANY:
            self._start()
            return
        buttons = [("start", f"Start {count} runs"), ("no", "Not now")]
        body = "They wait for the device and run one after another."
        self.app.push_screen(Confirm(f"Start {count} runs?", body, buttons, default=1), self._many_answered)

    def _many_answered(self, answer: str | None) -> None:
        if answer == "start":
            self._start()

    def _refused(self) -> bool:
        """Whether a field is wrong; then the cursor goes there."""
        problems = self.desk.problems
        if problems:
            path = next(iter(problems))
            self.say(problems[path], bad=True)
            if path:
                self.query_one(Form).go_to(path)
        return bool(problems)

    def _start(self) -> None:
        self._starting = True
        self._launch(self.desk.draft, self.desk.source)

    @work(thread=True, group="start", exit_on_error=False)
    def _launch(self, draft: Draft, source: str) -> None:
        """Resolve and check everything, make the folders, spawn."""
        session = self.workbench.session
        try:
            planned = plan(draft, source, session.roots[0], session.catalog, session.parts, session.roots)
            runs = launch(planned, session.start)
        except BadInput as error:
            self.post_message(StartRefused(error.problems))
        except StartFailed as error:
            session.refresh()
            self.app.call_from_thread(self._failed, str(error))
        else:
            session.refresh()
            self.post_message(RunsStarted(runs))

    def on_start_refused(self, event: StartRefused) -> None:
        self._starting = False
        self.desk.refuse(event.problems)
        self._show()
        self._refused()

    def _failed(self, why: str) -> None:
        """The run exists but its supervisor does not: say the log's last line, show the run."""
        self._starting = False
        self.say(why, bad=True)
        session = self.workbench.session
        row = next((row for row in session.summaries() if row.id in why), None)
        if row is not None:
            self.workbench.open_run(session.folder(row))

    def on_runs_started(self, event: RunsStarted) -> None:
        self._starting = False
        count = len(event.runs)
        self.say(f"started {event.runs[0].id[-4:]}" + (f" and {count - 1} more behind it" if count > 1 else ""))
        self.workbench.open_run(event.runs[0])
