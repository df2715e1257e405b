"""The workbench: opening, moving between sections, and quitting. Every section is a screen of its own."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual import work
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.content import Content
from textual.events import Event, Key, Resize
from textual.screen import Screen
from textual.widgets import Static

from engine.contract.errors import BadInput
from engine.contract.run.store import RunFolder, find
from engine.contract.text import one_line
from presets.references import RUN
from tui.comparisons import load
from tui.drawing.format import keep_running
from tui.host import Closes, Host
from tui.keys.common import GLOBAL, bindings
from tui.keys.common import MODES as SECTIONS
from tui.messages import RunsChanged
from tui.palette import ActionEntries, ComparisonEntries, PresetEntries, RunEntries, SectionEntries, SuiteEntries
from tui.plans.draft import from_flags
from tui.screens.confirm import Confirm
from tui.screens.help import Help
from tui.screens.small import MIN_HEIGHT, MIN_WIDTH, TooSmall
from tui.screens.welcome import OTHER, Welcome
from tui.settings import UNSET, Settings
from tui.watcher import RunWatcher
from tui.workspace import Workspace

PATIENCE_SECONDS: Final = 0.4
"""How long the first reading of the runs may take before a message says so."""
QUIT_SECONDS: Final = 2.0
"""A second Ctrl-C within this time quits."""


def _screen(mode: str) -> Callable[[], Screen[Any]]:
    """A factory of a section's screen, which is imported when first shown, so that the app starts with only one."""
    name = "".join(word.capitalize() for word in mode.split("_"))
    return lambda: getattr(importlib.import_module(f"tui.screens.{mode}"), name)()


