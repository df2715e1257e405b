"""stdout and stderr as the commands see them: the one writer of everything that is printed.

Whatever a command prints, it can neither steer the terminal (text from runs, files and names is data: see
`engine.contract.text`) nor fail for want of a character: a stream that is not UTF-8 gets our own glyphs in ASCII and a
question mark for what it does not have. A stream that nobody reads, or that is full, ends the command as `OutputLost`.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, TextIO

from engine.contract.text import clean
from tui.drawing.format import Glyphs, glyphs_of_locale, to_ascii

ERRORS: Final = "cifar_tui.plain"


class OutputLost(Exception):
    """stdout takes no more. `unread`: its reader has left, as `head` does; otherwise the message says what is wrong."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"cannot write to stdout: {error.strerror}")
        self.unread = error.errno == errno.EPIPE


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Stands in for characters that a stream cannot encode."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = to_ascii(error.object[error.start : error.end])
    return "".join(letter if letter.isascii() else "?" for letter in text), error.end


class Output(io.TextIOWrapper):
    """A text stream on the buffer of another; `original` is that one, for what may draw.

    Args:
        needed: whether a failure ends the command. What cannot be said on stderr cannot be said at all.
    """

    def __init__(self, original: TextIO, *, needed: bool) -> None:
        super().__init__(original.buffer, original.encoding, ERRORS, line_buffering=True)
        self.original = original
        self._needed = needed

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """What it is called to typer, which writes UTF-8 past a stream that calls itself ASCII."""
        name = codecs.lookup(super().encoding).name
        return "latin-1" if name == "ascii" else name

    def isatty(self) -> bool:
        return self.original.isatty()

    def write(self, text: str) -> int:
        try:
            return super().write(clean(text))
        except OSError as error:
            return self._lose(error)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError) -> int:
        """Let what is still in the buffer go nowhere, or Python would fail again when it ends (with code 120)."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        if self._needed:
            raise OutputLost(error) from error
        return 0


@contextmanager
def streams() -> Iterator[None]:
    """Put our writer in the place of stdout and stderr; streams that were closed by the caller lead nowhere."""
    _open_closed()
    codecs.register_error(ERRORS, _plain)
    before = sys.stdout, sys.stderr
    ours = Output(sys.stdout, needed=True), Output(sys.stderr, needed=False)
    sys.stdout, sys.stderr = ours
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for stream in ours:
            with suppress(OutputLost):  # whoever printed has been told
                stream.flush()
            stream.detach()  # or the buffer, which is not ours, would be closed with it


def _open_closed() -> None:
    """`cifar-tui ... >&-`: without this, the next file that is opened would become stdout."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)
    os.close(fd)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  # descriptors, for as long as we live
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def drawable(stream: TextIO) -> TextIO:
    """The stream behind ours, for pictures of our own making that need colours and cursor moves."""
    return stream.original if isinstance(stream, Output) else stream


def rewrite_line(text: str) -> None:
    """Put a text in the place of the last line on stderr, where that is a terminal."""
    stream = drawable(sys.stderr)
    if stream.isatty():
        stream.write(f"\r\x1b[K{clean(text)}")
        stream.flush()


def glyphs() -> Glyphs:
    """What stdout can show."""
    name = codecs.lookup(sys.stdout.encoding or "ascii").name
    return glyphs_of_locale() if name == "utf-8" else "ascii"
