"""A suite as tables: what was reported, and reported against measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from engine.analysis.report import Line, Outcome
from presets.suites import Row, Suite
from tui.drawing.format import NONE, delta, percent, work
from tui.drawing.typeset import Column, Sheet

STARS: Final = {"best_on_test": "*", "last": "", "unknown": "?"}
HELD_OUT: Final = "h"
"""Marks a best epoch of ours that was picked on held-out images, unlike that of the source."""
LEGEND: Final = {
    "best_on_test": "* best epoch, picked on the test set",
    "unknown": "? the source does not say of which epoch",
}
MIB: Final = 2**20
MOST_TROUBLES: Final = 6


def _percent(value: float) -> str:
    return percent(value)


def _plain(digits: int) -> Callable[[float], str]:
    return lambda value: NONE if math.isnan(value) else f"{value:.{digits}f}"


@dataclass(frozen=True, slots=True)
class Figure:
    """A field of `Reported`: its heading, how it is written, and where our runs have the same."""

    field: str
    head: str
    show: Callable[[float], str]
    measured: Callable[[Line], float]


def _each(of: Callable[[Outcome], float]) -> Callable[[Line], float]:
    return lambda line: line.over(of).mean


FIGURES: Final = (
    Figure("test_accuracy", "test %", _percent, lambda line: line.measured.mean),
    Figure("paper_error", "paper error %", _percent, lambda line: 1 - line.last.mean),
    Figure("train_accuracy", "train %", _percent, lambda line: line.at(lambda epoch: epoch.train_accuracy).mean),
    Figure("test_loss", "test loss", _plain(3), lambda line: line.at(lambda epoch: epoch.test_loss).mean),
    Figure("train_loss", "train loss", _plain(3), lambda line: line.at(lambda epoch: epoch.train_loss).mean),
    Figure("params_m", "params, M", _plain(2), _each(lambda run: run.params / 1e6)),
    Figure("gpu_memory_mib", "GPU, MiB", _plain(0), _each(lambda run: run.gpu_bytes / MIB)),
    Figure("hours", "hours", _plain(2), _each(lambda run: run.seconds / 3600)),
    Figure("seconds_per_epoch", "s/epoch", _plain(1), _each(lambda run: run.seconds / max(run.last.epoch, 1))),
    Figure("weights_mib", "weights, MiB", _plain(2), lambda line: math.nan),
)
"""In the order of the columns. `weights_mib` is the size of a source's file, to which nothing of ours compares."""


# --- what was reported ----------------------------------------------------------------------------------------


def shown(suite: Suite, said: Sequence[str]) -> Sheet:
    """The table as the source has it; `said` tells for each row how it differs from its preset."""
    figures = [
        figure for figure in FIGURES if any(getattr(row.reported, figure.field) is not None for row in suite.rows)
    ]
    columns = [Column("row"), *(Column(figure.head, right=True) for figure in figures), Column("what", wraps=True)]
    rows = [
        (row.id, *(_cell(row, figure) for figure in figures), _what(row, changed))
        for row, changed in zip(suite.rows, said, strict=True)
    ]
    notes, marks = _notes(suite.rows, suite.source)
    return Sheet(
        title=suite.title,
        columns=tuple(columns),
        rows=tuple(rows),
        lead=(suite.description, f"Source: {suite.source}"),
        legend=_stars(suite.rows),
        notes=notes,
        marks=marks,
    )


def _what(row: Row, changed: str) -> str:
    recipe = f"{row.recipe} {changed}" if changed != NONE else row.recipe
    return f"{row.title} ({recipe})" if row.title else recipe


def _cell(row: Row, figure: Figure) -> str:
    value = getattr(row.reported, figure.field)
    if value is None:
        return NONE
    return reported(row) if figure.field == "test_accuracy" else figure.show(value)


def reported(row: Row) -> str:
    """The reported test accuracy in percent, with its spread and the mark of its selection: "96.97*", "97.15±0.06?"."""
    told = row.reported
    if told.test_accuracy is None:
        return NONE
    spread = f"±{percent(told.spread)}" if told.spread is not None else ""
    return f"{percent(told.test_accuracy)}{spread}{STARS[told.selection]}"


