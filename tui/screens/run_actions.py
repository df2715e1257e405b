"""The actions on a run that every screen offers: stop, kill, resume, run again, cancel, delete, tag, note, leave out.

Each asks for confirmation and has an equivalent command. Actions run in a thread; their outcome is a notification.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from textual import work
from textual.worker import WorkerCancelled, get_current_worker

from engine.contract.errors import BadInput, StartFailed
from engine.contract.recipe.catalog import catalog
from engine.contract.run.labels import check_reason, check_tag
from engine.contract.run.own_code import Untrusted
from engine.contract.run.store import RunFolder
from engine.contract.run.teacher import students_of
from engine.contract.text import one_line
from engine.launch import control, restart
from tui.drawing.format import counted
from tui.plans.again import own_parts, repeat_of
from tui.screens.confirm import Confirm
from tui.screens.prompt import Prompt
from tui.screens.section import Section


def pause(seconds: float) -> None:
    """Sleep in a thread of the workbench, and end the thread if the workbench closes meanwhile."""
    time.sleep(seconds)
    if get_current_worker().is_cancelled:
        raise WorkerCancelled("the workbench is closing")


class RunActions(Section):
    """A screen from which actions on runs can be started."""

    # --- questions --------------------------------------------------------------------------------------------

    def ask_stop(self, run: RunFolder) -> None:
        """Ask whether to stop a run with a checkpoint, or to kill it."""
        state = run.status()
        if not state.live:
            self.say(f"{run.id[-4:]} is {state.state}; there is nothing to stop")
            return
        body = (
            "Stop saves a checkpoint after the current step; C resumes the run later.\n"
            "Kill loses everything since the last checkpoint."
        )
        buttons = [("stop", "Stop"), ("kill", "Kill"), ("cancel", "Cancel")]

        def answered(answer: str | None) -> None:
            if answer == "stop":
                self.act([run], control.stop)
            elif answer == "kill":
                self.act([run], control.kill)

        self.app.push_screen(Confirm(f"Stop run {run.id[-4:]}?", body, buttons), answered)

    def refuses(self, run: RunFolder) -> bool:
        """Whether another program has trained the run, so that nothing can start from it; says so."""
        try:
            run.refuse_imported()
        except BadInput as error:
            self.say(str(error), bad=True)
            return True
        return False

    def ask_resume(self, run: RunFolder) -> None:
        """Ask whether to resume a run from its last checkpoint."""
        if self.refuses(run):
            return
        self._ask(
            f"Continue run {run.id[-4:]}?",
            "It resumes from its last checkpoint, with the same recipe and seed.",
            ("resume", "Continue"),
            lambda: self.act([run], partial(restart.resume, say=self.say_later, pause=pause), "resumed"),
        )

    def ask_again(self, run: RunFolder) -> None:
        """Ask whether to start a new run with the same recipe and seed."""
        if self.refuses(run):
            return
        seed = run.info().seed
        self._ask(
            f"Run {run.id[-4:]} again?",
            f"This starts a new run with the same recipe and seed {seed}.",
            ("start", "Start"),
            lambda: self._start_again(run, False),
        )

    def ask_cancel(self, run: RunFolder) -> None:
        """Ask whether to remove a run from the queue."""
        self._ask(
            f"Remove run {run.id[-4:]} from the queue?",
            "Its status becomes stopped; C on Results starts it again.",
            ("remove", "Remove"),
            lambda: self.act([run], control.cancel, "removed from the queue"),
        )

    def ask_delete(self, runs: Sequence[RunFolder], marked: Sequence[RunFolder] = ()) -> None:
        """Ask whether to move runs to the trash.

        Args:
            marked: other runs that can be deleted instead.
        """
        names = ", ".join(run.id[-4:] for run in runs[:8]) + (" …" if len(runs) > 8 else "")
        workspace = self.workbench.workspace
        students = [
            run[-4:] for ids in students_of({run.id for run in runs}, workspace.summaries()).values() for run in ids
        ]
        warning = f"\nThey are still needed as teachers by unfinished runs: {', '.join(students)}." if students else ""
        title = f"Delete {len(runs)} runs?" if len(runs) > 1 else f"Delete run {names}?"
        body = (
            f"{names} will be moved to the trash; u restores {'them' if len(runs) > 1 else 'it'}.\n"
            f"`cifar-tui runs prune --trash` empties the trash and frees the space.{warning}"
        )
        others = [("all", f"All {len(marked)} marked")] if marked and list(marked) != list(runs) else []
        buttons = [("delete", "Delete"), *others, ("no", "Not now")]

        def answered(answer: str | None) -> None:
            if answer == "delete":
                self._delete(list(runs))
            elif answer == "all":
                self.ask_delete(marked)

        self.app.push_screen(Confirm(title, body, buttons, len(buttons) - 1), answered)

    def ask_tags(self, run: RunFolder) -> None:
        """Ask for the tags of a run; what is typed replaces all of them."""
        before = list(run.labels().tags)

        def check(text: str) -> str:
            try:
                for tag in text.split():
                    check_tag(tag)
            except BadInput as error:
                return str(error)
            return ""

        def answered(text: str | None) -> None:
            if text is None:
                return
            after = text.split()
            added = [tag for tag in after if tag not in before]
            dropped = [tag for tag in before if tag not in after]
            if added or dropped:
                self._label(lambda: tag_run(run, added, dropped), f"tagged {run.id[-4:]}",
                            lambda: tag_run(run, dropped, added))  # fmt: skip

        body = "Separate tags by spaces. The filter tag:WORD finds them."
        self.app.push_screen(Prompt(f"Tags of {run.id[-4:]}", body, " ".join(before), check), answered)

    def ask_note(self, run: RunFolder) -> None:
        """Ask for a note to add to a run."""

        def answered(text: str | None) -> None:
            if text and (note := text.strip()):
                self._label(lambda: run.add_label(note=note), f"noted {run.id[-4:]}",
                            lambda: run.add_label(unnote=note))  # fmt: skip

        notes = run.labels().notes
        body = f"Last note: {one_line(notes[-1], 200)}" if notes else "What to remember about this run."
        self.app.push_screen(Prompt(f"Note on {run.id[-4:]}", body), answered)

    def pin(self, run: RunFolder, pinned: bool) -> None:
        """Keep a run at the top of Results, or let it go back to its place."""
        words = f"{'pinned' if pinned else 'unpinned'} {run.id[-4:]}"
        self._label(lambda: run.add_label(pinned=pinned), words, lambda: run.add_label(pinned=not pinned))

    def ask_exclude(self, run: RunFolder) -> None:
        """Ask why a run is left out of means, verdicts and grids; an empty answer makes it count again."""
        before = run.labels().excluded

        def check(text: str) -> str:
            try:
                check_reason(text)
            except BadInput as error:
                return "" if not text.strip() else str(error)
            return ""

        def answered(text: str | None) -> None:
            if text is None or (why := text.strip()) == before:
                return
            done = f"left {run.id[-4:]} out: {why}" if why else f"let {run.id[-4:]} count again"
            self._label(lambda: run.add_label(excluded=why), done, lambda: run.add_label(excluded=before))

        body = "A run that is left out is in no mean, verdict or grid. Say why; clear the text to let it count again."
        self.app.push_screen(Prompt(f"Why leave out {run.id[-4:]}?", body, before, check), answered)

    def _ask(self, title: str, body: str, yes: tuple[str, str], action: Callable[[], object], default: int = 0) -> None:
        def answered(answer: str | None) -> None:
            if answer == yes[0]:
                action()

        self.app.push_screen(Confirm(title, body, [yes, ("no", "Not now")], default), answered)

    def ask_trust(self, error: Untrusted, action: Callable[[], object]) -> None:
        """Ask whether to run code that is another user's, or has changed since the run started."""
        body = "\n".join(map(one_line, error.problems[:-1]))
        self._ask("Run this code?", body, ("run", "Run it"), action, default=1)

    # --- actions ----------------------------------------------------------------------------------------------

    def _label(self, write: Callable[[], object], description: str, undo: Callable[[], object]) -> None:
        """Write labels and remember how to undo that; a folder that cannot be written to is reported."""
        try:
            write()
            self.workbench.workspace.undo_stack.push(description, undo)
        except BadInput as error:
            self.say(str(error), bad=True)
        self.refresh_rows_later()

    @work(thread=True, group="actions", exit_on_error=False)
    def _delete(self, runs: Sequence[RunFolder]) -> None:
        gone, problems = self.workbench.workspace.delete(runs)
        for problem in problems:
            self.app.call_from_thread(self.say, problem, bad=True)
        if gone:
            names = gone[0].id[-4:] if len(gone) == 1 else counted(len(gone), "run")
            them = "it" if len(gone) == 1 else "them"
            self.app.call_from_thread(self.say, f"moved {names} to the trash; u restores {them}")
        self.refresh_rows()

    @work(thread=True, group="actions", exit_on_error=False)
    def act(self, runs: Sequence[RunFolder], action: Callable[..., object], done: str = "") -> None:
        """Apply an action to each run. A failure is reported and does not keep the other runs from it.

        Args:
            action: takes the run; also `trust` if it may have to run code that the user must agree to.
            done: what to report afterwards; by default what `action` returns.
        """
        for run in runs:
            try:
                outcome = action(run)
            except Untrusted as error:
                again = partial(self.act, [run], partial(action, trust=True), done)
                self.app.call_from_thread(self.ask_trust, error, again)
                continue
            except (BadInput, StartFailed) as error:
                self.app.call_from_thread(self.say, str(error), bad=True)
                continue
            self.say_later(f"{run.id[-4:]} {done or outcome}")
        self.refresh_rows()

    @work(thread=True, group="actions", exit_on_error=False)
    def _start_again(self, run: RunFolder, trust: bool) -> None:
        from tui.plans.plan import launch, plan

        workspace, files = self.workbench.workspace, own_parts(run)
        try:
            parts = catalog(tuple(map(Path, files)))
            found = repeat_of(run, parts, workspace.roots)
            planned = plan(found, workspace.roots[0], files, workspace.roots, trust=trust)
            runs = launch(planned, workspace.start)
        except Untrusted as error:
            self.app.call_from_thread(self.ask_trust, error, partial(self._start_again, run, True))
            return
        except (BadInput, StartFailed) as error:
            self.app.call_from_thread(self.say, str(error), bad=True)
            return
        workspace.refresh()
        self.app.call_from_thread(self.workbench.open_run, runs[0])


def tag_run(run: RunFolder, added: Sequence[str], dropped: Sequence[str]) -> None:
    """Add tags to a run and remove others. Raises BadInput if its folder cannot be written to."""
    for tag in added:
        run.add_label(tag=tag)
    for tag in dropped:
        run.add_label(untag=tag)
