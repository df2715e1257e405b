"""What can be done to a run from any screen: stop, kill, resume, delete, label. Each asks first; each has its command.

The waiting happens in a thread, the answer comes back as a toast.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import cast

from textual import work
from textual.screen import Screen
from textual.worker import WorkerCancelled, get_current_worker

from engine.contract.errors import BadInput, StartFailed
from engine.contract.recipe.catalog import catalog
from engine.contract.run.labels import check_tag
from engine.contract.run.own_code import Untrusted
from engine.contract.run.store import RunFolder
from engine.contract.run.teacher import needed
from engine.contract.text import one_line
from engine.launch import control
from presets.references import source_file
from tui.drawing.format import counted
from tui.host import Host
from tui.messages import RunsChanged
from tui.plans.again import draft_of, own_parts
from tui.screens.confirm import Confirm
from tui.screens.prompt import Prompt


def pause(seconds: float) -> None:
    """Sleep in a thread of the workbench; one that closes meanwhile does not have to wait for what the thread does."""
    time.sleep(seconds)
    if get_current_worker().is_cancelled:
        raise WorkerCancelled("the workbench is closing")


class RunActs(Screen[None]):
    """A screen that acts on runs."""

    @property
    def workbench(self) -> Host:
        return cast(Host, self.app)

    def leave(self) -> bool:
        """Close what lies open on this screen, a filter for one; whether there was anything that `q` should close."""
        return False

    # --- asking -----------------------------------------------------------------------------------------------

    def ask_stop(self, run: RunFolder) -> None:
        """Stop with a checkpoint, or kill."""
        state = run.status()
        if not state.live:
            self.say(f"{run.id[-4:]} is {state.state}: nothing to stop")
            return
        body = (
            "Stop finishes the step and saves; C continues it later.\nKill loses what came after the last checkpoint."
        )
        buttons = [("stop", "Stop"), ("kill", "Kill"), ("cancel", "Cancel")]

        def answered(answer: str | None) -> None:
            if answer == "stop":
                self.act([run], control.stop)
            elif answer == "kill":
                self.act([run], control.kill)

        self.app.push_screen(Confirm(f"Stop run {run.id[-4:]}?", body, buttons), answered)

    def ask_resume(self, run: RunFolder) -> None:
        """Continue from the last checkpoint."""
        self._ask(
            f"Continue run {run.id[-4:]}?",
            "It goes on from its last checkpoint, with the same recipe and seed.",
            ("resume", "Continue"),
            lambda: self.act([run], partial(control.resume, say=self.say_later, pause=pause), "goes on"),
        )

    def ask_again(self, run: RunFolder) -> None:
        """Start the same recipe with the same seed as a new run."""
        seed = run.info().seed
        self._ask(
            f"Run {run.id[-4:]} again?",
            f"The same recipe with seed {seed}, as a new run.",
            ("start", "Start"),
            lambda: self._start_again(run, False),
        )

    def ask_cancel(self, run: RunFolder) -> None:
        """Leave the queue."""
        self._ask(
            f"Take run {run.id[-4:]} out of the queue?",
            "It ends as stopped; C on Results starts it again.",
            ("take", "Take out"),
            lambda: self.act([run], control.cancel, "is out of the queue"),
        )

    def ask_delete(self, runs: Sequence[RunFolder]) -> None:
        """Move runs into the trash."""
        names = ", ".join(run.id[-4:] for run in runs[:8]) + (" …" if len(runs) > 8 else "")
        session = self.workbench.session
        students = [run[-4:] for ids in needed({run.id for run in runs}, session.summaries()).values() for run in ids]
        warning = f"\nNot finished, and still to learn from them: {', '.join(students)}." if students else ""
        self._ask(
            f"Delete {len(runs)} runs?" if len(runs) > 1 else f"Delete run {names}?",
            f"{names} will be in the trash: u brings them back.\n"
            f"`cifar-tui runs prune --trash` empties it and frees the space.{warning}",
            ("delete", "Delete"),
            lambda: self._delete(list(runs)),
            default=1,
        )

    def ask_tags(self, run: RunFolder) -> None:
        """Set the tags: the line is the whole set."""
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

        body = "Words with blanks between them; find them with tag:WORD."
        self.app.push_screen(Prompt(f"Tags of {run.id[-4:]}", body, " ".join(before), check), answered)

    def ask_note(self, run: RunFolder) -> None:
        """Add a note."""

        def answered(text: str | None) -> None:
            if text and (said := text.strip()):
                self._label(lambda: run.add_label(note=said), f"noted {run.id[-4:]}",
                            lambda: run.add_label(unnote=said))  # fmt: skip

        notes = run.labels().notes
        body = f"Before: {one_line(notes[-1], 200)}" if notes else "What you want to remember of this run."
        self.app.push_screen(Prompt(f"Note on {run.id[-4:]}", body), answered)

    def _ask(self, title: str, body: str, yes: tuple[str, str], act: Callable[[], object], default: int = 0) -> None:
        def answered(answer: str | None) -> None:
            if answer == yes[0]:
                act()

        self.app.push_screen(Confirm(title, body, [yes, ("no", "Not now")], default), answered)

    def ask_trust(self, error: Untrusted, act: Callable[[], object]) -> None:
        """Whether to run code that is another user's, or has changed."""
        body = "\n".join(map(one_line, error.problems[:-1]))
        self._ask("Run this code?", body, ("run", "Run it"), act, default=1)

    # --- acting -----------------------------------------------------------------------------------------------

    def _label(self, write: Callable[[], object], words: str, undo: Callable[[], object]) -> None:
        """Write labels and remember how to take them back; a folder that is not to be written to says so."""
        try:
            write()
            self.workbench.session.acts.did(words, undo)
        except BadInput as error:
            self.say(str(error), bad=True)
        self._reread()

    @work(thread=True, group="acts", exit_on_error=False)
    def _delete(self, runs: Sequence[RunFolder]) -> None:
        gone, problems = self.workbench.session.delete(runs)
        for problem in problems:
            self.app.call_from_thread(self.say, problem, bad=True)
        if gone:
            names = gone[0].id[-4:] if len(gone) == 1 else counted(len(gone), "run")
            are = "is" if len(gone) == 1 else "are"
            self.app.call_from_thread(self.say, f"{names} {are} in the trash; u brings back")
        self._look_again()

    @work(thread=True, group="acts", exit_on_error=False)
    def act(self, runs: Sequence[RunFolder], what: Callable[..., object], done: str = "") -> None:
        """Do something to each run; what cannot be done is said and keeps nothing else back.

        Args:
            what: takes the run, and `trust` where it may meet code that is not to be run unasked.
            done: the words that say so; those that `what` returns where this is empty.
        """
        for run in runs:
            try:
                words = what(run)
            except Untrusted as error:
                again = partial(self.act, [run], partial(what, trust=True), done)
                self.app.call_from_thread(self.ask_trust, error, again)
                continue
            except (BadInput, StartFailed) as error:
                self.app.call_from_thread(self.say, str(error), bad=True)
                continue
            self.say_later(f"{run.id[-4:]} {done or words}")
        self._look_again()

    @work(thread=True, group="acts", exit_on_error=False)
    def _start_again(self, run: RunFolder, trust: bool) -> None:
        from tui.plans.plan import launch, plan

        session, files = self.workbench.session, own_parts(run)
        try:
            parts = catalog(tuple(map(Path, files)))
            draft = draft_of(run, parts, session.roots)
            source = source_file(draft.preset, session.roots)
            planned = plan(draft, source, session.roots[0], parts, files, session.roots, trust=trust)
            runs = launch(planned, session.start)
        except Untrusted as error:
            self.app.call_from_thread(self.ask_trust, error, partial(self._start_again, run, True))
            return
        except (BadInput, StartFailed) as error:
            self.app.call_from_thread(self.say, str(error), bad=True)
            return
        session.refresh()
        self.app.call_from_thread(self.workbench.open_run, runs[0])

    @work(thread=True, group="acts", exit_on_error=False)
    def _reread(self) -> None:
        self._look_again()

    def _look_again(self) -> None:
        """Read the rows again, in a thread: with ten thousand runs it takes a moment."""
        self.workbench.session.refresh()
        self.app.post_message(RunsChanged())

    def say_later(self, text: str) -> None:
        """The same from a thread."""
        self.app.call_from_thread(self.say, text)

    def say(self, text: str, *, bad: bool = False) -> None:
        """A toast with text that is data."""
        self.notify(one_line(text, 300), severity="error" if bad else "information", markup=False)


def tag_run(run: RunFolder, added: Sequence[str], dropped: Sequence[str]) -> None:
    """Put tags on a run and take others off. BadInput where it may not be written to."""
    for tag in added:
        run.add_label(tag=tag)
    for tag in dropped:
        run.add_label(untag=tag)
