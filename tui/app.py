"""The workbench: which section is shown, and nothing else. Every section is a Screen of its own."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Final

from textual import work
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.content import Content
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Static

from engine.contract.errors import BadInput
from engine.contract.run.store import RunFolder, Summary, find
from engine.contract.text import one_line
from tui.commands.sources import RUN
from tui.drawing.format import keep_running
from tui.keys.common import GLOBAL, bindings
from tui.keys.common import MODES as SECTIONS
from tui.messages import RunsChanged
from tui.palette import Presets, Runs, Sections, Suites
from tui.plans.draft import from_flags
from tui.screens.confirm import Confirm
from tui.screens.help import Help
from tui.screens.run_actions import RunActs
from tui.screens.small import MIN_HEIGHT, MIN_WIDTH, TooSmall
from tui.screens.welcome import OTHER, Welcome
from tui.session import Session
from tui.theme import DARK, LIGHT

TICK_SECONDS: Final = 1.0
REMEMBER_SECONDS: Final = 60.0
PATIENCE_SECONDS: Final = 0.4
"""So long the first look at the runs may take before it is told."""
TWICE_SECONDS: Final = 2.0
"""Within this time a second Ctrl-C quits."""


def _screen(mode: str) -> Callable[[], Screen[Any]]:
    """A section's screen, imported when it is first shown: the first paint waits for one of them only."""
    name = "".join(word.capitalize() for word in mode.split("_"))
    return lambda: getattr(importlib.import_module(f"tui.screens.{mode}"), name)()


