"""A terminal that takes nothing for a while: the repaints it then receives, of a real app in a pty."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

PROGRAM = """
from textual.app import App
from textual.widgets import Static
from tui.widgets.paced import Paced

class Page(Paced):
    number = 0
    def compose(self):
        yield Static("")
    def on_mount(self):
        self.query_one(Static).update("page 0;" * 2000)
    def on_key(self):
        self.number += 1
        self.query_one(Static).update(f"page {self.number};" * 2000)

class Pages(App):
    def get_default_screen(self):
        return Page()

Pages().run()
"""
QUEUED = 30
"""Repaints that Textual queues for a terminal that is slower than it."""
KEYS = 40
PAGE = re.compile(rb"page (\d+);")


def read_until(terminal: int, text: bytes, seconds: float = 20) -> bytes:
    received, end = b"", time.monotonic() + seconds
    while text not in received:
        left = end - time.monotonic()
        assert left > 0, received[-500:]
        if select.select([terminal], [], [], left)[0]:
            received += os.read(terminal, 1 << 16)
    return received


def test_a_terminal_that_was_blocked_gets_one_old_page_and_the_latest():
    terminal, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=other, stdout=other, stderr=other, env={**os.environ, "TERM": "xterm"}
    )
    os.close(other)
    try:
        read_until(terminal, b"page 0;")
        for _ in range(KEYS):
            os.write(terminal, b"x")
            time.sleep(0.03)  # two frames
        received = read_until(terminal, b"page %d;" % KEYS)
    finally:
        child.kill()
        child.wait()
        os.close(terminal)
    pages = sorted({int(number) for number in PAGE.findall(received)})
    assert pages[-1] == KEYS
    assert len(pages) < QUEUED / 3, "those that the pty took at once, one that waited, and the latest"