class Workbench(RunWatcher):
    """Six sections on the keys 1 to 6, each with its own stack of screens.

    Args:
        start_mode: the section to open with; by default the Dashboard if a run is live, else Results.
        settings: how the workbench looks.
    """

    TITLE = "cifar-tui"
    CSS_PATH = "app.tcss"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {mode: _screen(mode) for mode in SECTIONS}
    BINDINGS: ClassVar[list[BindingType]] = bindings(GLOBAL)
    COMMANDS: ClassVar = {
        *App.COMMANDS,
        ActionEntries,
        SectionEntries,
        RunEntries,
        ComparisonEntries,
        PresetEntries,
        SuiteEntries,
    }
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (160, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-tall")]
    ENABLE_COMMAND_PALETTE = True

    def __init__(self, workspace: Workspace, *, start_mode: str = "", settings: Settings = UNSET) -> None:
        super().__init__(workspace, settings)
        self._start_mode = start_mode
        self._trail: list[str] = []
        """Sections to go back to, the last one on top."""
        self._interrupted = 0.0
        """When Ctrl-C was last pressed, by the monotonic clock."""
        self._early_keys: list[Key] | None = []
        """Keys pressed before the first section was there, which gets them; None from then on."""

    # --- starting ---------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        if self.workspace.is_read:
            self._begin()
            return
        self.set_timer(PATIENCE_SECONDS, self._show_reading)
        self._read_runs()

    @work(thread=True, group="scan", exit_on_error=True)
    def _read_runs(self) -> None:
        """The first reading of the runs folders, which takes long if they are large and not in the index yet."""
        self.workspace.refresh()
        self.call_from_thread(self._begin)

    def _show_reading(self) -> None:
        if not self.workspace.is_read:
            text = f"Reading the runs in {self.workspace.roots[0]} (slow only the first time)"
            self.screen.mount(Static(Content(text), id="small"))

    def _begin(self) -> None:
        """Show the first section."""
        self.switch_mode(self._start_mode or self._first_mode())
        if not self.workspace.summaries() and not self._start_mode:
            self.push_screen(Welcome(), self._welcomed)
        self.start_watching()
        self.call_after_refresh(self._take_early_keys)

    async def on_event(self, event: Event) -> None:
        """Keep keys for the first section until it is there, all but those that quit."""
        if self._early_keys is not None and isinstance(event, Key) and event.key not in ("ctrl+c", "ctrl+q"):
            self._early_keys.append(event)
        else:
            await super().on_event(event)

    def _take_early_keys(self) -> None:
        keys, self._early_keys = self._early_keys or [], None
        for key in keys:
            self.post_message(key)

    def _first_mode(self) -> str:
        """The Dashboard if a run is live, else Results."""
        live = self.workspace.live()
        if not live:
            return "results"
        running = [row for row in live if row.status != "queued"] or live
        self.workspace.selected = self.workspace.folder(running[0])
        return "dashboard"

    def _welcomed(self, chosen: str | None) -> None:
        if chosen == OTHER:
            self.visit("new_run")
        elif chosen and chosen in SECTIONS:
            self.action_go(chosen)
        elif chosen:
            self.new_run({"preset": chosen})

    # --- navigation -------------------------------------------------------------------------------------------

    def action_go(self, mode: str) -> None:
        """Go to a section by its number key; `q` does not return from there."""
        self._trail.clear()
        self.switch_mode(mode)

    def visit(self, mode: str) -> None:
        """Go to a section; `q` returns to the present one."""
        if mode != self.current_mode:
            self._trail.append(self.current_mode)
            self.switch_mode(mode)

    def open_run(self, run: RunFolder) -> None:
        """Show a run on the Dashboard."""
        self.workspace.selected = run
        self.visit("dashboard")

    def new_run(self, flags: Mapping[str, Any]) -> None:
        """Open New run with the form filled in; nothing is started. `run:RUN` as the preset opens that run's recipe."""
        ref = str(flags.get("preset") or "")
        try:
            if ref.startswith(RUN):
                self.workspace.edit(find(self.workspace.roots, ref.removeprefix(RUN)))
            else:
                self.workspace.draft, self.workspace.parts = from_flags(flags), ()
        except BadInput as error:
            self.notify(one_line(str(error), 300), severity="error", markup=False)
        else:
            self.visit("new_run")

    def show_suite(self, name: str) -> None:
        """Show a published table over the present section."""
        from tui.screens.suites import Suites as Table

        self.push_screen(Table(name))

    def show_comparison(self, name: str) -> None:
        """Show a saved comparison in Compare; runs that are gone are named."""
        try:
            missing = self.workspace.show_comparison(load(name))
        except BadInput as error:
            self.notify(one_line(str(error), 300), severity="error", markup=False)
            return
        if missing:
            self.notify(f"no longer there: {', '.join(run[-4:] for run in missing)}", severity="error", markup=False)
        self.visit("compare")
        self.post_message(RunsChanged())

    async def action_back(self) -> None:
        """Close what is open, else the topmost screen; else return to the previous section, else ask to quit."""
        if isinstance(self.screen, Closes) and self.screen.leave():
            return
        if len(self.screen_stack) > 1:
            self.pop_screen()
        elif self._trail:
            self.switch_mode(self._trail.pop())
        else:
            self._ask_to_quit()

    def _ask_to_quit(self) -> None:
        live = len(self.workspace.live())
        runs = f"{keep_running(live)} without this screen." if live else "No run is active."
        buttons = [("quit", "Quit"), ("stay", "Stay")]
        body = f"{runs}\nRun `cifar-tui` to come back."
        # The default is Stay: pressing Esc once too often and then Enter should not quit.
        self.push_screen(Confirm("Quit the workbench?", body, buttons, default=1), self._quit_answered)

    def _quit_answered(self, answer: str | None) -> None:
        if answer == "quit":
            self.exit()

    def action_help_quit(self) -> None:
        """Ctrl-C: the second press within two seconds quits."""
        now = time.monotonic()
        if now - self._interrupted < QUIT_SECONDS:
            self.exit()
        self._interrupted = now
        self.notify("Press Ctrl-C again to quit. Training continues.", timeout=QUIT_SECONDS, markup=False)

    def action_help(self) -> None:
        self.push_screen(Help(getattr(self.screen, "KEYS_OF", self.current_mode)))

    def action_undo(self) -> None:
        """Undo the last action that can be undone."""
        self._undo()

    @work(thread=True, group="actions", exit_on_error=False)
    def _undo(self) -> None:
        """Undo in a thread, as run folders may have to be moved."""
        try:
            action = self.workspace.undo_stack.undo()
        except BadInput as error:
            self.call_from_thread(self.notify, one_line(str(error), 300), severity="error", markup=False)
        else:
            text = f"undone: {action.description}" if action else "nothing to undo (* removes all marks)"
            self.call_from_thread(self.notify, one_line(text, 300), markup=False)
        self.workspace.refresh()
        self.post_message(RunsChanged())

    def action_say_moved(self, where: str) -> None:
        """Say where an act has gone whose key has moved."""
        self.notify(where, markup=False)

    def action_redraw(self) -> None:
        """Redraw the whole screen, for example after another program wrote over it."""
        self.refresh(repaint=True, layout=True)
        self.screen.refresh()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        yield SystemCommand("Quit the workbench", "Training continues", self._ask_to_quit)
        yield from super().get_system_commands(screen)
        yield SystemCommand("Screenshot", "Save the screen as SVG", self._screenshot_soon)

    def _screenshot_soon(self) -> None:
        self.set_timer(0.1, self.deliver_screenshot)  # after the palette has closed

    def copy(self, text: str, what: str) -> None:
        """Copy through the terminal (OSC 52), which may refuse silently; the notification therefore names the way."""
        self.copy_to_clipboard(text)
        self.notify(f"{what} sent to the terminal's clipboard (OSC 52)", markup=False)

    def on_resize(self, event: Resize) -> None:
        """Show a message instead of the screen where the terminal is smaller than 60x18."""
        small = event.size.width < MIN_WIDTH or event.size.height < MIN_HEIGHT
        shown = isinstance(self.screen, TooSmall)
        if small and not shown:
            self.push_screen(TooSmall())
        elif not small and shown:
            self.pop_screen()


if TYPE_CHECKING:
    _: type[Host] = Workbench  # mypy holds the app to what the screens ask of it
