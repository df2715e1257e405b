"""The repaints of a real app in a pty, whose other end answers as the test says, or takes nothing for a while."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator

import pytest
from textual.drivers.linux_driver import LinuxDriver

from tui.widgets.acknowledged import AHEAD, LEAVING_SECONDS, QUESTION, AcknowledgedDriver

PROGRAM = """
import sys
from textual.app import App
from textual.widgets import Static
from tui.widgets import acknowledged
from tui.widgets.paced import Paced

acknowledged.PATIENCE_SECONDS = float(sys.argv[1])

class Page(Paced):
    keys = ""
    def compose(self):
        yield Static("")
    def on_mount(self):
        self.query_one(Static).update("page 0;" * 2000)
    def on_key(self, event):
        self.keys += event.key
        if event.key == "q":
            self.app.exit(self.keys)
        else:
            self.query_one(Static).update(f"page {len(self.keys)};" * 2000)

class Pages(App):
    def get_default_screen(self):
        return Page()

print("keys", Pages(driver_class=acknowledged.AcknowledgedDriver).run())
"""
COLUMNS, ROWS = 200, 50
QUEUED = 30
"""Repaints that Textual queues for a terminal that is slower than it."""
KEYS = 40
FRAMES = 0.03
"""Seconds: two frames."""
PATIENCE = 30.0
"""Seconds until something must be seen, on a busy machine."""
ANSWER = b"\x1b[1;1R"
PAGE = re.compile(rb"page (\d+);")


class Terminal:
    """A terminal that draws at once, but answers only when it is told to, and the program in it."""

    def __init__(self, patience: float) -> None:
        self.end, self.other = pty.openpty()
        tty.setraw(self.other)  # so that what the program leaves unread can be seen without a newline
        fcntl.ioctl(self.other, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(patience)],
            stdin=self.other, stdout=self.other, stderr=self.other, env={**os.environ, "TERM": "xterm"},
        )  # fmt: skip
        self.received = b""
        self.answered = 0

    def close(self) -> None:
        self.program.kill()
        self.program.wait()
        os.close(self.end)
        os.close(self.other)

    def press(self, keys: bytes) -> None:
        os.write(self.end, keys)

    def read(self, seconds: float) -> None:
        """Receive until nothing has arrived for so long."""
        while select.select([self.end], [], [], seconds)[0]:
            self.received += os.read(self.end, 1 << 16)

    def see(self, text: bytes) -> None:
        """Receive until the text has arrived."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.received:
            assert time.monotonic() < deadline, self.received[-500:]
            if select.select([self.end], [], [], 0.1)[0]:
                self.received += os.read(self.end, 1 << 16)

    @property
    def asked(self) -> int:
        return self.received.count(QUESTION.encode())

    def answer(self) -> None:
        """Answer all questions that have arrived."""
        os.write(self.end, ANSWER * (self.asked - self.answered))
        self.answered = self.asked

    def answer_all(self) -> None:
        """Answer until there are no more questions."""
        self.read(0.2)
        while self.asked > self.answered:
            self.answer()
            self.read(0.2)

    def pages(self) -> list[int]:
        return sorted({int(number) for number in PAGE.findall(self.received)})

    def left_unread(self) -> bool:
        """Whether there is input that the program has not read, which the shell would get."""
        return bool(select.select([self.other], [], [], 0)[0])


@pytest.fixture
def start() -> Iterator[Callable[..., Terminal]]:
    """Starts the program, which shows page 0, and ends it after the test."""
    started: list[Terminal] = []

    def begin(patience: float = PATIENCE) -> Terminal:
        started.append(Terminal(patience))
        started[0].see(b"page 0;")
        return started[0]

    yield begin
    started[0].close()


def test_a_terminal_that_was_blocked_gets_one_old_page_and_the_latest(start):
    terminal = start()
    for _ in range(KEYS):
        terminal.press(b"x")
        time.sleep(FRAMES)
    terminal.see(b"page %d;" % KEYS)
    assert terminal.pages()[-1] == KEYS
    assert len(terminal.pages()) < QUEUED / 3, "those that the pty took at once, one that waited, and the latest"


