"""Bars of one row: a share, and a difference from the middle. They fill the middle of their row, in half cells."""

from __future__ import annotations

import math

from tui.drawing.lines import Line

_FULL, _LEFT_HALF, _RIGHT_HALF, _EDGE = "━", "╸", "╺", "│"


def bar(fraction: float, cells: int, role: str = "bar", at: float = math.nan) -> Line:
    """A bar of `cells` cells, filled to `fraction` (0..1) in steps of half a cell; the rest is its track.

    A fraction above 0 shows at least half a cell, and only a fraction of 1 fills the bar.

    Args:
        at: where a `│` crosses the bar, 0..1, such as the baseline's value; NaN for nowhere.
    """
    if cells <= 0:
        return []
    halves = 0
    if math.isfinite(fraction):
        halves = min(max(round(2 * fraction * cells), 1 if fraction > 0 else 0), 2 * cells)
        halves = min(halves, 2 * cells - 1) if fraction < 1 else halves
    full, half = divmod(halves, 2)
    done = _FULL * full + _LEFT_HALF * half
    rest = cells - len(done)
    # After a whole cell the track begins half a cell later, so that air separates the two.
    track = _RIGHT_HALF + _FULL * (rest - 1) if rest and full and not half else _FULL * rest
    return _crossed(done, track, role, at, cells)


def _crossed(done: str, track: str, role: str, at: float, cells: int) -> Line:
    """The two parts of a bar, with the cell at `at` replaced by a vertical line."""
    drawn, parts = done + track, [role] * len(done) + ["track"] * len(track)
    if math.isfinite(at):
        column = min(max(int(at * cells), 0), cells - 1)
        drawn, parts[column] = f"{drawn[:column]}{_EDGE}{drawn[column + 1 :]}", "baseline"
    return merged(drawn, parts)


def difference(value: float, scale: float, cells: int, *, is_clear: bool = True) -> Line:
    """A bar that grows from a `│` in the middle of `cells` cells: better to the right, worse to the left.

    Args:
        value: the difference, above 0 for better; NaN draws only the middle.
        scale: the difference that fills one side; the same for all rows beside each other.
        is_clear: whether a test has decided that it is a difference; else it has no color for better or worse.
    """
    side = max((cells - 1) // 2, 0)
    halves = 0
    if math.isfinite(value) and scale > 0:
        halves = min(max(round(2 * abs(value) / scale * side), 1 if value else 0), 2 * side)
    full, half = divmod(halves, 2)
    if value > 0:
        right = (_FULL * full + _LEFT_HALF * half).ljust(side)
        return [(" " * side, ""), (_EDGE, "rule"), (right, "ok" if is_clear else "dim")]
    left = (_RIGHT_HALF * half + _FULL * full).rjust(side)
    return [(left, "warn" if is_clear else "dim"), (_EDGE, "rule"), (" " * side, "")]


def merged(text: str, roles: list[str]) -> Line:
    """Characters with a role each, as the fewest parts."""
    line: Line = []
    for letter, role in zip(text, roles, strict=True):
        if line and line[-1][1] == role:
            line[-1] = (line[-1][0] + letter, role)
        else:
            line.append((letter, role))
    return line