class Workbench(App[None]):
    """Six sections on the keys 1 to 6, each with its own stack of screens."""

    TITLE = "cifar-tui"
    CSS_PATH = "app.tcss"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {mode: _screen(mode) for mode in SECTIONS}
    BINDINGS: ClassVar[list[BindingType]] = bindings(GLOBAL)
    COMMANDS: ClassVar = {*App.COMMANDS, Sections, Runs, Presets, Suites}
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (160, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-tall")]
    ENABLE_COMMAND_PALETTE = True

    def __init__(self, session: Session, *, start_mode: str = "") -> None:
        super().__init__()
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        self.theme = LIGHT.name if session.light else DARK.name
        self.animation_level = "none"
        self.session = session
        self._start_mode = start_mode
        self._trail: list[str] = []
        self._interrupted = 0.0
        self._remembered = time.monotonic()
        self._known: dict[str, Summary] = {}

    # --- starting ---------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        if self.session.is_read:
            self._begin()
            return
        self.set_timer(PATIENCE_SECONDS, self._say_reading)
        self._read_runs()

    @work(thread=True, group="scan", exit_on_error=True)
    def _read_runs(self) -> None:
        """The first look at the runs folder, which may be large and never seen before."""
        self.session.refresh()
        self.call_from_thread(self._begin)

    def _say_reading(self) -> None:
        if not self.session.is_read:
            words = f"reading the runs in {self.session.roots[0]} (the first time takes longest)"
            self.screen.mount(Static(Content(words), id="small"))

    def _begin(self) -> None:
        """Show the first section."""
        self._known = {row.folder: row for row in self.session.summaries()}
        self.switch_mode(self._start_mode or self._first_mode())
        if not self._known and not self._start_mode:
            self.push_screen(Welcome(), self._welcomed)
        self.set_interval(TICK_SECONDS, self._look)

    def _first_mode(self) -> str:
        """Dashboard where a run is live, else Results."""
        live = self.session.live()
        if not live:
            return "results"
        running = [row for row in live if row.status != "queued"] or live
        self.session.selected = self.session.folder(running[0])
        return "dashboard"

    def _welcomed(self, chosen: str | None) -> None:
        if chosen == OTHER:
            self.visit("new_run")
        elif chosen and chosen in SECTIONS:
            self.action_go(chosen)
        elif chosen:
            self.new_run({"preset": chosen})

    # --- going about ------------------------------------------------------------------------------------------

    def action_go(self, mode: str) -> None:
        """Go to a section by its number: the way back starts here."""
        self._trail.clear()
        self.switch_mode(mode)

    def visit(self, mode: str) -> None:
        """Go to a section such that `q` returns."""
        if mode != self.current_mode:
            self._trail.append(self.current_mode)
            self.switch_mode(mode)

    def open_run(self, run: RunFolder) -> None:
        """Show a run on the Dashboard."""
        self.session.selected = run
        self.visit("dashboard")

    def new_run(self, flags: Mapping[str, Any]) -> None:
        """Open New run filled in; nothing is started. `run:RUN` as the preset opens that run's recipe."""
        ref = str(flags.get("preset") or "")
        try:
            if ref.startswith(RUN):
                self.session.edit(find(self.session.roots, ref.removeprefix(RUN)))
            else:
                self.session.draft, self.session.parts = from_flags(flags), ()
        except BadInput as error:
            self.notify(one_line(str(error), 300), severity="error", markup=False)
        else:
            self.visit("new_run")

    def show_suite(self, name: str) -> None:
        """Show a published table over the section in front."""
        from tui.screens.suites import Suites as Table

        self.push_screen(Table(name))

    async def action_back(self) -> None:
        """Close what lies on top or open, else return to where one came from, else ask to quit."""
        if isinstance(self.screen, RunActs) and self.screen.leave():
            return
        if len(self.screen_stack) > 1:
            self.pop_screen()
        elif self._trail:
            self.switch_mode(self._trail.pop())
        else:
            self._ask_to_quit()

    def _ask_to_quit(self) -> None:
        live = len(self.session.live())
        runs = f"{keep_running(live)} without this screen." if live else "No run is going on."
        buttons = [("quit", "Quit"), ("stay", "Stay")]
        body = f"{runs}\n`cifar-tui` comes back here."
        # Whoever pressed Esc once too often and then Enter has not asked to leave.
        self.push_screen(Confirm("Quit the workbench?", body, buttons, default=1), self._quit_answered)

    def _quit_answered(self, answer: str | None) -> None:
        if answer == "quit":
            self.exit()

    def action_help_quit(self) -> None:
        """Ctrl-C: the second one within two seconds quits."""
        now = time.monotonic()
        if now - self._interrupted < TWICE_SECONDS:
            self.exit()
        self._interrupted = now
        self.notify("Ctrl-C again quits the workbench. Trainings go on.", timeout=TWICE_SECONDS, markup=False)

    def action_help(self) -> None:
        self.push_screen(Help(getattr(self.screen, "KEYS_OF", self.current_mode)))

    def action_undo(self) -> None:
        """Take back the last act that can be taken back."""
        self._undo()

    @work(thread=True, group="acts", exit_on_error=False)
    def _undo(self) -> None:
        """In a thread, as it may move run folders."""
        try:
            act = self.session.acts.undo()
        except BadInput as error:
            self.call_from_thread(self.notify, one_line(str(error), 300), severity="error", markup=False)
        else:
            said = f"undone: {act.words}" if act else "there is nothing to undo (* removes all marks)"
            self.call_from_thread(self.notify, one_line(said, 300), markup=False)
        self.session.refresh()
        self.post_message(RunsChanged())

    def action_redraw(self) -> None:
        """Send every cell again, after another program wrote over the screen."""
        self.refresh(repaint=True, layout=True)
        self.screen.refresh()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        yield SystemCommand("Quit", "Leave the workbench; trainings go on", self._ask_to_quit)
        yield SystemCommand("Undo", "Take back the last act: a deletion, tags, a note, marks", self.action_undo)
        yield SystemCommand("Keys", "Show the keys of this screen", self.action_help)
        yield SystemCommand("Light or dark", "Change the colours", self.action_toggle_look)
        yield SystemCommand("Screenshot", "Save the screen as SVG", self._screenshot_soon)

    def _screenshot_soon(self) -> None:
        self.set_timer(0.1, self.deliver_screenshot)  # when the palette is gone

    def action_toggle_look(self) -> None:
        self.session.light = not self.session.light
        self.theme = LIGHT.name if self.session.light else DARK.name

    def copy(self, text: str, what: str) -> None:
        """Copy through the terminal (OSC 52), which may refuse without a word, and say so."""
        self.copy_to_clipboard(text)
        self.notify(f"{what} sent to the terminal's clipboard (OSC 52)", markup=False)

    def on_resize(self, event: Resize) -> None:
        """Below 60x18 nothing is readable: say so instead."""
        small = event.size.width < MIN_WIDTH or event.size.height < MIN_HEIGHT
        shown = isinstance(self.screen, TooSmall)
        if small and not shown:
            self.push_screen(TooSmall())
        elif not small and shown:
            self.pop_screen()

    # --- watching the runs ------------------------------------------------------------------------------------

    def _look(self) -> None:
        if not any(worker.group == "scan" and not worker.is_finished for worker in self.workers):
            self._scan()

    @work(thread=True, group="scan", exit_on_error=False)
    def _scan(self) -> None:
        if self.session.refresh(force=False):
            self.post_message(RunsChanged())
        if time.monotonic() - self._remembered > REMEMBER_SECONDS:  # a closed terminal gives no time for it
            self._remembered = time.monotonic()
            self.session.remember_leaving()

    def on_runs_changed(self) -> None:
        """Say what ended, and tell the screen in front that the rows are others."""
        rows = {row.folder: row for row in self.session.summaries()}
        for folder, row in rows.items():
            before = self._known.get(folder)
            if before is not None and before.live and not row.live:
                self._say_ended(row)
        self._known = rows
        for screen in self.screen_stack:
            handler = getattr(screen, "runs_changed", None)
            if handler is not None:
                handler()

    def _say_ended(self, row: Summary) -> None:
        name = one_line(f"{row.id[-4:]} {row.preset or row.model}", 40)
        good = row.status in ("finished", "stopped")
        chosen = self.session.selected is not None and str(self.session.selected.path) == row.folder
        where = "1 shows it on the Dashboard" if chosen else f"to see it on the Dashboard type :{row.id[-4:]}"
        self.notify(
            one_line(row.message or row.reason, 200) or where,
            title=f"{name} {row.status}",
            severity="information" if good else "error",
            timeout=10,
            markup=False,
        )
        self.bell()

    def rerun(self, row: Summary) -> None:
        """Ask, then start a run's recipe and seed once more."""
        if isinstance(self.screen, RunActs):
            self.screen.ask_again(self.session.folder(row))

    def on_unmount(self) -> None:
        self.session.remember_leaving()
