"""The preview below the table of Results: the accuracy curve of one run, and its key facts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.analysis.stats import wilson
from engine.contract.recipe.schema import Promise
from engine.contract.run.store import Summary
from engine.contract.text import one_line
from tui.drawing.axes import x_axis
from tui.drawing.charts import Chart, ChartStyle, Series
from tui.drawing.figures import unreadable_note
from tui.drawing.format import Glyphs, file_size, mean_over_runs, percent, work
from tui.drawing.lines import Line, clip, rule, width_of
from tui.drawing.plot import plot
from tui.drawing.ranges import fit_accuracy, settle, visible

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Preview:
    """The values that the preview of a run shows."""

    run: Summary
    epochs: Array
    test: Array
    """Test accuracy in percent at these epochs."""
    test_images: int = 0
    promise: Promise | None = None
    unchanged: bool = False
    """Whether the recipe is exactly its preset's, so that the promise applies to it."""
    details: tuple[str, ...] = ()
    """Other accuracies of the last epoch, and the test images that they are measured on."""
    garbage: int = 0
    """Number of lines and values of its events that could not be read."""

    def draw(self, width: int, height: int, glyphs: Glyphs) -> list[Line]:
        """A heading, the curve at the left, the facts at the right."""
        return draw(self, width, height, glyphs)


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
    """Test accuracy over epochs, without labels: its value stands beside it."""
    if not len(preview.epochs):
        return [[("   no epoch finished yet" if preview.run.live else "   no epoch was finished", "dim")]]
    if not np.isfinite(preview.test).any():
        return [[("   no test yet" if preview.run.best_on else "   tested at the end", "dim")]]
    x = x_axis(float(preview.epochs[-1]), preview.run.epochs or float(preview.epochs[-1]))
    y = settle(fit_accuracy([visible((preview.epochs, preview.test), x)]))
    test = Series("", preview.epochs, preview.test, mark="●", faint="faint-0", weight=0.6)
    return plot(Chart("accuracy %", (test,), x, y), width, height, ChartStyle(0, x_axis=height >= 9, glyphs=glyphs))


def facts(preview: Preview, width: int) -> list[Line]:
    """Status, accuracy with its interval, the preset's figure, how to repeat the run, and its size on disk."""
    run = preview.run
    lines: list[Line] = [_state(run)]
    if run.last_accuracy is not None:
        line: Line = [(percent(run.last_accuracy), "strong")]
        if preview.test_images:
            half = wilson(run.last_accuracy, preview.test_images).half
            line.append((f" ±{100 * half:.2f} (95 % CI of one run)", "dim"))
        lines.append(line)
        lines += [[(one_line(" · ".join(preview.details)), "")]] if preview.details else []
    if preview.promise is not None:
        lines.append([(expected(preview.promise, preview.unchanged), "dim")])
    if run.message and run.status != "finished":
        lines.append([(one_line(run.message), "bad" if run.status in ("failed", "lost") else "warn")])
    if preview.garbage:
        lines.append([(unreadable_note(preview.garbage), "warn")])
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
    """The accuracy that a preset promises, with its source."""
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