def _stars(rows: Sequence[Row]) -> tuple[str, ...]:
    used = {row.reported.selection for row in rows if row.reported.test_accuracy is not None}
    return tuple(said for selection, said in LEGEND.items() if selection in used)


def _notes(rows: Sequence[Row], source: str) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]:
    """Every note once, and for each row the numbers of its notes; a source of the row's own is a note as well."""
    numbers: dict[str, int] = {}
    marks = []
    for row in rows:
        said = [row.note, f"Source: {row.source}" if row.source != source else ""]
        marks.append(tuple(numbers.setdefault(note, len(numbers) + 1) for note in said if note))
    return tuple(numbers), tuple(marks)


# --- reported against measured --------------------------------------------------------------------------------


def compared(suite: Suite, rows: Sequence[Row], lines: Sequence[Line], departure: str, width: int = 0) -> Sheet:
    """Reported against measured.

    Args:
        rows: of the suite, and `lines` what was measured of each.
        departure: how our runs differ from the source's, in words.
        width: cells of a terminal, into which a column for the device may not fit; 0 always has one.
    """
    both = any(line.selection == "best_on_test" for line in lines)
    heads = ["row", "reported", "measured", "Δ", *(["last epoch"] if both else []), "n", "time"]
    body = [
        [
            row.id, reported(row), _measured(line), delta(line.difference, 2),
            *([_mean(line.last.mean, line.last.sd)] if both else []), _count(line), work(line.seconds, line.estimated),
        ]
        for row, line in zip(rows, lines, strict=True)
    ]  # fmt: skip
    columns = [Column(head, right=head != "row") for head in heads]
    notes, marks = _notes(rows, suite.source)
    device = [line.device or NONE for line in lines]
    needed = sum(max(len(head), *(len(cells[i]) for cells in body)) + 2 for i, head in enumerate(heads))
    beside = not width or needed + max(map(len, [*device, "device"])) + 6 <= width
    if beside:
        columns.append(Column("device"))
        body = [[*cells, made_on] for cells, made_on in zip(body, device, strict=True)]
    return Sheet(
        title=f"{suite.title}: reported and measured",
        columns=tuple(columns),
        rows=tuple(map(tuple, body)),
        lead=(f"Source: {suite.source}", *([f"Our runs are {departure}."] if departure else [])),
        legend=(
            *_stars(rows),
            *_legend(lines),
            *_tested(lines),
            *([] if beside else _devices(lines)),
            *_troubles(lines),
        ),
        notes=notes,
        marks=marks,
    )


def others(suite: Suite, rows: Sequence[Row], lines: Sequence[Line], departure: str) -> Sheet | None:
    """The source's further figures, each with ours after a stroke; None where it has no others."""
    told = [
        figure
        for figure in FIGURES
        if figure.field not in ("test_accuracy", "weights_mib")
        and any(getattr(row.reported, figure.field) is not None for row in rows)
    ]
    if not told:
        return None
    mixed = any(line.mixed for line in lines) and any(figure.field == "train_accuracy" for figure in told)
    body = [(row.id, *(_pair(row, line, figure) for figure in told)) for row, line in zip(rows, lines, strict=True)]
    return Sheet(
        title="Further figures: reported / measured",
        columns=(Column("row"), *(Column(figure.head, right=True) for figure in told)),
        rows=tuple(body),
        lead=(f"Our runs are {departure}.",) if departure else (),
        legend=("* train accuracy against mixed labels, not comparable with a test accuracy",) if mixed else (),
    )


def detail(row: Row, line: Line, changed: str) -> list[str]:
    """One row in sentences: what it is, what it reports beside ours, what is odd, where it is from."""
    figures = [figure for figure in FIGURES if getattr(row.reported, figure.field) is not None]
    pairs = [f"{figure.head} {_pair(row, line, figure)}" for figure in figures if figure.field != "test_accuracy"]
    told = [_what(row, changed), "   ".join(["reported / ours:", *pairs]) if pairs else "", row.note, row.source]
    return [said for said in told if said]


