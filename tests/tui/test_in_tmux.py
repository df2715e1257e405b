"""A walk through the workbench as a person takes it: the real program in a real terminal, with a run that trains.

Skipped where tmux is missing. Slow, since each walk starts the program twice and trains a small network in between.
"""

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator

import pytest

from engine.contract.run.store import RunFolder, find, runs_root, summarize
from engine.launch import control
from tests.tui.demo import Demo, predict, write_run
from tui.drawing.format import percent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
    pytest.mark.usefixtures("shapes_ready"),
]

SIZES = ((80, 24), (120, 40), (200, 50))
FORM = (
    "--preset", "quickstart", "--model", "lenet", "--epochs", "2", "--device", "cpu", "--threads", "1",
    "--set", "data.fraction=0.05", "--set", "compute.precision=fp32", "--set", "schedule.warmup=0",
)  # fmt: skip
PATIENCE = 90.0
"""Seconds until something must be seen, on a busy machine."""


class Terminal:
    """A terminal of this size in which tmux runs the workbench, on a server of its own."""

    def __init__(self, width: int, height: int) -> None:
        self.socket = f"cifar-tui-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.size = width, height

    def _tmux(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = ["tmux", "-f", os.devnull, "-L", self.socket, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=30)

    def start(self, *arguments: str) -> None:
        width, height = map(str, self.size)
        program = ["env", "-u", "COLUMNS", "-u", "LINES", sys.executable, "-m", "tui.cli", *arguments]
        # without exit-empty, a second program could meet a server that is about to end with the session of the first
        stay = ("start-server", ";", "set", "-g", "exit-empty", "off", ";")
        done = self._tmux(*stay, "new-session", "-d", "-s", "walk", "-x", width, "-y", height, *program)
        assert done.returncode == 0, done.stderr

    def screen(self) -> str:
        """What stands in the terminal, as text."""
        return self._tmux("capture-pane", "-p", "-t", "walk").stdout

    def press(self, *keys: str) -> None:
        for key in keys:
            self._tmux("send-keys", "-t", "walk", key)

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-t", "walk", "-l", text)

    def see(self, *texts: str, when: Callable[[str], bool] = lambda screen: True) -> str:
        """Wait until all of these texts stand in the terminal, and return what does."""
        deadline, screen = time.monotonic() + PATIENCE, ""
        while time.monotonic() < deadline:
            screen = self.screen()
            if all(text in screen for text in texts) and when(screen):
                return screen
            time.sleep(0.1)
        raise AssertionError(f"{texts} not seen in\n{screen}")

    def wait_for_end(self) -> None:
        """Wait until the program has ended, and with it the session."""
        deadline = time.monotonic() + PATIENCE
        while self._tmux("has-session", "-t", "walk").returncode == 0:
            assert time.monotonic() < deadline, self.screen()
            time.sleep(0.1)

    def close(self) -> None:
        self._tmux("kill-server")


@pytest.fixture
def terminal(request: pytest.FixtureRequest) -> Iterator[Terminal]:
    """The terminal; neither it nor a run outlives the test."""
    found = Terminal(*request.param)
    yield found
    found.close()
    for path in runs_root().glob("2*"):
        run = RunFolder(path)
        if run.status().live:
            control.kill(run)


@pytest.mark.parametrize("terminal", SIZES, ids=lambda size: f"{size[0]}x{size[1]}", indirect=True)
def test_a_run_is_started_watched_compared_inspected_and_found_again(terminal):
    root = runs_root()
    root.mkdir(parents=True)
    demo = Demo(epochs_done=500, state="finished", name="published")
    published = write_run(root, demo, now=time.time() - 86400)
    reached = percent(summarize(published).last_accuracy or 0.0)
    predict(published, summarize(published).last_accuracy or 0.0)

    terminal.start(*FORM)
    form = terminal.see("4 New run", "lenet", "learning rate", "same thing as a command")
    assert "quickstart" in form and "before you start" in form
    terminal.press("/")
    terminal.see("find a field by name or help text", "esc cancel")
    terminal.type("place.name")
    terminal.press("Enter")
    terminal.see("name: Name of the run", when=lambda screen: "place.name" not in screen)
    terminal.press("Enter")
    terminal.see("enter ok", "esc cancel")
    terminal.type("a walk")
    terminal.press("Enter")
    terminal.see("a walk", when=lambda screen: "place.name" not in screen)

    terminal.press("C-s")
    board = terminal.see("accuracy %", "per class", "a walk", "epoch 2", when=lambda screen: "finished" in screen)
    run = find([root], "a walk")
    last = percent(summarize(run).last_accuracy or 0.0)
    assert run.id[-4:] in board and last in board

    terminal.press("2")
    terminal.see("/ filter", "2 runs", run.id[-4:], published.id[-4:], last)
    terminal.press("g", "Space", "j", "Space", "v")
    terminal.see(
        "test accuracy %", "verdict on these models", f"● {run.id[-4:]}", f"■ {published.id[-4:]}", last, reached
    )

    terminal.press("6")
    terminal.see("against 96.26", "test, last epoch", published.id[-4:])  # the figure that its source reports
    terminal.press("Tab")
    terminal.see("rows are the truth", "recall")

    terminal.press("q", "q", "q", "q", "q")
    terminal.see("Quit the workbench?", "Run `cifar-tui` to come back.")
    terminal.press("q")  # a press too many does not quit
    terminal.see("1 Dashboard", when=lambda screen: "Quit the workbench?" not in screen)
    terminal.press("q")
    terminal.see("Quit the workbench?")
    terminal.press("h", "Enter")
    terminal.wait_for_end()

    terminal.start()
    again = terminal.see("/ filter", "2 runs", run.id[-4:], last)
    assert published.id[-4:] in again and reached in again
