"""`N`: queue a fixed number of seeds of a recipe, and store that number as a plan."""

from __future__ import annotations

from functools import partial

from textual import work

from engine.contract.errors import BadInput, StartFailed
from engine.contract.run.own_code import Untrusted
from engine.contract.run.store import RunFolder
from engine.launch import restart
from tui.drawing.format import counted
from tui.plans.batch import alone, carry_out
from tui.plans.seeds import SeedPlan, counted_seeds, plan_more, seeds_wanted
from tui.screens.confirm import Confirm
from tui.screens.prompt import Prompt
from tui.screens.run_actions import RunActions, pause


class SeedActions(RunActions):
    """A screen from which more seeds of the recipe of a run can be queued."""

    def ask_seeds(self, run: RunFolder, needed: int = 0) -> None:
        """Ask how many seeds the recipe is to have in all.

        Args:
            needed: the number that a verdict asks for; 0 to take it from the spread of the recipe's own seeds.
        """
        workspace = self.workbench.workspace
        row = workspace.row(run)
        if row is None:
            return
        rows = workspace.summaries()
        here = counted_seeds(row.recipe_id, rows)
        wanted = max(needed or seeds_wanted(row.recipe_id, rows, workspace.smallest / 100), len(here) + 1)

        def check(text: str) -> str:
            good = text.strip().isdecimal() and len(here) < int(text) <= 1000
            return "" if good else f"a whole number above {len(here)}, the seeds that there are, up to 1000"

        def answered(text: str | None) -> None:
            if text is not None:
                self._plan_seeds(run, int(text), trust=False)

        body = (
            f"This recipe has {counted(len(here), 'seed')}. To see {workspace.smallest:g} points takes about "
            f"{needed or wanted} of each recipe. The number is stored as a plan: until they are done, verdicts say "
            "that they are interim."
        )
        self.app.push_screen(Prompt("How many seeds in all?", body, str(wanted), check), answered)

    @work(thread=True, group="seeds", exit_on_error=False)
    def _plan_seeds(self, run: RunFolder, number: int, *, trust: bool) -> None:
        """Resolve and check all runs, then ask whether to start them."""
        workspace = self.workbench.workspace
        try:
            plan = plan_more(run, number, workspace.summaries(), workspace.roots, trust=trust)
        except Untrusted as error:
            again = partial(self._plan_seeds, run, number, trust=True)
            self.app.call_from_thread(self.ask_trust, error, again)
        except BadInput as error:
            self.app.call_from_thread(self.say, str(error), bad=True)
        else:
            self.app.call_from_thread(self._ask_to_queue, plan)

    def _ask_to_queue(self, plan: SeedPlan) -> None:
        todo = len(plan.batch.to_do)
        buttons = [("queue", f"Queue {counted(todo, 'run')}" if todo else "Store the plan"), ("no", "Not now")]

        def answered(answer: str | None) -> None:
            if answer == "queue":
                self._queue_seeds(plan)

        self.app.push_screen(Confirm(f"{len(plan.seeds)} seeds in all?", "\n".join(plan.lines), buttons), answered)

    @work(thread=True, group="seeds", exit_on_error=False)
    def _queue_seeds(self, plan: SeedPlan) -> None:
        """Store the plan, then start its runs. A run that fails to start is reported and does not stop the others."""
        workspace = self.workbench.workspace
        done, failed = 0, ""
        try:
            with alone(workspace.roots[0]):
                plan.store(workspace.roots[0])
                resume = partial(restart.resume, pause=pause)
                for started in carry_out(plan.batch, {}, start=workspace.start, resume=resume, say=self.say_later):
                    done, failed = done + (not started.error), started.error or failed
        except (BadInput, StartFailed) as error:
            failed = str(error)
        if failed:
            self.app.call_from_thread(self.say, failed, bad=True)
        self.say_later(f"{counted(done, 'run')} queued, {len(plan.seeds)} seeds planned; 5 shows the queue")
        self.refresh_rows()
