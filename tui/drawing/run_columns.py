"""The columns of Results: which fit into a width, how wide each is, and what stands in their cells."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len

from engine.analysis.stats import Spread
from engine.contract.run.store import Summary
from engine.contract.text import one_line
from tui.drawing.bars import bar
from tui.drawing.format import NONE, delta, file_size, percent, picked, work
from tui.drawing.interval_cells import SMALLEST, Scale, interval_cells
from tui.drawing.lines import Line, fit
from tui.drawing.marks import NO_SLOT, faint_role_of, mark_of, role_of
from tui.drawing.run_state import STATE, epochs_of, label_of, state_in_words, state_of, when_of

if TYPE_CHECKING:
    from engine.analysis.against import Against


NO_SEEDS: Final = Spread(math.nan, math.nan, 0)


@dataclass(frozen=True, slots=True)
class Marks:
    """The slots of the marked runs by id, the baseline, and how the rows that were read so far stand against it."""

    slots: Mapping[str, int | None] = field(default_factory=dict)
    baseline: Summary | None = None
    seeds: Spread = NO_SEEDS
    """The last accuracy over the seeds of the baseline's recipe."""
    against: Mapping[str, Against] = field(default_factory=dict)
    """By folder."""
    scale: Scale = SMALLEST
    """Of the intervals."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell is drawn from."""

    run: Summary
    width: int
    marks: Marks
    plain: str
    """The role of ordinary text: "strong" under the cursor."""
    now: float


@dataclass(frozen=True, slots=True)
class RunColumn:
    """A column. It takes `width` cells at least, and grows up to `most`."""

    key: str
    head: str
    what: str
    """What it shows, for the chooser."""
    width: int
    draw: Callable[[Cell], Line]
    most: int = 0
    right: bool = False
    by_default: bool = True
    sort: str = ""
    """The key of `SORTS` that orders by it."""


def _text(of: Callable[[Summary], str], role: str | None = None, align: str = "left") -> Callable[[Cell], Line]:
    """Draws a text. `role` None is ordinary text; a dash and an empty text are quiet."""

    def draw(cell: Cell) -> Line:
        text = of(cell.run)
        quiet = "dim" if text in ("", NONE) else cell.plain if role is None else role
        return [(fit(text, cell.width, align), quiet)]

    return draw


def _number(of: Callable[[Summary], str], role: str | None = None) -> Callable[[Cell], Line]:
    return _text(of, role, "right")


def against_of(run: Summary, marks: Marks) -> float:
    """Last accuracy minus the baseline's, -1..1; NaN unless both have finished on the same data."""
    base = marks.baseline
    if base is None or base.folder == run.folder or run.data != base.data:
        return math.nan
    if run.last_accuracy is None or base.last_accuracy is None or {run.status, base.status} != {"finished"}:
        return math.nan
    return run.last_accuracy - base.last_accuracy


def role_of_difference(run: Summary, difference: float, marks: Marks) -> str:
    """The role of a difference: colored only if images and seeds both leave no doubt, see `Against.is_clear`."""
    found = marks.against.get(run.folder)
    if found is None or not found.is_clear(marks.seeds):
        return "dim"
    return "ok" if difference > 0 else "warn"


def _delta(cell: Cell) -> Line:
    base = cell.marks.baseline
    if base is not None and base.folder == cell.run.folder:
        return [(fit("base", cell.width, "right"), "dim")]
    difference = against_of(cell.run, cell.marks)
    return [(fit(delta(difference, 2), cell.width, "right"), role_of_difference(cell.run, difference, cell.marks))]


def _interval(cell: Cell) -> Line:
    """The paired interval around the zero line; of a run that trains, how far it is."""
    run, marks = cell.run, cell.marks
    if run.live and run.epoch and run.epochs:
        return bar(run.epoch / run.epochs, cell.width)
    found = marks.against.get(run.folder)
    if found is None or found.interval is None:
        zero = marks.scale.column(0.0, cell.width)
        return [(" " * zero, ""), ("│", "rule"), (" " * (cell.width - zero - 1), "")]
    slot = marks.slots.get(run.id)
    color = role_of_difference(run, found.difference, marks)
    line = faint_role_of(slot) if slot is not None and color == "dim" else color
    point = role_of(slot) if slot is not None else "strong"
    mark = mark_of(slot)[0] if slot is not None else NO_SLOT
    return interval_cells(found.interval, found.difference, marks.scale, cell.width, mark=mark, roles=(line, point))


def _changes(run: Summary) -> str:
    return one_line(run.changes) or NONE


def _label(cell: Cell) -> Line:
    """Name and tags; where they do not fit, the name alone."""
    text = label_of(cell.run) or NONE
    short = text if cell_len(text) <= cell.width else one_line(cell.run.name) or text
    return [(fit(short, cell.width), "dim")]


def _state(cell: Cell) -> Line:
    text, role = state_of(cell.run) if cell.width == STATE else state_in_words(cell.run)
    return [(fit(text, cell.width), role)]


def accuracy(value: float | None) -> str:
    """Percent, or "-" if there is none yet."""
    return NONE if value is None else percent(value)


def _best(run: Summary) -> str:
    """The best accuracy, with a star if its epoch was picked on the test set."""
    return NONE if run.best_accuracy is None else picked(run.best_accuracy, run.best_on)


def _took(run: Summary) -> str:
    return work(run.seconds, run.estimated) if run.seconds else NONE


