"""A driver that asks the terminal what it has drawn, so that the program does not run ahead on a slow connection."""

from __future__ import annotations

import select
import time
from collections import deque
from typing import Any, Final

from textual.drivers.linux_driver import LinuxDriver
from textual.events import CursorPosition
from textual.message import Message

QUESTION: Final = "\x1b[6n"
"""Asks for the cursor position. A terminal answers when it has processed everything that came before.

Among the reports that all common terminals give, it is the one whose answer Textual's parser knows. The answer to
`ESC [ 5 n` would be taken for keys.
"""
AHEAD: Final = 4096
"""Unanswered bytes with which the next repaint may begin: 0.16 s of a connection that carries 25 KB/s.

A whole page has more, so the next one waits for its answer. Typed letters and a moving cursor have less, and need not
wait for each other where a round trip takes long.
"""
PATIENCE_SECONDS: Final = 5.0
"""How long an answer may take before the program goes on without it."""
LEAVING_SECONDS: Final = 2.0
"""How long after the last question its answer is waited for before the terminal is given back."""
LOOK_SECONDS: Final = 0.005
"""How often it is looked for meanwhile."""


class AcknowledgedDriver(LinuxDriver):
    """Textual's driver for terminals, which also counts the bytes that the terminal has not drawn yet.

    What the kernel, ssh and sshd hold cannot be seen by a program, and it may be megabytes. So the terminal is asked
    after each repaint. The first question, at the start, finds out whether it answers at all, and is not waited for.
    Further questions follow only after its answer and while no answer is overdue. A terminal that never answers is thus
    asked once, and one that stops answering is waited for once; then both get repaints as fast as they take bytes.

    Two methods of Textual's driver are the places for this. `flush` is called right after the bytes of a repaint are
    queued, so the question follows them in the same stream. `process_message` is called in the thread that reads the
    input, so an answer counts even while the app is busy, and while it waits at its end.
    """

    def __init__(self, app: Any, **options: Any) -> None:
        super().__init__(app, **options)
        self._asked: deque[tuple[float, int]] = deque()
        """The unanswered questions, oldest first: when by the monotonic clock, and after how many bytes.

        The thread that reads the input takes answered ones out. There is no lock: a signal suspends the program and
        waits for that thread to end, which it never would if the signal came while the lock was held.
        """
        self._written = 0
        """Characters since the last question, which stand for bytes: most of what Textual writes is ASCII."""
        self._asks = False
        """Whether the terminal is ours, and may be asked."""
        self._has_answered = False
        """Whether the terminal has answered a question."""

    @property
    def takes_more(self) -> bool:
        """Whether the next repaint may begin: there is room for its bytes, and the terminal is not far behind."""
        assert self._file is not None, "Textual runs on a terminal"
        if not select.select([], [self._file], [], 0)[1]:
            return False
        return not self._answers_in_time() or sum(size for _, size in tuple(self._asked)) <= AHEAD

    def _answers_in_time(self) -> bool:
        asked = tuple(self._asked)
        return self._has_answered and not (asked and time.monotonic() - asked[0][0] > PATIENCE_SECONDS)

    def start_application_mode(self) -> None:
        """Take over the terminal, at the start or after a suspension, and ask the first question."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self._asks = self.input_tty and self._writer_thread is not None  # a job in the background has no such thread
        if self._asks:
            self._ask()

    def write(self, data: str) -> None:
        """Queue text for the terminal, and count it."""
        self._written += len(data)
        super().write(data)

    def flush(self) -> None:
        """Ask whether the terminal has drawn the repaint that ends here."""
        super().flush()
        if self._asks and self._answers_in_time():
            self._ask()

    def _ask(self) -> None:
        self._asked.append((time.monotonic(), self._written))
        self._written = 0
        self.write(QUESTION)

    def process_message(self, message: Message) -> None:
        """Take an answer; every other message goes to the app."""
        if not isinstance(message, CursorPosition):
            super().process_message(message)
            return
        try:
            self._asked.popleft()
        except IndexError:  # shift+F3, which xterm sends in the form of an answer: Textual does not know this key
            return
        self._has_answered = True

    def disable_input(self) -> None:
        """Stop reading, after the answers that are still on their way: later ones would be typed into the shell."""
        self._asks = False
        for asked, _ in tuple(self._asked)[-1:]:
            while self._asked and time.monotonic() < asked + LEAVING_SECONDS:
                time.sleep(LOOK_SECONDS)
        super().disable_input()
        self._asked.clear()
