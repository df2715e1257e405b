"""What the terminal shows, and what becomes of keys, while the workbench is loaded."""

import os
import pty
import re
import termios
from collections.abc import Iterator

import pytest
from rich.cells import cell_len

from bench.terminal import COMMAND, Terminal
from tui.first_frame import ENTER, LEAVE, FirstFrame, painted
from tui.sections import MODES


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """The two ends of a terminal of 24 lines by 80 columns: its keyboard and screen, and what a program opens."""
    keyboard, program = pty.openpty()
    termios.tcsetwinsize(program, (24, 80))
    yield keyboard, program
    os.close(keyboard)
    os.close(program)


@pytest.mark.parametrize("width", [20, 60, 80, 120, 200])
def test_the_frame_has_the_sections_above_and_the_keys_below(width):
    top, bottom = re.findall(r"\x1b\[(?:1|30);1H([^H]*)(?=\x1b\[30;1H|$)", painted(width, 30))
    top, bottom = (re.sub(r"\x1b\[\d*m", "", line) for line in (top, bottom))
    assert cell_len(top) <= width
    if width >= 80:
        assert all(title in top for title in MODES.values())
    assert bottom == " q quit  ? keys"


def test_keys_pressed_while_it_shows_are_neither_echoed_nor_lost(terminal):
    keyboard, program = terminal
    before = termios.tcgetattr(program)
    with FirstFrame(program) as frame:
        os.write(keyboard, b"4\r")
        assert os.read(program, 16) == b"4\r"
        os.write(keyboard, b"j")  # which textual reads
        frame.taken_over()
    assert termios.tcgetattr(program) == before
    shown = os.read(keyboard, 4096).decode()
    assert shown.startswith(ENTER) and LEAVE not in shown
    os.write(keyboard, b"\n")
    assert os.read(program, 16).startswith(b"j")


def test_an_error_while_loading_leaves_the_terminal_as_it_was(terminal):
    keyboard, program = terminal
    before = termios.tcgetattr(program)
    with pytest.raises(KeyboardInterrupt), FirstFrame(program):
        raise KeyboardInterrupt
    assert termios.tcgetattr(program) == before
    shown = b""
    while not shown.endswith(LEAVE.encode()):  # the terminal passes on what is written in pieces of its own choice
        shown += os.read(keyboard, 4096)


def test_a_key_pressed_before_everything_is_loaded_arrives(private_folders):
    with Terminal([*COMMAND, "results"], private_folders) as terminal:
        terminal.until("Dashboard", limit=60)
        assert b"runs" not in terminal.received.lower()  # only the frame shows
        terminal.answer("4", "batch size")
