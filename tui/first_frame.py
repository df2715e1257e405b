"""The frame of the workbench, painted at once while textual, the screens and the runs are loaded.

Loading takes two to three times as long as a bare textual app needs to paint. Meanwhile the terminal shows the sections
and the general keys. Keys pressed then wait in the terminal, unechoed, and textual reads them as its first input.
"""

from __future__ import annotations

import os
import termios
from types import TracebackType
from typing import Any, Final

from tui.drawing.lines import Line
from tui.drawing.top_bar import top_bar

ENTER: Final = "\x1b[?1049h\x1b[?25l\x1b[2J"
"""The alternate screen, which textual uses too, without a cursor and empty."""
LEAVE: Final = "\x1b[?25h\x1b[?1049l"
KEYS: Final[Line] = [(" ", ""), ("q", "key"), (" quit", "dim"), ("  ", ""), ("?", "key"), (" keys", "dim")]
STYLES: Final = {"key": "1", "dim": "2", "tab": "7"}
"""Roles as attributes that every terminal has. Its colors are not known yet."""
LFLAG, IFLAG, CC = 3, 0, 6
"""Places in the list that `termios.tcgetattr` returns; the module `tty` names them, but only from Python 3.12 on."""


class FirstFrame:
    """Shows the frame from its start until textual takes over, and leaves the terminal as it was if that never happens.

    At the end of the block the terminal's settings are restored in any case.

    Args:
        fd: descriptor of the terminal.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._settings: list[Any] = []
        self._shown = False

    def __enter__(self) -> FirstFrame:
        self._settings = termios.tcgetattr(self._fd)
        raw = termios.tcgetattr(self._fd)
        raw[LFLAG] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)  # Ctrl-C still interrupts
        raw[IFLAG] &= ~(termios.IXON | termios.ICRNL)  # textual expects Enter as a carriage return
        raw[CC][termios.VMIN] = 1
        termios.tcsetattr(self._fd, termios.TCSANOW, raw)  # the other ways of setting it discard keys
        self._shown = True
        size = os.get_terminal_size(self._fd)
        os.write(self._fd, (ENTER + painted(size.columns, size.lines)).encode())
        return self

    def taken_over(self) -> None:
        """Textual enters and leaves the alternate screen itself from now on."""
        self._shown = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            os.write(self._fd, LEAVE.encode())
        termios.tcsetattr(self._fd, termios.TCSANOW, self._settings)


def painted(width: int, height: int) -> str:
    """The frame as text for a terminal of that size."""
    return f"\x1b[1;1H{_styled(top_bar('', '', 0, 0, width))}\x1b[{height};1H{_styled(KEYS)}"


def _styled(line: Line) -> str:
    return "".join(f"\x1b[{STYLES[role]}m{text}\x1b[0m" if role in STYLES else text for text, role in line)
