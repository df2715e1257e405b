"""A program in a terminal of 120x40 with 256 colors, which sends keys, receives bytes, and says what it has drawn."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from types import TracebackType
from typing import Final

import psutil

ROWS, COLUMNS = 40, 120
ROOT: Final = Path(__file__).parent.parent
QUESTION, ANSWER = b"\x1b[6n", b"\x1b[1;1R"
"""The question for the cursor position, which a terminal answers when it has drawn everything before it."""
SLICE: Final = 0.01
"""Seconds between two steps of a slow terminal."""
COMMAND: Final = [sys.executable, "-m", "tui.cli"]
"""The command line of this checkout."""


def environment(folder: Path) -> dict[str, str]:
    """This process's environment, with every folder that the program reads or writes below `folder`."""
    xdg = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("CACHE", "CONFIG", "STATE", "DATA")}
    return {**os.environ, **xdg, "CIFAR_TUI_RUNS": str(folder / "runs")}


class Terminal:
    """A program in a pty, and the bytes it has sent."""

    def __init__(self, command: list[str], folder: Path) -> None:
        own, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        settings = {"TERM": "xterm-256color", "COLORTERM": "", "SSH_CONNECTION": "1"}
        self._began = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdin=other, stdout=other, stderr=other, env={**environment(folder), **settings},
            start_new_session=True, cwd=ROOT,
        )  # fmt: skip
        os.close(other)
        self._fd = own
        self.received = b""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._fd)

    def read(self, seconds: float) -> bytes:
        """The bytes that arrive within `seconds`."""
        until, start = time.perf_counter() + seconds, len(self.received)
        while (left := until - time.perf_counter()) > 0:
            if select.select([self._fd], [], [], left)[0]:
                self._receive()
        return self.received[start:]

    def _receive(self) -> None:
        """Take what is there, and draw it at once."""
        drawn = len(self.received)
        self.received += os.read(self._fd, 1 << 16)
        self._answer(drawn, len(self.received))

    def _answer(self, start: int, end: int) -> None:
        """Answer the questions that end between these places, as they are drawn."""
        asked = self.received[max(start + 1 - len(QUESTION), 0) : end].count(QUESTION)
        if asked:
            os.write(self._fd, ANSWER * asked)

    def hold(self, key: str, times: int, every: float, rate: int) -> int:
        """Press a key repeatedly while the terminal draws `rate` bytes per second.

        It takes the output at once, and what it has not drawn yet waits as in the buffers of an SSH connection.

        Returns:
            The bytes that are still drawn after the last key, until there are none for half a second.
        """
        drawn = len(self.received)
        for _ in range(times):
            os.write(self._fd, key.encode())
            drawn = self._draw(drawn, every, rate)
        after, before = drawn, -1
        while drawn > before:
            before, drawn = drawn, self._draw(drawn, 0.5, rate)
        return drawn - after

    def _draw(self, drawn: int, seconds: float, rate: int) -> int:
        """Draw at most `rate` bytes per second from byte `drawn` on; returns the byte where it stops."""
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            time.sleep(SLICE)
            if select.select([self._fd], [], [], 0)[0]:
                self.received += os.read(self._fd, 1 << 16)
            drawn, before = min(drawn + round(rate * SLICE), len(self.received)), drawn
            self._answer(before, drawn)
        return drawn

    def until(self, text: str, since: int = 0, limit: float = 30.0) -> float:
        """Seconds from the start of the program until `text` has arrived after byte `since`. Raises TimeoutError."""
        while text.encode() not in self.received[since:]:
            if time.perf_counter() - self._began > limit:
                raise TimeoutError(f"{text!r} did not appear; the end was {self.received[-300:]!r}")
            if select.select([self._fd], [], [], 0.05)[0]:
                self._receive()
        return time.perf_counter() - self._began

    def press(self, keys: str) -> tuple[int, float]:
        """Send keys; returns the byte offset and the time, in seconds, after which a reply may arrive."""
        self.read(0.0)
        os.write(self._fd, keys.encode())
        return len(self.received), time.perf_counter() - self._began

    def answer(self, keys: str, text: str) -> float:
        """Seconds from a key to `text` on the screen."""
        since, pressed = self.press(keys)
        return self.until(text, since, limit=pressed + 30.0) - pressed

    def first_bytes(self, keys: str) -> float:
        """Seconds from a key to the first byte of its repaint."""
        self.read(0.2)
        _, pressed = self.press(keys)
        while not select.select([self._fd], [], [], 0.01)[0]:
            if time.perf_counter() - self._began > pressed + 5:
                raise TimeoutError(f"no answer to {keys!r}")
        return time.perf_counter() - self._began - pressed

    def memory(self) -> float:
        """Resident memory in MB (10^6 bytes)."""
        resident: int = psutil.Process(self._process.pid).memory_info().rss
        return resident / 1e6

    def cpu(self) -> float:
        """CPU seconds used so far."""
        used = psutil.Process(self._process.pid).cpu_times()
        seconds: float = used.user + used.system
        return seconds