def test_a_page_waits_until_the_terminal_has_drawn_the_one_before(start):
    terminal = start()
    terminal.answer_all()
    for _ in range(KEYS):
        terminal.press(b"x")
        terminal.read(FRAMES)
    assert len(terminal.pages()) == 2, "page 0, and one that is not answered yet"
    assert terminal.asked == terminal.answered + 1
    terminal.answer()
    terminal.see(b"page %d;" % KEYS)
    assert len(terminal.pages()) == 3, "what was between is never sent"
    assert len(terminal.received) > COLUMNS * ROWS > AHEAD, "this test is about pages that must wait for each other"


def test_a_terminal_that_answers_nothing_is_asked_once_gets_every_page_and_is_not_waited_for_at_the_end(start):
    terminal = start()
    for number in range(1, 6):
        terminal.press(b"x")
        terminal.see(b"page %d;" % number)
    terminal.read(LEAVING_SECONDS)
    assert terminal.asked == 1
    pressed = time.monotonic()
    terminal.press(b"q")
    terminal.see(b"keys xxxxxq")
    assert time.monotonic() - pressed < LEAVING_SECONDS


def test_a_terminal_that_stops_answering_is_waited_for_once_and_asked_again_when_it_has_answered(start):
    terminal = start(patience=1.5)
    terminal.answer_all()
    terminal.press(b"x")
    terminal.see(b"page 1;")
    terminal.press(b"x")
    waited = time.monotonic()
    terminal.see(b"page 2;")
    assert time.monotonic() - waited > 0.5
    for number in range(3, 6):
        terminal.press(b"x")
        terminal.see(b"page %d;" % number)
    assert terminal.asked == terminal.answered + 1, "none after the one that was not answered"

    terminal.answer_all()
    terminal.press(b"x")
    terminal.see(b"page 6;")
    terminal.read(0.2)
    assert terminal.asked == terminal.answered + 1


def test_the_program_takes_the_answers_that_are_still_to_come_before_it_ends(start):
    terminal = start()
    terminal.answer_all()
    terminal.press(b"x")
    terminal.see(b"page 1;")
    terminal.press(b"q")
    terminal.read(0.3)
    assert terminal.program.poll() is None, "it waits"
    assert terminal.asked == terminal.answered + 1
    terminal.answer()
    terminal.see(b"keys xq")
    assert terminal.program.wait(PATIENCE) == 0
    assert not terminal.left_unread()


def test_it_does_so_before_it_is_suspended_and_asks_again_when_it_goes_on(start):
    terminal = start()
    terminal.answer_all()
    terminal.press(b"x")
    terminal.see(b"page 1;")
    terminal.program.send_signal(signal.SIGTSTP)
    terminal.read(0.3)
    terminal.answer()
    _, status = os.waitpid(terminal.program.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    assert not terminal.left_unread()
    terminal.read(0.1)
    before = terminal.asked
    terminal.program.send_signal(signal.SIGCONT)
    terminal.answer_all()
    assert terminal.asked > before
    terminal.press(b"q")
    terminal.see(b"keys xq")


def test_keys_keep_their_order_among_answers_and_answers_are_no_keys(start):
    terminal = start()
    terminal.answer_all()
    terminal.press(b"a" + ANSWER + b"b" + ANSWER[:3])
    terminal.press(ANSWER[3:] + b"cq")
    terminal.answer_all()
    terminal.see(b"keys abcq")


def test_the_workbench_asks_in_a_terminal_unless_another_driver_is_set(workbench, monkeypatch):
    assert workbench("results").driver_class is AcknowledgedDriver
    monkeypatch.setattr("textual.constants.DRIVER", "textual.drivers.linux_driver:LinuxDriver")
    assert workbench("results").driver_class is LinuxDriver
