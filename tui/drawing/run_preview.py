"""The preview of Results: the curve of the run under the cursor, its classes, its mistakes and its key facts.

Below the table it is a curve beside a few facts; at the right of a wide table it has the whole height of the screen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from rich.cells import cell_len

from engine.analysis.stats import wilson
from engine.contract.recipe.schema import Promise
from engine.contract.run.store import Summary
from engine.contract.text import one_line
from tui.drawing.axes import x_axis
from tui.drawing.charts import Chart, ChartStyle, Curve
from tui.drawing.figures import expected, unreadable_note
from tui.drawing.format import Glyphs, counted, delta, file_size, percent, picked, whole, work
from tui.drawing.lines import Line, clip, heading, width_of
from tui.drawing.marks import NO_SLOT, faint_role_of, mark_of, role_of
from tui.drawing.per_class import ClassRow
from tui.drawing.plot import plot
from tui.drawing.ranges import fit_accuracy, settle, visible
from tui.drawing.run_columns import Marks, against_of, role_of_difference

Array = npt.NDArray[np.float64]


SMOOTH: Final = 0.6
"""Weight of the average that smooths the curves; figures are never smoothed."""


def _no_points() -> Array:
    return np.empty(0)


@dataclass(frozen=True)
class AccuracyCurve:
    """Test accuracy in percent over epochs; NaN for epochs without a test."""

    epochs: Array = field(default_factory=_no_points)
    test: Array = field(default_factory=_no_points)
    length: float = 0.0
    """Epochs of the whole run, with the fraction of a short last one; 0 if unknown."""


@dataclass(frozen=True)
class PreviewValues:
    """The values that the preview of a run shows."""

    run: Summary
    curve: AccuracyCurve = field(default_factory=AccuracyCurve)
    test_images: int = 0
    promise: Promise | None = None
    unchanged: bool = False
    """Whether the recipe is exactly its preset's, so that the promise applies to it."""
    details: tuple[str, ...] = ()
    """Other accuracies of the last epoch, and the test images that they are measured on."""
    garbage: int = 0
    """Number of lines and values of its events that could not be read."""
    classes: tuple[ClassRow, ...] = ()
    """At the last test; compared with the baseline where both were tested after that epoch."""
    confused: tuple[int, ...] = ()
    """The confusion matrix of the last test, flattened, one row for each true class; () without one."""
    baseline: Summary | None = None
    baseline_curve: AccuracyCurve = field(default_factory=AccuracyCurve)
    fields: tuple[tuple[str, str], ...] = ()
    """The recipe as (path, value), in the order of `--set`."""


