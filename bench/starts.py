"""How long commands and the first paint take, as ratios to what their libraries need, since seconds differ by machine.

All contestants take turns, so that a busy moment of the machine slows down a whole round. The ratio of a round is that
of its two times; the figures are the median and the quartiles over the rounds.
"""

from __future__ import annotations

import resource
import subprocess
import sys
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


def measure(folder: Path, quick: bool) -> list[Row]:
    """Ratios next to their bars. Everything was run once before, so that files and caches are there."""
    place, rounds = folder / "starts", 3 if quick else 15
    bare, ours, paints, bare_paints = [], {name: list[float]() for name in COMMANDS}, list[float](), list[float]()
    for number in range(1 + rounds):
        times = [_cpu(IMPORTS, place), *(_cpu([*COMMAND, *name.split()], place) for name in COMMANDS)]
        painted = _paint([sys.executable, "-c", BARE], LAST, place), _paint(COMMAND, "Dashboard", place)
        if number:
            bare.append(times[0])
            for name, seconds in zip(COMMANDS, times[1:], strict=True):
                ours[name].append(seconds)
            bare_paints.append(painted[0])
            paints.append(painted[1])
    rows = [_row(f"cifar-tui {name} / typer and rich, CPU time", ours[name], bare, COMMANDS[name]) for name in COMMANDS]
    return [*rows, _row("first paint / a bare Textual app", paints, bare_paints, PAINT_BAR)]


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


def _paint(command: list[str], text: str, folder: Path) -> float:
    """Seconds until a text is on the screen."""
    with Terminal(command, folder) as terminal:
        return terminal.until(text)


def _row(what: str, ours: Sequence[float], theirs: Sequence[float], bar: float) -> Row:
    return {"what": what, "ratio": ratio(ours, theirs), "bar": bar, "s": figure(ours)}
