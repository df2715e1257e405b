"""The workbench on long sessions, many runs and slow lines: its memory, Compare, and pages that are out of date."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bench import fake_run
from bench.terminal import COMMAND, ROOT, Terminal, environment
from engine.contract.run.event_file import EventWriter
from engine.contract.run.store import RunFolder

EVENTS: Final = 50_000
RUNS: Final = 8
ROWS: Final = 60
VISIBLE: Final = 25
"""At least as many as the rows of Results that are seen at once."""
RATE: Final = 25_000
"""Bytes per second of the slow line."""
HELD: Final = 1 / 30
"""Seconds between two keys while one is held down."""
IMAGES: Final = """
import json, os
from engine.data.cifar import cifar10
images = cifar10(os.environ["CIFAR_TUI_DATA"], lambda phase, note: None)
print(json.dumps([images.fingerprint, images.test_labels.tolist()]))
"""


def memory(folder: Path, quick: bool) -> list[dict[str, Any]]:
    """The Dashboard of a live run, before and after it has received many events."""
    place, count = folder / "memory", EVENTS // 10 if quick else EVENTS
    run = fake_run.make(place / "runs")
    rng, number = random.Random(0), 1
    with EventWriter(run.events) as events, Terminal([*COMMAND, "open", run.id], place) as terminal:
        events.write(fake_run.started(time.time()))
        fake_run.running(run)
        events.write(fake_run.epoch(number, time.time(), rng))
        terminal.until("accuracy")
        terminal.read(5.0)
        before = terminal.memory()
        for written in range(count):
            if written % 250 == 249:
                number += 1
                events.write(fake_run.epoch(number, time.time(), rng))
                fake_run.running(run)
                terminal.read(0.1)
            else:
                events.write(fake_run.step(number, written % 250, time.time(), rng))
        terminal.read(10.0)
        after = terminal.memory()
    return [
        {"what": "resident memory at the Dashboard", "measured": before, "bar": 80.0, "unit": "MB"},
        {"what": f"growth over {count:,} events, 10 s later", "measured": after - before, "bar": 5.0, "unit": "MB"},
    ]


def comparing(folder: Path, quick: bool) -> list[dict[str, Any]]:
    """Compare of eight runs of 500 epochs, to its curves and table and to the verdicts of the paired tests.

    Then keys that are held down over a slow line: rows of Results and, where CIFAR-10 is at hand, pages of Mistakes.
    """
    place = folder / "eight"
    labels, data = _images(place)
    runs = _eight(place, 50 if quick else 500, labels, data)
    rows: list[dict[str, Any]] = []
    with Terminal([*COMMAND, "results"], place) as terminal:
        terminal.until(runs[-1].id[-4:])
        terminal.read(2.0)
        terminal.press("*")
        terminal.read(0.5)
        rows.append({"what": "Compare of eight runs: curves and table", "measured": terminal.answer("v", "s/epoch")})
        rows[0] |= {"bar": 0.5, "unit": "s"}
        began = time.perf_counter()
        terminal.until("Holm", limit=60)
        verdicts = rows[0]["measured"] + time.perf_counter() - began
        rows.append({"what": "the same, to the verdicts", "measured": verdicts, "bar": math.nan, "unit": "s"})
    rows.append(_held("j", "rows of Results", _short(folder / "short"), ["results"], ["j" * VISIBLE]))
    if data:
        rows.append(_held("\x1b[6~", "pages of Mistakes", place, ["open", runs[0].id], ["i", "\t", "\t"]))
    return rows


def _held(key: str, what: str, place: Path, command: list[str], before: Sequence[str]) -> dict[str, Any]:
    """How many pages are drawn after the last of twenty keys, where one page is the most that a single key sends.

    Args:
        key: the key that is held.
        what: what it goes through.
        place: the folder of the runs and of what the program writes.
        command: what is opened.
        before: keys to where each press of `key` changes the whole page.
    """
    with Terminal([*COMMAND, *command], place) as terminal:
        terminal.read(4.0)
        for pressed in before:
            terminal.press(pressed)
            terminal.read(2.0)
        pages = []
        for _ in range(5):
            since, _ = terminal.press(key)
            terminal.read(0.7)
            pages.append(len(terminal.received) - since)
        late = terminal.hold(key, 20, HELD, RATE)
    name = f"{what}: pages drawn after 20 keys at 25 KB/s"
    return {"what": name, "measured": late / max(max(pages), 1), "bar": 2.0, "unit": "pages"}


def _eight(place: Path, epochs: int, labels: NDArray[np.int64], data: str) -> list[RunFolder]:
    runs = []
    for number in range(RUNS):
        run = fake_run.make(place / "runs")
        accuracy = fake_run.finished(run, epochs, 4, number)
        fake_run.predict(run, accuracy, labels, data, number)
        runs.append(run)
    time.sleep(2.5)  # the index does not store files younger than two seconds
    return runs


def _short(place: Path) -> Path:
    """More runs than the keys go through."""
    for number in range(ROWS):
        fake_run.finished(fake_run.make(place / "runs"), 3, 2, number)
    return place


def _images(place: Path) -> tuple[NDArray[np.int64], str]:
    """The labels and the fingerprint of CIFAR-10, read into the cache of the terminals, or made-up labels and ""."""
    made = subprocess.run(
        [sys.executable, "-c", IMAGES], env=environment(place), cwd=ROOT, capture_output=True, text=True, check=False
    )
    if made.returncode:
        return np.random.default_rng(0).integers(0, len(fake_run.CLASSES), 10_000), ""
    data, labels = json.loads(made.stdout)
    return np.asarray(labels, np.int64), data
