"""The keys that act on the run a screen points at, the same on every screen that points at one."""

from __future__ import annotations

from typing import Final

from engine.contract.run.logfile import size
from engine.contract.run.store import RunFolder
from tui.messages import RunsChanged
from tui.screens.neighbors import neighbor
from tui.screens.seed_actions import SeedActions

LONG_FILE: Final = 2 << 20
"""Size of an event file in bytes above which only its end is read at once."""


class RunKeys(SeedActions):
    """A screen that points at one run: with its cursor, or because it shows that run."""

    def _run(self) -> RunFolder | None:
        """The run that the keys act on."""
        raise NotImplementedError

    def action_stop(self) -> None:
        if run := self._run():
            self.ask_stop(run)

    def action_resume(self) -> None:
        if run := self._run():
            self.ask_resume(run)

    def action_compare(self) -> None:
        """Compare the marked runs; mark this one if there is none."""
        workspace, run = self.workbench.workspace, self._run()
        if run and not workspace.marked:
            workspace.toggle_mark(run)
        self.workbench.visit("compare")

    def action_rerun(self) -> None:
        if run := self._run():
            self.ask_again(run)

    def action_seeds(self) -> None:
        if run := self._run():
            self.ask_seeds(run)

    def action_edit(self) -> None:
        if (run := self._run()) and not self.refuses(run):
            self.workbench.new_run({"preset": f"run:{run.id}"})

    def action_delete(self) -> None:
        if run := self._run():
            self.ask_delete([run])

    def action_tags(self) -> None:
        if run := self._run():
            self.ask_tags(run)

    def action_note(self) -> None:
        if run := self._run():
            self.ask_note(run)

    def action_exclude(self) -> None:
        if run := self._run():
            self.ask_exclude(run)

    def action_baseline(self) -> None:
        """Make the run the baseline, or remove it as the baseline."""
        if run := self._run():
            workspace = self.workbench.workspace
            workspace.toggle_baseline(run)
            self.say(f"{run.id[-4:]} is the baseline" if workspace.baseline else "no baseline")
            self.app.post_message(RunsChanged())

    def action_inspect(self) -> None:
        if run := self._run():
            self.workbench.workspace.selected = run
            self.workbench.visit("inspect")

    def action_log(self) -> None:
        from tui.dashboard.view import RunView  # imports NumPy, so only when it is needed
        from tui.screens.log import Log

        if run := self._run():
            view = RunView(run, tail=size(run.events) > LONG_FILE)
            view.poll()
            self.app.push_screen(Log(view))

    def action_copy(self) -> None:
        if run := self._run():
            self.workbench.copy(f"cifar-tui --preset run:{run.id} --headless", f"command of {run.id[-4:]}")


class SelectedRunKeys(RunKeys):
    """A screen that shows the selected run and steps through the list of Results."""

    def _choose_run(self) -> None:
        """Show the run that is selected now."""
        raise NotImplementedError

    def action_other_run(self, step: int) -> None:
        """Select the run `step` rows below in the list of Results, or above for a negative step."""
        workspace = self.workbench.workspace
        other = neighbor(workspace, workspace.selected, step)
        if other is None:
            self.say("no more runs in this direction")
        else:
            self._show_run(other)

    def _show_run(self, run: RunFolder) -> None:
        self.workbench.workspace.selected = run
        self._choose_run()
