"""A published table as a figure: for each row the reported accuracy against ours, with the spread over seeds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from engine.analysis.report import Reproduction
from presets.suites import Row, Suite
from tui.drawing.axes import Axis, round_steps, tick_label
from tui.drawing.palette import FAINT, INK, LIGHT, hex_of
from tui.drawing.suite_figures import measured_accuracy, reported_accuracy
from tui.drawing.svg import CELL, Part, line, write

ROW: Final = 22
"""Pixels from one row of the figure to the next."""
PLOT: Final = 420
FIGURES: Final = 250
"""Pixels at the right for the figures as text."""
HEAD, FOOT = 64, 46
_REPORTED, _MEASURED = hex_of(LIGHT.reported), hex_of(LIGHT.runs[0])


def suite_part(suite: Suite, rows: Sequence[Row], lines: Sequence[Reproduction], departure: str) -> Part:
    """A row of the figure for each row of the table: a diamond for what was reported, a disk for the mean of our runs.

    Bars reach one standard deviation to each side, where there are at least two values. Both accuracies are those of
    the source's own rule of selection, as in the table of `suites report`.

    Args:
        departure: how our runs differ from the published ones, as text; "" if they do not.
    """
    left = max([len(row.title or row.id) for row in rows], default=0) * CELL[0] + 12
    axis = _axis(rows, lines)
    height = HEAD + ROW * len(rows) + FOOT
    body = [write(0, 16, suite.title, INK, bold=True), write(0, 34, _subtitle(departure), FAINT)]
    body += _frame(axis, left, len(rows))
    for number, (row, result) in enumerate(zip(rows, lines, strict=True)):
        body += _row(row, result, axis, left, HEAD + ROW * number + ROW / 2)
    body += _legend(left, height - 8)
    return "\n".join(body), left + PLOT + FIGURES, float(height)


def _subtitle(departure: str) -> str:
    text = "test accuracy, %: reported, and measured here by the same rule (* best epoch, picked on test)"
    return f"{text}; our runs: {departure}" if departure else text


def _axis(rows: Sequence[Row], lines: Sequence[Reproduction]) -> Axis:
    """The range of all values with their bars, in percent."""
    values = [value for row, result in zip(rows, lines, strict=True) for value in _values(row, result)]
    low, high = (min(values), max(values)) if values else (0.0, 100.0)
    room = max(0.05 * (high - low), 0.1)
    low, high = max(low - room, 0.0), min(high + room, 100.0)
    ticks = tuple((tick, tick_label(tick)) for tick in round_steps(low, high, 7))
    return Axis(low, high, ticks)


def _values(row: Row, result: Reproduction) -> Iterator[float]:
    for mean, sd in (_reported(row), _measured(result)):
        if math.isfinite(mean):
            yield from (mean - sd, mean + sd)


def _reported(row: Row) -> tuple[float, float]:
    """Accuracy and spread of the source, in percent; NaN and 0 where it gives none."""
    accuracy, spread = row.reported.test_accuracy, row.reported.spread
    return (math.nan if accuracy is None else 100 * accuracy), 100 * (spread or 0.0)


def _measured(result: Reproduction) -> tuple[float, float]:
    sd = result.measured.sd
    return 100 * result.measured.mean, 0.0 if math.isnan(sd) else 100 * sd


def _frame(axis: Axis, left: float, rows: int) -> Iterator[str]:
    bottom = HEAD + ROW * rows
    for value, label in axis.ticks:
        x = left + PLOT * float(axis.position(value))
        yield line(x, HEAD, x, bottom, hex_of(LIGHT.grid))
        yield write(x, bottom + 16, label, FAINT, anchor="middle")
    yield line(left, bottom, left + PLOT, bottom, hex_of(LIGHT.rule))
    yield write(left + PLOT + 12, HEAD - 6, "reported / measured", FAINT)


def _row(row: Row, result: Reproduction, axis: Axis, left: float, y: float) -> Iterator[str]:
    """The name, both marks with their bars, and both figures."""
    yield write(left - 8, y + 4, row.title or row.id, INK, anchor="end")
    for (mean, sd), color, measured in ((_reported(row), _REPORTED, False), (_measured(result), _MEASURED, True)):
        if not math.isfinite(mean):
            continue
        x, low, high = (left + PLOT * float(axis.position(value)) for value in (mean, mean - sd, mean + sd))
        if sd:
            yield line(low, y, high, y, color, 1.5)
        yield _mark(x, y, color, measured=measured)
    count = f" (n = {result.measured.n})" if result.measured.n else ""
    figures = f"{reported_accuracy(row)} / {measured_accuracy(result)}{count}"
    yield write(left + PLOT + 12, y + 4, figures, INK)


def _mark(x: float, y: float, color: str, *, measured: bool) -> str:
    if measured:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{color}"/>'
    points = f"{x - 5:.1f},{y:.1f} {x:.1f},{y - 5:.1f} {x + 5:.1f},{y:.1f} {x:.1f},{y + 5:.1f}"
    return f'<polygon points="{points}" fill="none" stroke="{color}" stroke-width="1.5"/>'


def _legend(left: float, y: float) -> Iterator[str]:
    yield _mark(left + 6, y - 4, _REPORTED, measured=False)
    yield write(left + 18, y, "reported", INK)
    yield _mark(left + 106, y - 4, _MEASURED, measured=True)
    yield write(left + 118, y, "measured here, mean ± standard deviation", INK)
