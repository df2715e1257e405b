"""A suite as tables: what was reported, and reported beside measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from engine.analysis.report import Reproduction
from presets.suites import Row, Suite
from tui.drawing.format import NONE, delta, percent, work
from tui.drawing.suite_figures import (
    FIGURES,
    HELD_OUT,
    both_texts,
    mean_and_sd,
    measured_accuracy,
    reported_accuracy,
    reported_text,
)
from tui.drawing.typeset import Column, Table

LEGEND: Final = {
    "best_on_test": "* best epoch, picked on the test set",
    "unknown": "? the source does not say which epoch",
}
MOST_FAILURES: Final = 6
"""How many unfinished runs are named; the rest are counted."""


def reported_table(suite: Suite, changes: Sequence[str]) -> Table:
    """The table as its source has it.

    Args:
        changes: for each row how its recipe differs from the preset, "-" if it does not.
    """
    figures = [
        figure for figure in FIGURES if any(getattr(row.reported, figure.field) is not None for row in suite.rows)
    ]
    columns = [Column("row"), *(Column(figure.head, right=True) for figure in figures), Column("what", wraps=True)]
    rows = [
        (row.id, *(reported_text(row, figure) for figure in figures), _description(row, changed))
        for row, changed in zip(suite.rows, changes, strict=True)
    ]
    notes, marks = _notes(suite.rows, suite.source)
    return Table(
        title=suite.title,
        columns=tuple(columns),
        rows=tuple(rows),
        lead=(suite.description, f"Source: {suite.source}"),
        legend=_selection_legend(suite.rows),
        notes=notes,
        marks=marks,
    )


def measured_table(
    suite: Suite, rows: Sequence[Row], results: Sequence[Reproduction], shrink: str, width: int = 0
) -> Table:
    """Reported beside measured.

    Args:
        rows: rows of the suite, and `results` what was measured of each.
        shrink: how our runs were shrunk against the source's, in words; "" if they were not.
        width: cells of the terminal. Where the device column does not fit, devices go below the table; 0 always fits.
    """
    with_last = any(result.selection == "best_on_test" for result in results)
    heads = ["row", "reported", "measured", "Δ", *(["last epoch"] if with_last else []), "n", "time"]
    body = [
        [
            row.id, reported_accuracy(row), measured_accuracy(result), delta(result.difference, 2),
            *([mean_and_sd(result.last.mean, result.last.sd)] if with_last else []),
            _count(result), work(result.seconds, result.estimated),
        ]
        for row, result in zip(rows, results, strict=True)
    ]  # fmt: skip
    columns = [Column(head, right=head != "row") for head in heads]
    notes, marks = _notes(rows, suite.source)
    devices = [result.device or NONE for result in results]
    device_fits = not width or _width(heads, body) + max(map(len, [*devices, "device"])) + 6 <= width
    if device_fits:
        columns.append(Column("device"))
        body = [[*cells, device] for cells, device in zip(body, devices, strict=True)]
    return Table(
        title=f"{suite.title}: reported and measured",
        columns=tuple(columns),
        rows=tuple(map(tuple, body)),
        lead=(f"Source: {suite.source}", *([f"Our runs are {shrink}."] if shrink else [])),
        legend=(
            *_selection_legend(rows),
            *_measured_legend(results),
            *_test_images(results),
            *([] if device_fits else _devices(results)),
            *_failures(results),
        ),
        notes=notes,
        marks=marks,
    )


def _width(heads: Sequence[str], body: Sequence[Sequence[str]]) -> int:
    """Cells that the columns take, with two blanks behind each."""
    return sum(max(len(head), *(len(cells[i]) for cells in body)) + 2 for i, head in enumerate(heads))


def further_table(suite: Suite, rows: Sequence[Row], results: Sequence[Reproduction], shrink: str) -> Table | None:
    """The source's other figures, each as reported / measured; None if the source has no others."""
    figures = [
        figure
        for figure in FIGURES
        if figure.field not in ("test_accuracy", "weights_mib")
        and any(getattr(row.reported, figure.field) is not None for row in rows)
    ]
    if not figures:
        return None
    mixed = any(result.mixed for result in results) and any(figure.field == "train_accuracy" for figure in figures)
    body = [
        (row.id, *(both_texts(row, result, figure) for figure in figures))
        for row, result in zip(rows, results, strict=True)
    ]
    return Table(
        title="Further figures: reported / measured",
        columns=(Column("row"), *(Column(figure.head, right=True) for figure in figures)),
        rows=tuple(body),
        lead=(f"Our runs are {shrink}.",) if shrink else (),
        legend=("* train accuracy against mixed labels, not comparable with a test accuracy",) if mixed else (),
    )


