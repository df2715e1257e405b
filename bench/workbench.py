"""The workbench in a real terminal: how fast it starts, answers keys and opens large runs, and how much it sends."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import fake_run, long_sessions, starts
from bench.terminal import COMMAND, Terminal


def measure(*, quick: bool = False) -> Iterator[dict[str, Any]]:
    """Figures next to their target values, as rows of what, measured, bar (the target), unit."""
    folder = Path(tempfile.mkdtemp(prefix="cifar-tui-bench-"))
    try:
        for part in (starts.measure, _streaming, long_sessions.memory, _large, long_sessions.comparing, _many):
            yield from part(folder, quick)
    finally:
        shutil.rmtree(folder)


def _row(what: str, value: float, bar: float, unit: str) -> dict[str, Any]:
    return {"what": what, "measured": value, "bar": bar, "unit": unit}


def _streaming(folder: Path, quick: bool) -> list[dict[str, Any]]:
    """A live run on the dashboard, while another one streams as well: bytes sent, CPU use, response to keys."""
    place, seconds = folder / "live", 6.0 if quick else 20.0
    other, run = fake_run.make(place / "runs"), fake_run.make(place / "runs")
    writers = [
        subprocess.Popen([sys.executable, "-m", "bench.fake_run", str(one.path), str(seconds + 30)])
        for one in (other, run)
    ]
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
        for writer in writers:
            writer.kill()
            writer.wait()
    return [
        _row("bytes per second, live dashboard 120x40", sent / spent / 1000, 15.0, "KB/s"),
        _row("CPU of the workbench, live dashboard", 100 * busy, 5.0, "% of a core"),
        _row("key to repaint while two runs stream, median", 1000 * statistics.median(keys), 50.0, "ms"),
        _row("key to repaint while two runs stream, worst", 1000 * max(keys), 50.0, "ms"),
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
