"""`python -m bench compare A.json B.json`: the figures of B divided by those of A, row by row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bench.figures import Figure, Row
from bench.machine import warning
from bench.report import FORMAT, RowPrinter

SAME: Final = ("machine", "quick")
"""Facts that should be the same in both files."""


class NotAReport(ValueError):
    """A file that `--json` has not written."""


def compare(first: Path, second: Path) -> None:
    """Print what can be compared, then the rows that only one file has. Raises NotAReport, or OSError."""
    a, b = read(first), read(second)
    for note in notes(first, a, second, b):
        print(note)
    table = RowPrinter()
    table.heading(f"A {first}, B {second}")
    for row in ratios(a, b):
        table.row(row)
    for file, here, there in ((first, a, b), (second, b, a)):
        for name in only_in(here, there):
            print(f"only in {file}: {name}")


def read(file: Path) -> dict[str, Any]:
    """A report as `--json` writes it."""
    try:
        table = json.loads(file.read_text())
    except ValueError as error:
        raise NotAReport(f"{file} is not JSON: {error}") from error
    if not isinstance(table, dict) or table.get("format") != FORMAT:
        raise NotAReport(f"{file} was not written by `python -m bench --json` of this version")
    return table


def notes(first: Path, a: dict[str, Any], second: Path, b: dict[str, Any]) -> Iterator[str]:
    """What limits the comparison: other hardware or versions, `--quick`, and busy machines."""
    for key in SAME:
        if a[key] != b[key]:
            yield f"note: {key} differs: {a[key]} in {first}, {b[key]} in {second}"
    for file, report in ((first, a), (second, b)):
        if note := warning(report["load"]):
            yield f"{file}: {note}"


def ratios(a: dict[str, Any], b: dict[str, Any]) -> Iterator[Row]:
    """A row for each figure that both reports have.

    The ratio is that of the medians. Its spread reaches from B's lower quartile by A's upper one to B's upper quartile
    by A's lower one. "beyond spread" says whether 1 lies outside it, so that the difference is more than noise.
    """
    there = _figures(b)
    for (area, name, column), one in _figures(a).items():
        two = there.get((area, name, column))
        if two is None:
            continue
        divided = divide(two, one)
        yield {
            f"{area}": name,
            "figure": column,
            "A": one,
            "B": two,
            "B / A": divided,
            "beyond spread": beyond(divided),
        }


def beyond(divided: Figure) -> str:
    """Whether 1 lies outside the spread of a ratio; unknown if a side was measured only once."""
    if divided.rounds == 1:
        return "unknown"
    return "yes" if divided.low > 1 or divided.high < 1 else "no"


def divide(one: Figure, two: Figure) -> Figure:
    """The ratio of two figures, with the widest spread that their quartiles allow; NaN and infinite by zero."""
    return Figure(
        _by(one.median, two.median), _by(one.low, two.high), _by(one.high, two.low), min(one.rounds, two.rounds)
    )


def _by(one: float, two: float) -> float:
    if two:
        return one / two
    return float("inf") if one else float("nan")


def only_in(here: dict[str, Any], there: dict[str, Any]) -> list[str]:
    """Rows, and figures of rows, that `there` lacks."""
    others = _figures(there)
    rows = {key[:2] for key in others}
    missing: dict[str, None] = {}
    for area, name, column in _figures(here):
        if (area, name) not in rows:
            missing[f"{area}: {name}"] = None
        elif (area, name, column) not in others:
            missing[f"{area}: {name}, {column}"] = None
    return list(missing)


def _figures(report: dict[str, Any]) -> dict[tuple[str, str, str], Figure]:
    """Every figure of a report by area, row and column."""
    found = {}
    for area, rows in report["areas"].items():
        for row in rows:
            name = str(next(iter(row.values())))
            for column, value in row.items():
                if isinstance(value, dict):
                    found[area, name, column] = Figure(**value)
    return found