def seed_text(run: Summary) -> str:
    """The seed; a dash for an imported run, whose seed is not known."""
    return NONE if run.layout else str(run.seed)


def origin(run: Summary) -> str:
    """The program that an imported run comes from; a dash for a run that was trained here."""
    return one_line(run.layout) or NONE


COLUMNS: Final = {
    column.key: column
    for column in (
        RunColumn(
            "recipe", "recipe", "preset or model", 15, _text(lambda run: one_line(run.recipe_name)), 16,
            sort="recipe",
        ),
        RunColumn("changes", "changes", "how it differs from the preset", 9, _text(_changes), 24, sort="changes"),
        RunColumn("name", "name, tags", "the name and tags you gave it", 10, _label, 26),
        RunColumn("origin", "origin", "program that an imported run comes from", 7, _text(origin, "dim"), 11),
        RunColumn("seed", "seed", "seed", 4, _number(seed_text), right=True, sort="seed"),
        RunColumn("epoch", "epoch", "epochs done and planned", 7, _number(epochs_of), right=True, sort="epoch"),
        RunColumn(
            "last", "last", "test accuracy at the last epoch, %", 6,
            _number(lambda run: accuracy(run.last_accuracy), "strong"), right=True, sort="last",
        ),
        RunColumn("best", "best", "best test accuracy, %; * if picked on test", 6, _number(_best, "dim"),
                  right=True, sort="best"),
        RunColumn("delta", "Δ base", "last accuracy minus the baseline's, points", 6, _delta, right=True),
        RunColumn("interval", "", "95 % interval of that difference on the same images", 16, _interval),
        RunColumn("took", "took", "working time", 8, _number(_took, "dim"), right=True, by_default=False,
                  sort="seconds"),
        RunColumn(
            "size", "size", "size on disk", 7, _number(lambda run: file_size(run.size_bytes), "dim"), right=True,
            by_default=False, sort="size",
        ),
        RunColumn("device", "device", "device", 8, _text(lambda run: one_line(run.device), "dim"), 14,
                  by_default=False),
        RunColumn("host", "host", "machine", 8, _text(lambda run: one_line(run.host), "dim"), 14, by_default=False),
        RunColumn(
            "when", "when", "how long ago it started", 6,
            lambda cell: [(fit(when_of(cell.run, cell.now), cell.width, "right"), "dim")], right=True, sort="when",
        ),
        RunColumn("state", "st", "status", STATE, _state, 14),
    )
}  # fmt: skip
"""In the order of the screen; the short id stands before them."""
ALWAYS: Final = ("recipe", "last", "state")
"""Columns that cannot be hidden."""
_FIRST_TO_LAST: Final = (
    *ALWAYS, "name", "origin", "changes", "epoch", "delta", "seed", "when", "took", "size", "device", "host", "best",
    "interval",
)  # fmt: skip
"""Which columns a narrow list keeps: the last ones drop first."""
_LATE: Final = _FIRST_TO_LAST[_FIRST_TO_LAST.index("took") :]
_SPARE: Final = 6
"""Cells that the texts must have to grow into before a late column is shown."""
_NEEDS_BASELINE: Final = ("delta", "interval")
DEFAULT: Final = frozenset(column.key for column in COLUMNS.values() if column.by_default)
"""The columns that are shown until the user chooses others."""


@dataclass(frozen=True, slots=True)
class ColumnLayout:
    """The columns that fit into a width, with the width of each in cells, and the blanks before each."""

    columns: tuple[tuple[RunColumn, int], ...]
    gap: int
    width: int
    """Of the whole line."""

    @property
    def lead(self) -> int:
        """Cells before the first column: cursor, baseline, mark and the short id."""
        return 10 if self.gap > 1 else 8

    def has(self, key: str) -> bool:
        """Whether a column is shown."""
        return any(column.key == key for column, _ in self.columns)


def layout(
    width: int, chosen: Collection[str] = DEFAULT, *, baseline: bool = False, imported: bool = False
) -> ColumnLayout:
    """The columns for a list of `width` cells, whose last cell belongs to the scroll bar.

    Args:
        chosen: keys of the columns that the user wants; those that do not fit drop out.
        baseline: whether there is a baseline, without which two columns have nothing to show.
        imported: whether there is an imported run, without which the origin is not shown.
    """
    gap = 2 if width >= 100 else 1
    room = max(width - 1 - (10 if gap > 1 else 8), 0)
    widths: dict[str, int] = {}
    for key in _FIRST_TO_LAST:
        column = COLUMNS[key]
        empty = (key in _NEEDS_BASELINE and not baseline) or (key == "origin" and not imported)
        wanted = key in ALWAYS or (key in chosen and not empty)
        needed = column.width + gap + (_SPARE if key in _LATE else 0)
        if wanted and needed > room and key not in ALWAYS:
            break
        if wanted:
            widths[key] = column.width
            room -= column.width + gap
    growing = [key for key in ("recipe", "changes", "name", "origin", "device", "host") if key in widths]
    while room > 0 and growing:
        for key in list(growing):
            if widths[key] >= COLUMNS[key].most:
                growing.remove(key)
            elif room > 0:
                widths[key] += 1
                room -= 1
    words = COLUMNS["state"].most - STATE
    if room >= words:
        widths["state"] += words
        room -= words
    if room > 0:
        last = next((key for key in ("changes", "name", "recipe") if key in widths), "recipe")
        widths[last] += room
    return ColumnLayout(tuple((column, widths[key]) for key, column in COLUMNS.items() if key in widths), gap, width)
