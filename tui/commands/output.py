"""stdout and stderr of the commands. Everything that they print is written here.

Printed text cannot control the terminal: control characters in text from runs, files and names are removed (see
`engine.contract.text`). Nor does printing fail for a character that the stream cannot encode: on a stream that is not
UTF-8, the glyphs of charts are replaced by ASCII and other characters by a question mark. If stdout is closed by its
reader, or its disk is full, the command ends with `OutputLost`.
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
from tui.drawing.format import Glyphs, glyphs_of_terminal, to_ascii

ERRORS: Final = "cifar_tui.plain"


class OutputLost(Exception):
    """stdout cannot be written to. `unread`: its reader has closed it, as `head` does; else the message says why."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"cannot write to stdout: {error.strerror}")
        self.unread = error.errno == errno.EPIPE


def _plain(error: UnicodeError) -> tuple[str, int]:
    """The codec error handler: a replacement for characters that the stream cannot encode."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = to_ascii(error.object[error.start : error.end])
    return "".join(letter if letter.isascii() else "?" for letter in text), error.end


class Output(io.TextIOWrapper):
    """A text stream on the buffer of another, `original`, to which only our own drawings are written directly.

    Args:
        needed: whether a failure to write ends the command, as for stdout; on stderr it could not be reported.
    """

    def __init__(self, original: TextIO, *, needed: bool) -> None:
        super().__init__(original.buffer, original.encoding, ERRORS, line_buffering=True)
        self.original = original
        self._needed = needed

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding that typer sees. It bypasses a stream that calls itself ASCII and writes UTF-8."""
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
        """Discard what is still in the buffer; otherwise Python would fail again at exit, with code 120."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        if self._needed:
            raise OutputLost(error) from error
        return 0


@contextmanager
def streams() -> Iterator[None]:
    """Replace stdout and stderr by `Output`; streams that the caller has closed go to /dev/null."""
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
            with suppress(OutputLost):  # reported when it was first raised
                stream.flush()
            stream.detach()  # otherwise the buffer, which belongs to the original stream, would be closed too


def _open_closed() -> None:
    """Open closed standard streams. After `cifar-tui ... >&-` the next file that is opened would become stdout."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)
    os.close(fd)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  # open until the process ends
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def drawable(stream: TextIO) -> TextIO:
    """The original stream, for our own drawings, which need colors and cursor movement."""
    return stream.original if isinstance(stream, Output) else stream


def rewrite_line(text: str) -> None:
    """Replace the last line on stderr by a text, if stderr is a terminal."""
    stream = drawable(sys.stderr)
    if stream.isatty():
        stream.write(f"\r\x1b[K{clean(text)}")
        stream.flush()


def glyphs() -> Glyphs:
    """The set of glyphs that stdout can show."""
    name = codecs.lookup(sys.stdout.encoding or "ascii").name
    return glyphs_of_terminal() if name == "utf-8" else "ascii"
