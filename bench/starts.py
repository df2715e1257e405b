"""How long commands, the first paint and the start of a training take, as ratios to what their libraries need.

Seconds differ by machine, and ratios hardly do.

All contestants take turns, so that a busy moment of the machine slows down a whole round. The ratio of a round is that
of its two times; the figures are the median and the quartiles over the rounds.
"""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.figures import Row, figure, ratio
from bench.terminal import COMMAND, ROOT, Terminal, environment

IMPORTS: Final = [sys.executable, "-c", "import typer, rich.table, rich.console"]
"""What the commands are compared with."""
COMMANDS: Final = {"--version": 1.5, "presets list": 2.5}
"""Arguments, and the largest ratio that is wanted."""
LAST: Final = "widget 7"
BARE: Final = """
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield from (Static(f"widget {number}") for number in range(8))

Bare().run()
"""
"""What the first paint is compared with: an app that shows eight lines of text."""
PAINT_BAR: Final = 2.0
WELCOME: Final = "quickstart"
"""A word that the workbench shows once all is loaded: where there is no run, it suggests this preset."""
LIBRARIES: Final = [
    sys.executable,
    "-c",
    "import torch, torchvision; from engine.data.shapes import shapes; shapes('', print)",
]
"""What the start of a training is compared with: importing torch and torchvision, and reading the cached images."""
SHORT: Final = ["--epochs", "1", "--set", "data.fraction=0.05"]
TRAINING: Final = ["--preset", "quickstart", *SHORT, "--device", "cpu", "--headless"]
"""A run of three steps, about a quarter of a second of training."""
FIRST_STEP_BAR: Final = 1.5


def measure(folder: Path, quick: bool) -> list[Row]:
    """Ratios next to their bars."""
    place = folder / "starts"
    return [*_commands(place, 3 if quick else 15), *_trainings(place, 2 if quick else 7)]


def _commands(place: Path, rounds: int) -> list[Row]:
    """Short commands and the first paint. Everything was run once before, so that files and caches are there."""
    bare, ours = list[float](), {name: list[float]() for name in COMMANDS}
    paints, bare_paints, loaded = list[float](), list[float](), list[float]()
    for number in range(1 + rounds):
        times = [_cpu(IMPORTS, place), *(_cpu([*COMMAND, *name.split()], place) for name in COMMANDS)]
        painted = *_paints([sys.executable, "-c", BARE], place, LAST), *_paints(COMMAND, place, "Dashboard", WELCOME)
        if number:
            bare.append(times[0])
            for name, seconds in zip(COMMANDS, times[1:], strict=True):
                ours[name].append(seconds)
            bare_paints.append(painted[0])
            paints.append(painted[1])
            loaded.append(painted[2])
    rows = [_row(f"cifar-tui {name} / typer and rich, CPU time", ours[name], bare, COMMANDS[name]) for name in COMMANDS]
    first = _row("first paint / a bare Textual app", paints, bare_paints, PAINT_BAR)
    return [*rows, first, _row("first screen with its contents / a bare Textual app", loaded, bare_paints)]


def _trainings(place: Path, rounds: int) -> list[Row]:
    """From the command to the first training step and to the result, without the seconds that trials took."""
    libraries, starts, results = list[float](), list[float](), list[float]()
    for number in range(1 + rounds):
        needed, (start, result) = _elapsed(LIBRARIES, place), _training(place)
        if number:
            libraries.append(needed)
            starts.append(start)
            results.append(result)
    name = "importing torch and torchvision and reading images"
    return [
        _row(f"command to first training step / {name}", starts, libraries, FIRST_STEP_BAR),
        _row(f"command to result of three steps / {name}", results, libraries),
    ]


def _training(place: Path) -> tuple[float, float]:
    """Seconds from a command to its first training step and to its end, both without trials."""
    began = time.time()
    seconds = _elapsed([*COMMAND, *TRAINING], place)
    run = max((place / "runs").glob("2*"))  # ids begin with the time
    trials = json.loads((run / "probe.json").read_text())["probe"].get("seconds", 0.0)
    events = map(json.loads, (run / "events.jsonl").read_text().splitlines())
    first = next(event["t"] for event in events if event["event"] == "phase" and event["name"] == "training")
    return first - began - trials, seconds - trials


def _elapsed(command: Sequence[str], folder: Path) -> float:
    """Seconds that a command takes."""
    began = time.perf_counter()
    subprocess.run(
        command, env=environment(folder), cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    return time.perf_counter() - began


def _cpu(command: Sequence[str], folder: Path) -> float:
    """CPU seconds of a command, of which waiting for other processes is no part."""
    before = _spent()
    subprocess.run(
        command, env=environment(folder), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True
    )
    return _spent() - before


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _paints(command: list[str], folder: Path, *texts: str) -> list[float]:
    """Seconds until each text is on the screen."""
    with Terminal(command, folder) as terminal:
        return [terminal.until(text) for text in texts]


def _row(what: str, ours: Sequence[float], theirs: Sequence[float], bar: float = math.nan) -> Row:
    return {"what": what, "ratio": ratio(ours, theirs), "bar": bar, "s": figure(ours)}
