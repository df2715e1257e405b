"""The workbench in a real terminal: a pty of 120x40 with 256 colors, which sends keys and receives bytes."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from bench import fake_run

ROWS, COLUMNS = 40, 120
COMMAND = [sys.executable, "-m", "tui.cli"]


class Terminal:
    """A program in a pty, and the bytes it has sent."""

    def __init__(self, command: list[str], folder: Path) -> None:
        own, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        xdg = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("CACHE", "CONFIG", "STATE", "DATA")}
        settings = {
            "TERM": "xterm-256color",
            "COLORTERM": "",
            "SSH_CONNECTION": "1",
            "CIFAR_TUI_RUNS": str(folder / "runs"),
        }
        self._began = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdin=other, stdout=other, stderr=other, env={**os.environ, **xdg, **settings},
            start_new_session=True, cwd=Path(__file__).parent.parent,
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
                self.received += os.read(self._fd, 1 << 16)
        return self.received[start:]

    def until(self, text: str, since: int = 0, limit: float = 30.0) -> float:
        """Seconds from the start of the program until `text` has arrived after byte `since`. Raises TimeoutError."""
        while text.encode() not in self.received[since:]:
            if time.perf_counter() - self._began > limit:
                raise TimeoutError(f"{text!r} did not appear; the end was {self.received[-300:]!r}")
            if select.select([self._fd], [], [], 0.05)[0]:
                self.received += os.read(self._fd, 1 << 16)
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

    def cpu(self) -> float:
        """CPU seconds used so far."""
        used = psutil.Process(self._process.pid).cpu_times()
        seconds: float = used.user + used.system
        return seconds


def measure(*, quick: bool = False) -> Iterator[dict[str, Any]]:
    """Figures next to their target values, as rows of what, measured, bar (the target), unit."""
    folder = Path(tempfile.mkdtemp(prefix="cifar-tui-bench-"))
    try:
        for part in (_starts, _streaming, _large, _many):
            yield from part(folder, quick)
    finally:
        shutil.rmtree(folder)


def _row(what: str, value: float, bar: float, unit: str) -> dict[str, Any]:
    return {"what": what, "measured": value, "bar": bar, "unit": unit}


def _starts(folder: Path, quick: bool) -> list[dict[str, Any]]:
    """Import time and first paint, with files in the cache."""
    listing, painting = [], []
    for _ in range(3 if quick else 9):
        began = time.perf_counter()
        subprocess.run(
            [*COMMAND, "presets", "list"], stdout=subprocess.DEVNULL, check=True, cwd=Path(__file__).parent.parent
        )
        listing.append(time.perf_counter() - began)
        with Terminal(COMMAND, folder / "empty") as terminal:
            painting.append(terminal.until("Dashboard"))
    return [
        _row("presets list", statistics.median(listing), 0.4, "s"),
        _row("first paint", statistics.median(painting), 0.5, "s"),
    ]


def _streaming(folder: Path, quick: bool) -> list[dict[str, Any]]:
    """A live run on the dashboard: bytes sent, CPU use, response to keys."""
    place, seconds = folder / "live", 6.0 if quick else 20.0
    run = fake_run.make(place / "runs")
    writer = subprocess.Popen([sys.executable, "-m", "bench.fake_run", str(run.path), str(seconds + 30)])
    try:
        with Terminal([*COMMAND, "open", run.id], place) as terminal:
            terminal.until("accuracy")
            terminal.read(4.0)
            cpu, began = terminal.cpu(), time.perf_counter()
            sent = len(terminal.read(seconds))
            spent = time.perf_counter() - began
            busy = (terminal.cpu() - cpu) / spent
            keys = [terminal.first_bytes("m") for _ in range(3 if quick else 15)]
    finally:
        writer.kill()
        writer.wait()
    return [
        _row("bytes per second, live dashboard 120x40", sent / spent / 1000, 15.0, "KB/s"),
        _row("CPU of the workbench, live dashboard", 100 * busy, 5.0, "% of a core"),
        _row("key to repaint while a run streams, median", 1000 * statistics.median(keys), 50.0, "ms"),
        _row("key to repaint while a run streams, worst", 1000 * max(keys), 50.0, "ms"),
    ]


def _large(folder: Path, quick: bool) -> list[dict[str, Any]]:
    """Opening a run with 200,000 rows of metrics, and then showing it without changes."""
    place = folder / "large"
    run = fake_run.make(place / "runs")
    epochs = 50 if quick else 500
    fake_run.finished(run, epochs, 400)
    with Terminal([*COMMAND, "results"], place) as terminal:
        terminal.until(run.id[-4:])
        terminal.read(1.0)
        opened = terminal.answer("\r", "per class")
        terminal.read(3.0)
        idle = len(terminal.read(3.0 if quick else 10.0))
    return [
        _row(f"opening a run with {epochs * 400:,} rows", opened, 1.0, "s"),
        _row("bytes while nothing changes", float(idle), 0.0, "bytes"),
    ]


def _many(folder: Path, quick: bool) -> list[dict[str, Any]]:
    """Ten thousand runs: listing them without and with the index, then filtering letter by letter."""
    place, count = folder / "many", 500 if quick else 10_000
    runs = place / "runs"
    model = fake_run.make(runs)
    fake_run.finished(model, 3, 2)
    shutil.copy(model.run_json, folder / "run.json")
    for number in range(1, count):
        copy = runs / f"20260101-{number // 3600:02d}{number // 60 % 60:02d}{number % 60:02d}-{number:04x}"
        shutil.copytree(model.path, copy)
        table = model.run_json.read_text().replace(model.id, copy.name).replace('"seed": 0', f'"seed": {number}')
        (copy / "run.json").write_text(table)
    time.sleep(2.5)  # the index does not store files younger than two seconds
    with Terminal([*COMMAND, "results"], place) as terminal:
        first = terminal.until("resnet34_cutmix", limit=120)
    with Terminal([*COMMAND, "results"], place) as terminal:
        listed = terminal.until("resnet34_cutmix")
        terminal.read(2.0)
        terminal.answer("/", "")
        letters = [terminal.first_bytes(letter) for letter in "seed:77"]
    return [
        _row(f"first page of {count:,} runs, no index yet", first, float("nan"), "s"),
        _row(f"start to first page of {count:,} runs", listed, 0.5 + 0.3, "s"),
        _row("filter letter to repaint, worst", max(letters), 0.1, "s"),
    ]
