"""What Results shows below the table: the curve of one run, and what it says about itself."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.analysis.history import History
from engine.analysis.stats import wilson
from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Promise, Recipe
from engine.contract.run.store import RunFolder, Summary
from engine.contract.text import one_line
from tui.drawing.axes import accuracy_axis, x_axis
from tui.drawing.charts import Look, Series, chart
from tui.drawing.figures import beside, is_the_presets_own, part_of_test, unusable
from tui.drawing.format import Glyphs, file_size, mean_over_runs, percent, work
from tui.drawing.lines import Line, clip, rule, width_of

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Preview:
    """A run as the preview needs it; read by a worker, drawn by pure functions."""

    run: Summary
    epochs: Array
    test: Array
    """Test accuracy in percent at those epochs."""
    test_images: int = 0
    promise: Promise | None = None
    unchanged: bool = False
    beside: tuple[str, ...] = ()
    """Other figures of the last accuracy, and of which images they are."""
    garbage: int = 0
    """Lines and values of its events that could not be read."""

    def draw(self, width: int, height: int, glyphs: Glyphs) -> list[Line]:
        """A heading, the curve at the left, the facts at the right."""
        return draw(self, width, height, glyphs)


class Reader:
    """Reads what the preview shows; of the run it read last only what is new. For one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folder: RunFolder | None = None
        self._history: History | None = None
        self._recipe: Recipe | None = None

    def read(self, run: Summary, folder: RunFolder) -> Preview:
        """The preview of a run. Never raises: a damaged run has an empty curve."""
        with self._lock:
            if self._history is None or folder != self._folder:
                self._folder, self._history, self._recipe = folder, History(folder.events), None
                with suppress(BadInput):  # the row already says what is wrong with it
                    self._recipe = folder.look()[0]
            history = self._history
            history.poll()
            images = history.started.test_images if history.started else 0
            epochs, test = history.epoch("epoch").copy(), 100 * history.epoch("test_accuracy")
            promise = self._recipe.promise if self._recipe else None
            more = tuple(filter(None, [*beside(history.course.last), part_of_test(self._recipe)]))
        own = is_the_presets_own(run.preset, run.changes)
        return Preview(run, epochs, test, images, promise, own, more, history.garbage)


def draw(preview: Preview, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """A heading, the curve at the left, the facts at the right."""
    run = preview.run
    words = "; ".join(filter(None, [run.name, *run.notes[-1:]]))
    title = f'{run.id[-4:]}  "{one_line(words, 60)}"' if words else run.id[-4:]
    tags = f"tags {' '.join(one_line(tag) for tag in run.tags)}" if run.tags else one_line(run.data)
    left = max(width // 2 - 2, 20)
    lines = [rule(title, width, tags)]
    plot = curve(preview, left, height - 1, glyphs)
    notes = facts(preview, width - left - 2)
    for y in range(height - 1):
        line = plot[y] if y < len(plot) else []
        gap = " " * max(left + 2 - width_of(line), 0)
        lines.append(clip([*line, (gap, ""), *(notes[y] if y < len(notes) else [])], width))
    return lines


def curve(preview: Preview, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """Test accuracy over epochs, without labels: the number stands beside it."""
    if not len(preview.epochs):
        return [[("   no epoch yet" if preview.run.live else "   no epoch was finished", "dim")]]
    x = x_axis(float(preview.epochs[-1]), preview.run.epochs or float(preview.epochs[-1]), width)
    y = accuracy_axis([preview.test], height)
    look = Look(gutter=0, tick_width=3, x_axis=height >= 9, glyphs=glyphs)
    return chart([Series("", preview.epochs, preview.test)], width, height, x, y, look)


def facts(preview: Preview, width: int) -> list[Line]:
    """State, accuracy with its interval, what was promised, how to repeat it, what it takes on disk."""
    run = preview.run
    lines: list[Line] = [_state(run)]
    if run.last_accuracy is not None:
        line: Line = [(percent(run.last_accuracy), "strong")]
        if preview.test_images:
            half = wilson(run.last_accuracy, preview.test_images).half
            line.append((f" ±{100 * half:.2f} (95 % CI of one run)", "dim"))
        lines.append(line)
        lines += [[(one_line(" · ".join(preview.beside)), "")]] if preview.beside else []
    if preview.promise is not None:
        lines.append([(expected(preview.promise, preview.unchanged), "dim")])
    if run.message and run.status != "finished":
        lines.append([(one_line(run.message), "bad" if run.status in ("failed", "lost") else "warn")])
    if preview.garbage:
        lines.append([(unusable(preview.garbage), "warn")])
    if run.changes not in ("", "-"):
        lines.append([("changes ", "dim"), (one_line(run.changes), "")])
    lines.append([("repeat  ", "dim"), (f"cifar-tui --preset run:{run.id[-4:]}", "")])
    lines.append([("files   ", "dim"), (f"{file_size(run.size_bytes)} in {one_line(run.folder)}", "")])
    return [clip(line, width) for line in lines]


def _state(run: Summary) -> Line:
    word = f"{run.status}: {one_line(run.reason).replace('_', ' ')}" if run.reason else run.status
    parts = [word, work(run.seconds, run.estimated) if run.seconds else "", one_line(run.device), one_line(run.host)]
    return [(" · ".join(part for part in parts if part), "")]


def expected(promise: Promise, unchanged: bool = True) -> str:
    """A promise in words, never without where it comes from."""
    figure = percent(promise.accuracy)
    star = "*" if promise.selection == "best_on_test" else ""
    if promise.runs == 0:
        words = f"target {figure}{star}, not measured yet"
    elif promise.source == "measured":
        mean = mean_over_runs(promise.accuracy, promise.spread, promise.runs, star)
        words = f"expect {mean} (n={promise.runs}, measured)"
    else:
        words = f"reported {figure}{star} by {one_line(promise.source)}"
    return words if unchanged else f"preset's own figure: {words}"