def below(preview: PreviewValues, marks: Marks, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """A heading, the curve at the left, the facts at the right: for the foot of the screen."""
    run = preview.run
    left = max(width // 2 - 2, 20)
    lines = [title(run, marks, width)]
    plot = accuracy_chart(preview, marks, left, height - 1, glyphs)
    notes = facts(preview, marks, width - left - 2)
    for y in range(height - 1):
        line = plot[y] if y < len(plot) else []
        gap = " " * max(left + 2 - width_of(line), 0)
        lines.append(clip([*line, (gap, ""), *(notes[y] if y < len(notes) else [])], width))
    return lines


def title(run: Summary, marks: Marks, width: int) -> Line:
    """The heading of a run: its mark, id and recipe; at the right its seed, name and tags."""
    slot = marks.slots.get(run.id)
    marked = run.id in marks.slots
    role = role_of(slot) if marked else "id"
    name: Line = [
        (f"{mark_of(slot, run.id) if marked else NO_SLOT} ", role),
        (run.id[-4:], role),
        (f"  {one_line(run.recipe_name)}", "strong"),
    ]
    label = f'"{one_line(run.name, 40)}"' if run.name else ""
    tags = " ".join(f"#{one_line(tag)}" for tag in run.tags)
    parts = [f"imported ({run.layout})" if run.layout else f"seed {run.seed}", label, tags]
    texts = ["   ".join(filter(None, parts[:kept])) for kept in (3, 2, 1)]
    return heading(name, width, texts)


def accuracy_chart(preview: PreviewValues, marks: Marks, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """Test accuracy over epochs, with the baseline's behind it; the last values stand in a gutter at the right."""
    mine, theirs = preview.curve, preview.baseline_curve
    if not len(mine.epochs):
        return [[("   no epoch finished yet" if preview.run.live else "   no epoch was finished", "dim")]]
    if not np.isfinite(mine.test).any():
        return [[("   no test yet" if preview.run.best_on else "   tested at the end", "dim")]]
    run, series = preview.run, list[Curve]()
    if preview.baseline is not None and np.isfinite(theirs.test).any():
        series.append(_series(preview.baseline, theirs, "baseline"))
    marked, slot = run.id in marks.slots, marks.slots.get(run.id)
    role, mark = (role_of(slot), mark_of(slot)) if marked else (role_of(0), mark_of(0))
    best = float(mine.epochs[np.nanargmax(mine.test)]) if run.best_on == "test" else math.nan
    faint = faint_role_of(slot if marked else 0)
    series.append(replace(_series(run, mine, role), mark=mark, kind="run", faint=faint, best=best, slot=slot or 0))
    x = x_axis(float(mine.epochs[-1]), mine.length or run.epochs or float(mine.epochs[-1]))
    y = settle(fit_accuracy([visible((one.x, one.y), x) for one in series]))
    style = ChartStyle(gutter=11 if width >= 44 else 0, x_axis=height >= 9, glyphs=glyphs)
    return plot(Chart("accuracy %", tuple(series), x, y, x_name="epoch"), width, height, style)


def curve_pane(preview: PreviewValues, marks: Marks, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """The accuracy chart under a heading."""
    right = f"b {preview.baseline.id[-4:]} below" if preview.baseline else f"{preview.run.id[-4:]}, no baseline"
    return [heading("accuracy %", width, [right]), *accuracy_chart(preview, marks, width, height - 1, glyphs)]


def _series(run: Summary, curve: AccuracyCurve, role: str) -> Curve:
    """The smoothed curve of a run; its value in the gutter is that of its last test."""
    tested = curve.test[np.isfinite(curve.test)]
    value = (percent(float(tested[-1]) / 100),)
    return Curve(run.id[-4:], curve.epochs, curve.test, value, role, kind="plain", weight=SMOOTH)


def headline(preview: PreviewValues, marks: Marks, width: int) -> list[Line]:
    """The last accuracy with its interval, the best one, and the difference to the baseline in figures and words."""
    run = preview.run
    if run.last_accuracy is None:
        return [[("no test yet" if run.live else "was not tested", "dim")]]
    line: Line = [(percent(run.last_accuracy), "strong")]
    if preview.test_images:
        half = wilson(run.last_accuracy, preview.test_images).half
        line.append((f" ±{100 * half:.2f} (95 % CI of one run)", "dim"))
    best = picked(run.best_accuracy, run.best_on) if run.best_accuracy is not None and run.best_on else ""
    for text in (f"   best {best}", f"  {best}"):
        if best and width_of(line) + len(text) <= width:
            line.append((text, "dim"))
            break
    lines, base = [line], marks.baseline
    if base is None or base.folder == run.folder:
        return lines
    difference = against_of(run, marks)
    if difference == difference:
        role = role_of_difference(run, difference, marks)
        lines.append([(delta(difference, 2), role), (f" points to b {base.id[-4:]}", "dim")])
    words = paired_words(run, base, marks)
    return [*lines, [(next((text for text in words if cell_len(text) <= width), words[-1]), "")]] if words else lines


def baseline_hint(run: Summary, marks: Marks) -> list[Line]:
    """What `b` does, where there is no difference to show."""
    if marks.baseline is None:
        return [[("no baseline: ", "dim"), ("b", "key"), (" makes the run under the cursor the baseline", "dim")]]
    if marks.baseline.folder == run.folder:
        return [[("the baseline of all differences; ", "dim"), ("b", "key"), (" takes that back", "dim")]]
    return []


def paired_words(run: Summary, base: Summary, marks: Marks) -> list[str]:
    """How the run differs from the baseline on the same images, or why that is not known; shorter and shorter."""
    found = marks.against.get(run.folder)
    if found is None:
        return []
    short = base.id[-4:]
    if found.interval is None:
        return [f"not paired with {short}: {found.why}"]
    net = found.won - found.lost
    kind = "fewer" if net > 0 else "more"
    first = f"{counted(abs(net), f'{kind} mistake')} than" if net else "as many mistakes as"
    fixed = f"({found.won} fixed, {found.lost} new)"
    return [f"{first} {short} on the same {whole(found.images)} images {fixed}", f"{first} {short} {fixed}"]


def facts(preview: PreviewValues, marks: Marks, width: int) -> list[Line]:
    """Status, accuracy with its interval, the preset's figure, how to repeat the run, and its size on disk."""
    run = preview.run
    lines: list[Line] = [state(run)]
    lines += [[(f"left out of means and verdicts: {one_line(run.excluded)}", "warn")]] if run.excluded else []
    lines += headline(preview, marks, width) if run.last_accuracy is not None else []
    lines += [[(one_line(" · ".join(preview.details)), "")]] if preview.details else []
    lines += problems(preview)
    lines += changed(run)
    lines += repeat(run)
    lines += [[("note    ", "dim"), (one_line(run.notes[-1]), "")]] if run.notes else []
    lines += baseline_hint(run, marks)
    return [clip(line, width) for line in lines]


def problems(preview: PreviewValues) -> list[Line]:
    """The preset's figure, why the run ended, and what of it cannot be read."""
    run, lines = preview.run, list[Line]()
    if preview.promise is not None:
        lines.append([(expected(preview.promise, preview.unchanged), "dim")])
    if run.message and run.status != "finished":
        lines.append([(one_line(run.message), "bad" if run.status in ("failed", "lost") else "warn")])
    if preview.garbage:
        lines.append([(unreadable_note(preview.garbage), "warn")])
    return lines


def changed(run: Summary) -> list[Line]:
    """How the recipe differs from its preset; nothing if it does not."""
    return [] if run.changes in ("", "-") else [[("changes ", "dim"), (one_line(run.changes), "")]]


def repeat(run: Summary) -> list[Line]:
    """The command that repeats the run, and where its files are."""
    return [
        [("repeat  ", "dim"), (f"cifar-tui --preset run:{run.id[-4:]}", "")],
        [("files   ", "dim"), (f"{file_size(run.size_bytes)} in {one_line(run.folder)}", "")],
    ]


def state(run: Summary) -> Line:
    """Status and reason, working time, device and machine."""
    word = f"{run.status}: {one_line(run.reason).replace('_', ' ')}" if run.reason else run.status
    device = one_line(run.device_name or run.device)
    parts = [word, work(run.seconds, run.estimated) if run.seconds else "", device, one_line(run.host)]
    return [(" · ".join(part for part in parts if part), "")]
