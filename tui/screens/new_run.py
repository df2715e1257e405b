"""New run: the actions on the whole form. Start, save as preset, find a learning rate, see images, copy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textual import work
from textual.events import Click

from engine.contract.errors import BadInput, StartFailed
from engine.contract.run import own_code
from engine.contract.text import one_line
from presets import loader, saving
from tui.drawing.format import glyphs_of_terminal
from tui.drawing.schedule_chart import schedule_charts
from tui.drawing.sheet import Sheet
from tui.forms.choices import about_presets
from tui.forms.form import Form
from tui.forms.options import Option
from tui.messages import RunsStarted, StartRefused
from tui.plans.draft import Draft
from tui.plans.plan import launch, plan
from tui.plans.resolution import Resolution
from tui.plans.sweep import SweepRange, plan_sweep, text_of
from tui.screens.confirm import Confirm
from tui.screens.exports import Exports
from tui.screens.pick import Pick
from tui.screens.prompt import Prompt, check_with
from tui.screens.run_form import RunForm
from tui.screens.see_images import SeeImages
from tui.widgets.find_rate import FindRate
from tui.widgets.key_line import KeyLine

MAX_UNCONFIRMED_RUNS = 8
"""Starting more runs than this asks first."""


class NewRun(RunForm, Exports):
    """The form, and the keys that act on the whole of it."""

    def __init__(self) -> None:
        super().__init__()
        self._starting = False

    def on_click(self, event: Click) -> None:
        """A click on the preset opens the list of presets."""
        if event.widget is not None and event.widget.id == "preset":
            self.action_preset()

    def action_copy(self) -> None:
        self.workbench.copy(self.editor.draft.command_line(), "command")

    def action_export(self) -> None:
        """Ask for what to save, then put it on the clipboard and into a file."""
        options = [Option("sh", "command that starts this run"), Option("toml", "recipe as TOML")]
        options.append(Option("svg", "learning rates as charts"))
        self.app.push_screen(Pick("Export this run as", options), self._export_as)

    def _export_as(self, form: str | None) -> None:
        if form is None or (form != "sh" and self._report_problems()):
            return
        draft, editor = self.editor.draft, self.editor
        if form == "svg":
            charts = [*schedule_charts(editor.recipe), *self.query_one(FindRate).charts]
            written = Sheet(draft.preset, charts).written(form, glyphs_of_terminal())
        else:
            written = editor.recipe.to_toml() if form == "toml" else f"{draft.command_line()}\n"
            self.workbench.copy(written, "recipe" if form == "toml" else "command")
        self._save_export(f"{draft.preset.replace(':', '-')}.{form}", written)

    def action_preset(self) -> None:
        presets, workspace = loader.list_presets(), self.workbench.workspace
        options = [Option(info.name, info.name, one_line(info.title, 80)) for info in presets]
        about = about_presets(presets, workspace.catalog, workspace.summaries())
        self.app.push_screen(Pick("Preset", options, self.editor.draft.preset, about), self._preset_chosen)

    def _preset_chosen(self, name: str | None) -> None:
        if name:
            self.open_draft(Draft(name, place=self.editor.draft.place))

    def action_save(self) -> None:
        if self._report_problems():
            return
        recipe = self.editor.recipe
        if self.editor.changed:  # the promise of the preset is about other settings
            recipe = recipe.model_copy(update={"promise": None})

        def save(name: str) -> None:
            saving.save(name.strip(), recipe)

        def saved(name: str | None) -> None:
            if name:
                self.say(f"saved: cifar-tui --preset {name.strip()}")
                self.open_draft(Draft(name.strip(), place=self.editor.draft.place))

        body = "A name of lower-case letters, digits and _. The list of presets will contain it."
        self.app.push_screen(Prompt("Save as a preset", body, check=check_with(save)), saved)

    # --- the learning rate ------------------------------------------------------------------------------------

    def action_find_rate(self) -> None:
        """Sweep the learning rate, or use the rate that a sweep has found."""
        finder = self.query_one(FindRate)
        if finder.running:
            self.say("the sweep is running: press esc to end it")
        elif finder.found:
            self._choose_rate(finder)
        elif not self._report_problems():
            self._with_trust(self._find_rate)

    def _find_rate(self, trust: bool) -> None:
        finder = self.query_one(FindRate)
        wanted = SweepRange(steps=finder.more or None)
        editor, workspace = self.editor, self.workbench.workspace
        what = editor.resolution, wanted, workspace.roots, workspace.parts
        finder.start(editor.draft, partial(plan_sweep, *what, trust=trust))

    def _choose_rate(self, finder: FindRate) -> None:
        """Ask which of the two rates that the sweep has found to use; the suggested one is chosen at first."""
        options = [
            Option(text_of(finder.curve.suggestion), text_of(finder.curve.suggestion), "a tenth of the largest rate"),
            Option(text_of(finder.curve.second), text_of(finder.curve.second), "where the loss falls fastest"),
        ]
        self.app.push_screen(Pick("Learning rate", options, options[0].value), self._use_rate)

    def _use_rate(self, rate: str | None) -> None:
        if rate is None:
            return
        self.query_one(FindRate).close()
        self.editor.put("optimizer.lr", rate)
        self.show()
        self.query_one(Form).go_to("optimizer.lr")

    def on_find_rate_changed(self) -> None:
        """Update the keys at the bottom; on another screen, say that the sweep has ended."""
        finder = self.query_one(FindRate)
        self.query_one("#right").set_class(finder.draft is not None, "-sweeping")
        self._divide()
        taken = {key for key, _ in finder.pairs()}
        others = [(key, label) for key, label in self.footer if key not in taken]
        self.query_one(KeyLine).set_pairs([*finder.pairs(), *others])
        if finder.draft is not None and not finder.running and not self.is_current:
            rate = f"{text_of(finder.curve.suggestion)} is the suggested rate" if finder.found else "no rate found"
            self.say(f"the sweep of {finder.draft.preset} has ended: {rate} (4 shows it)")

    def leave(self) -> bool:
        """Esc ends the sweep before it leaves the screen."""
        finder = self.query_one(FindRate)
        shown = finder.draft is not None
        if shown:
            finder.close()
        return shown

    def open_draft(self, draft: Draft) -> None:
        """Open another draft, and close a sweep, which belongs to the draft before."""
        if self.query_one(FindRate).draft is not None:
            self.query_one(FindRate).close()
        super().open_draft(draft)

    def show(self) -> None:
        super().show()
        self.query_one(FindRate).compare(self.editor.draft)

    # --- images and starting ----------------------------------------------------------------------------------

    def action_images(self) -> None:
        if not self._report_problems():
            self._with_trust(self._see_images)

    def _see_images(self, trust: bool) -> None:
        workspace = self.workbench.workspace
        self.app.push_screen(
            SeeImages(self.editor.draft, self.editor.recipe, workspace.catalog, tuple(workspace.parts))
        )

    def _with_trust(self, action: Callable[[bool], object]) -> None:
        """Run `action`, after asking where it would run code of a run that another user may have written."""
        try:
            own_code.approve(own_code.brought_by(self.workbench.workspace.parts), trust=False)
        except own_code.Untrusted as error:
            self.ask_trust(error, lambda: action(True))
        else:
            action(False)

    def action_start(self) -> None:
        """Check the draft, then start or queue its runs."""
        form = self.query_one(Form)
        if form.editing and (edited := form.take()):
            self.on_form_edited(edited)
        self.editor.check()
        if self._starting or self._report_problems():
            return
        count = self.editor.seeds
        if count <= MAX_UNCONFIRMED_RUNS:
            self._start()
            return
        buttons = [("start", f"Start {count} runs"), ("no", "Not now")]
        body = "They wait for a device and run one after another."
        self.app.push_screen(Confirm(f"Start {count} runs?", body, buttons, default=1), self._start_many_answered)

    def _start_many_answered(self, answer: str | None) -> None:
        if answer == "start":
            self._start()

    def _report_problems(self) -> bool:
        """Report the first problem and move the cursor to its field. Returns whether there is one."""
        problems = self.editor.problems
        if problems:
            path = next(iter(problems))
            self.say(problems[path], bad=True)
            if path:
                self.query_one(Form).go_to(path)
        return bool(problems)

    def _start(self, trust: bool = False) -> None:
        self._starting = True
        self._launch(self.editor.resolution, trust)

    @work(thread=True, group="start", exit_on_error=False)
    def _launch(self, resolution: Resolution, trust: bool) -> None:
        """Resolve and check everything, create the run folders, and start the supervisors."""
        workspace = self.workbench.workspace
        try:
            planned = plan(resolution, workspace.roots[0], workspace.parts, workspace.roots, trust=trust)
            runs = launch(planned, workspace.start)
        except own_code.Untrusted as error:
            self.app.call_from_thread(self._ask_to_trust, error)
        except BadInput as error:
            self.post_message(StartRefused(error.problems))
        except StartFailed as error:
            workspace.refresh()
            self.app.call_from_thread(self._start_failed, str(error))
        else:
            workspace.refresh()
            self.post_message(RunsStarted(runs))

    def _ask_to_trust(self, error: own_code.Untrusted) -> None:
        self._starting = False
        self.ask_trust(error, partial(self._start, True))

    def on_start_refused(self, event: StartRefused) -> None:
        self._starting = False
        self.editor.mark_problems(event.problems)
        self.show()
        self._report_problems()

    def _start_failed(self, why: str) -> None:
        """The run folder exists, but its supervisor has not started: show the reason and the run."""
        self._starting = False
        self.say(why, bad=True)
        workspace = self.workbench.workspace
        row = next((row for row in workspace.summaries() if row.id in why), None)
        if row is not None:
            self.workbench.open_run(workspace.folder(row))

    def on_runs_started(self, event: RunsStarted) -> None:
        self._starting = False
        self.leave()  # a sweep would slow the run down
        count = len(event.runs)
        self.say(f"started {event.runs[0].id[-4:]}" + (f"; {count - 1} more in line" if count > 1 else ""))
        self.workbench.open_run(event.runs[0])