def describe_row(row: Row, result: Reproduction, changed: str) -> list[str]:
    """One row in sentences: what it is, its reported figures beside ours, the suite's note on it, its source."""
    figures = [figure for figure in FIGURES if getattr(row.reported, figure.field) is not None]
    pairs = [
        f"{figure.head} {both_texts(row, result, figure)}" for figure in figures if figure.field != "test_accuracy"
    ]
    figures_line = "   ".join(["reported / ours:", *pairs]) if pairs else ""
    return [text for text in (_description(row, changed), figures_line, row.note, row.source) if text]


def _description(row: Row, changed: str) -> str:
    recipe = f"{row.recipe} {changed}" if changed != NONE else row.recipe
    return f"{row.title} ({recipe})" if row.title else recipe


def _count(result: Reproduction) -> str:
    """Finished runs, and after a plus those that have not finished: "3+2"."""
    more = f"+{len(result.unfinished)}" if result.unfinished else ""
    return f"{len(result.outcomes)}{more}"


# --- below the table ------------------------------------------------------------------------------------------


def _notes(rows: Sequence[Row], source: str) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]:
    """Every note once, and for each row the numbers of its notes. A source other than the suite's is also a note."""
    numbers: dict[str, int] = {}
    marks = []
    for row in rows:
        own = [row.note, f"Source: {row.source}" if row.source != source else ""]
        marks.append(tuple(numbers.setdefault(note, len(numbers) + 1) for note in own if note))
    return tuple(numbers), tuple(marks)


def _selection_legend(rows: Sequence[Row]) -> tuple[str, ...]:
    used = {row.reported.selection for row in rows if row.reported.test_accuracy is not None}
    return tuple(text for selection, text in LEGEND.items() if selection in used)


def _measured_legend(results: Sequence[Reproduction]) -> list[str]:
    legend = []
    if any(result.measured.n for result in results):
        unknown = " (for ?: our last epoch)" if any(result.selection == "unknown" for result in results) else ""
        legend.append(f"measured: selected by the rule of the reported figure{unknown}; Δ in percentage points")
    if any(result.measured.n > 1 for result in results):
        legend.append("±: standard deviation over the n seeds (n - 1)")
    single = [result.interval.half for result in results if result.measured.n == 1 and result.interval]
    if single:
        legend.append(f"one run: the size of the test set alone leaves ±{percent(max(single))} points (95 %)")
    if any(HELD_OUT in measured_accuracy(result) for result in results):
        legend.append(f"{HELD_OUT} best epoch, picked on images held out of training")
    if any(result.selection == "best_on_test" and any(not run.best for run in result.outcomes) for result in results):
        legend.append("runs that were tested only at their end have no best epoch and count only under last epoch")
    if any(result.unfinished for result in results):
        legend.append("n: finished runs + unfinished runs")
    legend += [f"{result.id}: {result.repeated}" for result in results if result.repeated]
    legend += [f"{result.id}: {result.left_out}" for result in results if result.left_out]
    if any(result.estimated for result in results):
        legend.append("~: estimated from wall-clock times, because these runs did not record their working time")
    return legend


def _devices(results: Sequence[Reproduction]) -> list[str]:
    return _shared({result.id: result.device for result in results if result.device}, "on {}")


def _test_images(results: Sequence[Reproduction]) -> list[str]:
    """How many test images the accuracies are measured on: some suites test on a part of them."""
    return _shared(
        {result.id: f"{result.test_images:,}" for result in results if result.test_images}, "tested on {} images"
    )


def _shared(facts: Mapping[str, str], text: str) -> list[str]:
    """A fact of the rows: once if it holds for all of them, else with the ids of the rows that it holds for."""
    rows_by_fact: dict[str, list[str]] = {}
    for row, fact in facts.items():
        rows_by_fact.setdefault(fact, []).append(row)
    several = len(rows_by_fact) > 1
    return [text.format(fact) + (f": {', '.join(ids)}" if several else "") for fact, ids in rows_by_fact.items()]


def _failures(results: Sequence[Reproduction]) -> list[str]:
    """Runs that ended before they finished, each once: without them a row looks as if nobody had tried."""
    found: dict[str, str] = {}
    for result in results:
        for run in result.unfinished:
            if not run.live and run.id not in found:
                why = f" ({run.reason})" if run.reason else ""
                found[run.id] = f"{result.id} seed {run.seed} {run.status}{why} at epoch {run.epoch} of {run.epochs}"
    named = list(found.values())
    more = [f"and {len(named) - MOST_FAILURES} more"] if len(named) > MOST_FAILURES else []
    return [f"not finished: {', '.join(named[:MOST_FAILURES] + more)}"] if named else []
