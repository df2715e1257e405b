"""New run: what is done with the form. Start, save as a preset, find a rate, see the images, copy the command."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textual import work
from textual.events import Click

from engine.contract.errors import BadInput, StartFailed
from engine.contract.run import own_code
from engine.contract.text import one_line
from presets import loader
from presets.saving import save
from tui.forms.form import Form
from tui.forms.options import Option
from tui.messages import RunsStarted, StartRefused
from tui.plans.draft import Draft
from tui.plans.plan import launch, plan
from tui.plans.resolution import Resolution
from tui.plans.sweep import Wanted, plan_sweep, text_of
from tui.screens.confirm import Confirm
from tui.screens.pick import Pick
from tui.screens.prompt import Prompt
from tui.screens.run_form import RunForm
from tui.screens.see_images import SeeImages
from tui.widgets.find_rate import FindRate
from tui.widgets.key_line import KeyLine

MAX_UNCONFIRMED_RUNS = 8
"""From more runs than this a start asks first."""


class NewRun(RunForm):
    """The form, and every key that acts on the whole of it."""

    def __init__(self) -> None:
        super().__init__()
        self._starting = False

    def on_click(self, event: Click) -> None:
        """A click on the preset's box opens the list."""
        if event.widget is not None and event.widget.id == "preset":
            self.action_preset()

    def action_copy(self) -> None:
        self.workbench.copy(self.editor.draft.command_line(), "command")

    def action_preset(self) -> None:
        options = [Option(info.name, info.name, one_line(info.title, 80)) for info in loader.list_presets()]
        self.app.push_screen(Pick("Preset", options, self.editor.draft.preset), self._preset_chosen)

    def _preset_chosen(self, name: str | None) -> None:
        if name:
            self.open_draft(Draft(name, place=self.editor.draft.place))

    def action_save(self) -> None:
        if self._has_problems():
            return
        recipe = self.editor.recipe
        if self.editor.changed:  # what its preset reaches was reported of other settings
            recipe = recipe.model_copy(update={"promise": None})

        def check(name: str) -> str:
            try:
                save(name.strip(), recipe)
            except BadInput as error:
                return str(error)
            return ""

        def saved(name: str | None) -> None:
            if name:
                self.say(f"saved; cifar-tui --preset {name.strip()}")
                self.open_draft(Draft(name.strip(), place=self.editor.draft.place))

        body = "Lower-case letters, digits and _. It is found under `preset` from now on."
        self.app.push_screen(Prompt("Save as a preset of your own", body, check=check), saved)

    # --- the learning rate ------------------------------------------------------------------------------------

    def action_find_rate(self) -> None:
        """Sweep the learning rate; once a rate is found, take it."""
        finder = self.query_one(FindRate)
        if finder.running:
            self.say("the sweep is under way; esc ends it")
        elif finder.found:
            self._use_rate(finder.curve.suggestion)
        elif not self._has_problems():
            self._with_trust(self._find_rate)

    def _find_rate(self, trust: bool) -> None:
        finder = self.query_one(FindRate)
        wanted = Wanted(steps=finder.more or None)
        editor, session = self.editor, self.workbench.session
        what = editor.draft, editor.source, wanted, session.roots, session.catalog, session.parts
        finder.start(editor.draft, partial(check, *what, trust=trust))

    def action_take_second(self) -> None:
        """The one of the two rates that were found which goes by the steepest fall."""
        finder = self.query_one(FindRate)
        if finder.found:
            self._use_rate(finder.curve.second)

    def _use_rate(self, rate: float) -> None:
        self.query_one(FindRate).close()
        self.editor.put("optimizer.lr", text_of(rate))
        self.show()
        self.query_one(Form).go_to("optimizer.lr")

    def on_find_rate_changed(self) -> None:
        """Other keys make sense, and who is elsewhere hears of the end."""
        finder = self.query_one(FindRate)
        self.query_one("#right").set_class(finder.draft is not None, "-sweeping")
        taken = {key for key, _ in finder.pairs()}
        others = [(key, label) for key, label in self.footer if key not in taken]
        self.query_one(KeyLine).set_pairs([*finder.pairs(), *others])
        if finder.draft is not None and not finder.running and not self.is_current:
            rate = f"{text_of(finder.curve.suggestion)} is the rate to take" if finder.found else "no rate was found"
            self.say(f"the sweep of {finder.draft.preset} has ended: {rate} (4)")

    def leave(self) -> bool:
        """Esc ends the sweep before it leaves the form."""
        finder = self.query_one(FindRate)
        shown = finder.draft is not None
        if shown:
            finder.close()
        return shown

    def open_draft(self, draft: Draft) -> None:
        """Another recipe: a sweep of the one before says nothing about it."""
        if self.query_one(FindRate).draft is not None:
            self.query_one(FindRate).close()
        super().open_draft(draft)

    def show(self) -> None:
        super().show()
        self.query_one(FindRate).compare(self.editor.draft)

    # --- images and starting ----------------------------------------------------------------------------------

    def action_images(self) -> None:
        if not self._has_problems():
            self._with_trust(self._see_images)

    def _see_images(self, trust: bool) -> None:
        session = self.workbench.session
        self.app.push_screen(SeeImages(self.editor.draft, self.editor.recipe, session.catalog, tuple(session.parts)))

    def _with_trust(self, action: Callable[[bool], object]) -> None:
        """Act, after a question where that runs code which a run brings along and which may not be the user's."""
        try:
            own_code.approve(own_code.brought_by(self.workbench.session.parts), trust=False)
        except own_code.Untrusted as error:
            self.ask_trust(error, lambda: action(True))
        else:
            action(False)

    def action_start(self) -> None:
        """Start or queue, after everything has been checked."""
        form = self.query_one(Form)
        if form.editing:
            form.commit()
            self.call_after_refresh(self.action_start)  # the typed value arrives by message first
            return
        self.editor.check()
        if self._starting or self._has_problems():
            return
        count = self.editor.seeds
        if count <= MAX_UNCONFIRMED_RUNS:
            self._start()
            return
        buttons = [("start", f"Start {count} runs"), ("no", "Not now")]
        body = "They wait for the device and run one after another."
        self.app.push_screen(Confirm(f"Start {count} runs?", body, buttons, default=1), self._start_many_answered)

    def _start_many_answered(self, answer: str | None) -> None:
        if answer == "start":
            self._start()

    def _has_problems(self) -> bool:
        """Whether a field is wrong; then the cursor goes there."""
        problems = self.editor.problems
        if problems:
            path = next(iter(problems))
            self.say(problems[path], bad=True)
            if path:
                self.query_one(Form).go_to(path)
        return bool(problems)

    def _start(self, trust: bool = False) -> None:
        self._starting = True
        self._launch(self.editor.draft, self.editor.source, trust)

    @work(thread=True, group="start", exit_on_error=False)
    def _launch(self, found: Resolution, trust: bool) -> None:
        """Resolve and check everything, make the folders, spawn."""
        session = self.workbench.session
        try:
            planned = plan(found, session.roots[0], session.parts, session.roots, trust=trust)
            runs = launch(planned, session.start)
        except own_code.Untrusted as error:
            self.app.call_from_thread(self._ask_to_trust, error)
        except BadInput as error:
            self.post_message(StartRefused(error.problems))
        except StartFailed as error:
            session.refresh()
            self.app.call_from_thread(self._start_failed, str(error))
        else:
            session.refresh()
            self.post_message(RunsStarted(runs))

    def _ask_to_trust(self, error: own_code.Untrusted) -> None:
        self._starting = False
        self.ask_trust(error, partial(self._start, True))

    def on_start_refused(self, event: StartRefused) -> None:
        self._starting = False
        self.editor.mark_problems(event.problems)
        self.show()
        self._has_problems()

    def _start_failed(self, why: str) -> None:
        """The run exists but its supervisor does not: say the log's last line, show the run."""
        self._starting = False
        self.say(why, bad=True)
        session = self.workbench.session
        row = next((row for row in session.summaries() if row.id in why), None)
        if row is not None:
            self.workbench.open_run(session.folder(row))

    def on_runs_started(self, event: RunsStarted) -> None:
        self._starting = False
        self.leave()  # a sweep would take time from what has been decided
        count = len(event.runs)
        self.say(f"started {event.runs[0].id[-4:]}" + (f" and {count - 1} more behind it" if count > 1 else ""))
        self.workbench.open_run(event.runs[0])