def _pair(row: Row, line: Line, figure: Figure) -> str:
    """ "0.301 / 0.298"; what one side lacks is a dash, as is a cell that both lack."""
    if figure.field == "paper_error" and row.reported.paper_error is None:
        return NONE
    both = _cell(row, figure), _ours(line, figure)
    return NONE if both == (NONE, NONE) else " / ".join(both)


def _ours(line: Line, figure: Figure) -> str:
    star = "*" if figure.field == "train_accuracy" and line.mixed and line.outcomes else ""
    about = "~" if figure.field in ("hours", "seconds_per_epoch") and line.estimated else ""
    return f"{about}{figure.show(figure.measured(line))}{star}"


def _measured(line: Line) -> str:
    star = STARS[line.selection].replace("?", "")
    return _mean(line.measured.mean, line.measured.sd, HELD_OUT if star and line.best_on == "holdout" else star)


def _mean(mean: float, sd: float, star: str = "") -> str:
    if math.isnan(mean):
        return NONE
    return f"{percent(mean)}{'' if math.isnan(sd) else f'±{percent(sd)}'}{star}"


def _count(line: Line) -> str:
    """Finished runs, and after a plus those that are not: "3+2"."""
    more = f"+{len(line.unfinished)}" if line.unfinished else ""
    return f"{len(line.outcomes)}{more}"


def _legend(lines: Sequence[Line]) -> list[str]:
    said = []
    if any(line.measured.n for line in lines):
        unknown = " (?: our last epoch)" if any(line.selection == "unknown" for line in lines) else ""
        said.append(f"measured: under the selection of the figure beside it{unknown}; Δ in points")
    if any(line.measured.n > 1 for line in lines):
        said.append("±: standard deviation over the n seeds (n - 1)")
    single = [line.interval.half for line in lines if line.measured.n == 1 and line.interval]
    if single:
        said.append(f"of one run, the size of the test set alone leaves ±{percent(max(single))} points open (95 %)")
    if any(HELD_OUT in _measured(line) for line in lines):
        said.append(f"{HELD_OUT} best epoch, picked on images held out of training")
    if any(line.unfinished for line in lines):
        said.append("n: finished runs + others")
    said += [f"{line.id}: {line.repeated}" for line in lines if line.repeated]
    if any(line.estimated for line in lines):
        said.append("~: time at work judged by wall clocks, since these runs did not measure it")
    return said


def _devices(lines: Sequence[Line]) -> list[str]:
    return _shared({line.id: line.device for line in lines if line.device}, "on {}")


def _tested(lines: Sequence[Line]) -> list[str]:
    """How many test images the accuracies are of: some tables were judged on a part of them."""
    return _shared({line.id: f"{line.test_images:,}" for line in lines if line.test_images}, "tested on {} images")


def _shared(facts: Mapping[str, str], words: str) -> list[str]:
    """A fact of the rows: once where it is one for all, else with the rows that it holds for."""
    held: dict[str, list[str]] = {}
    for row, fact in facts.items():
        held.setdefault(fact, []).append(row)
    return [words.format(fact) + (f": {', '.join(ids)}" if len(held) > 1 else "") for fact, ids in held.items()]


def _troubles(lines: Sequence[Line]) -> list[str]:
    """Runs that ended without an end, once each: a row without them would look as if nobody had tried."""
    said: dict[str, str] = {}
    for line in lines:
        for run in line.unfinished:
            if not run.live and run.id not in said:
                why = f" ({run.reason})" if run.reason else ""
                said[run.id] = f"{line.id} seed {run.seed} {run.status}{why} at epoch {run.epoch} of {run.epochs}"
    told = list(said.values())
    more = [f"and {len(told) - MOST_TROUBLES} more"] if len(told) > MOST_TROUBLES else []
    return [f"not finished: {', '.join(told[:MOST_TROUBLES] + more)}"] if told else []
