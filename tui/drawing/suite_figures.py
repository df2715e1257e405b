"""The figures of a suite's row, reported beside measured: as text for tables, and as data for JSON and CSV."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from engine.analysis.report import Outcome, Reproduction
from engine.analysis.stats import spread
from presets.suites import Row
from tui.drawing.format import NONE, percent

STARS: Final = {"best_on_test": "*", "last": "", "unknown": "?"}
"""The mark behind an accuracy, by the rule that selected its epoch."""
HELD_OUT: Final = "h"
"""Marks a best epoch of ours that was picked on held-out images, where the source picked on the test set."""
MIB: Final = 2**20


@dataclass(frozen=True, slots=True)
class ReportedField:
    """A field of `Reported`: its column head, how it is written, and how our runs measure the same."""

    field: str
    head: str
    show: Callable[[float], str]
    measured: Callable[[Reproduction], float]


def _percent(value: float) -> str:
    return percent(value)


def _decimals(digits: int) -> Callable[[float], str]:
    return lambda value: NONE if math.isnan(value) else f"{value:.{digits}f}"


def _mean(of: Callable[[Outcome], float]) -> Callable[[Reproduction], float]:
    return lambda result: result.over(of).mean


FIGURES: Final = (
    ReportedField("test_accuracy", "test %", _percent, lambda result: result.measured.mean),
    ReportedField("paper_error", "paper error %", _percent, lambda result: 1 - result.last.mean),
    ReportedField(
        "train_accuracy", "train %", _percent, lambda result: result.at(lambda epoch: epoch.train_accuracy).mean
    ),
    ReportedField("test_loss", "test loss", _decimals(3), lambda result: result.at(lambda epoch: epoch.test_loss).mean),
    ReportedField(
        "train_loss", "train loss", _decimals(3), lambda result: result.at(lambda epoch: epoch.train_loss).mean
    ),
    ReportedField("params_m", "params, M", _decimals(2), _mean(lambda run: run.params / 1e6)),
    ReportedField("gpu_memory_mib", "GPU, MiB", _decimals(0), _mean(lambda run: run.gpu_bytes / MIB)),
    ReportedField("hours", "hours", _decimals(2), _mean(lambda run: run.seconds / 3600)),
    ReportedField(
        "seconds_per_epoch", "s/epoch", _decimals(1), _mean(lambda run: run.seconds / max(run.last.epoch, 1))
    ),
    ReportedField("weights_mib", "weights, MiB", _decimals(2), lambda result: math.nan),
)
"""In column order. `weights_mib` is the size of the source's weights file; we measure nothing comparable."""


# --- as text --------------------------------------------------------------------------------------------------


def reported_accuracy(row: Row) -> str:
    """The reported test accuracy in percent with its spread and selection mark: "96.97*", "97.15±0.06?"."""
    reported = row.reported
    if reported.test_accuracy is None:
        return NONE
    sd = f"±{percent(reported.spread)}" if reported.spread is not None else ""
    return f"{percent(reported.test_accuracy)}{sd}{STARS[reported.selection]}"


def reported_text(row: Row, figure: ReportedField) -> str:
    """A reported figure as text; "-" if the source does not give it."""
    value = getattr(row.reported, figure.field)
    if value is None:
        return NONE
    return reported_accuracy(row) if figure.field == "test_accuracy" else figure.show(value)


def measured_text(result: Reproduction, figure: ReportedField) -> str:
    """The same figure of our runs. `*`: train accuracy against mixed labels; `~`: a time that is an estimate."""
    star = "*" if figure.field == "train_accuracy" and result.mixed and result.outcomes else ""
    about = "~" if figure.field in ("hours", "seconds_per_epoch") and result.estimated else ""
    return f"{about}{figure.show(figure.measured(result))}{star}"


def both_texts(row: Row, result: Reproduction, figure: ReportedField) -> str:
    """ "0.301 / 0.298": reported / measured. A missing side is "-"; so is the whole if both are missing."""
    if figure.field == "paper_error" and row.reported.paper_error is None:
        return NONE
    both = reported_text(row, figure), measured_text(result, figure)
    return NONE if both == (NONE, NONE) else " / ".join(both)


def measured_accuracy(result: Reproduction) -> str:
    """Our test accuracy under the source's selection rule: mean, standard deviation, mark."""
    star = STARS[result.selection].replace("?", "")
    mark = HELD_OUT if star and result.best_on == "holdout" else star
    return mean_and_sd(result.measured.mean, result.measured.sd, mark)


def mean_and_sd(mean: float, sd: float, mark: str = "") -> str:
    """ "95.50±0.71*"; a single run has no standard deviation: "95.50*"."""
    if math.isnan(mean):
        return NONE
    return f"{percent(mean)}{'' if math.isnan(sd) else f'±{percent(sd)}'}{mark}"


# --- as data --------------------------------------------------------------------------------------------------


def row_data(row: Row, result: Reproduction, recipe_id: str, changed: str) -> dict[str, Any]:
    """A row of the report for JSON. Accuracies are 0..1."""
    interval = result.interval
    own = {figure.field: figure.measured(result) for figure in FIGURES if figure.field != "weights_mib"}
    return {
        "id": row.id,
        "title": row.title,
        "recipe": row.recipe,
        "changes": changed,
        "recipe_id": recipe_id,
        "selection": result.selection,
        "reported": reported_data(row),
        "measured": {
            "n": result.measured.n,
            "seeds": [run.seed for run in result.outcomes],
            "test_accuracy": result.measured.mean,
            "spread": result.measured.sd,
            "interval": [interval.low, interval.high] if interval else None,
            **{key: value for key, value in own.items() if key not in ("test_accuracy", "paper_error")},
            "train_mixed": result.mixed,
            "test_images": result.test_images or None,
            "seconds": result.seconds,
            "seconds_estimated": result.estimated,
            "device": result.device or None,
            "runs": [run.run for run in result.outcomes],
        },
        "last": {"test_accuracy": result.last.mean, "spread": result.last.sd},
        "best_on_test": _best_data(result, "test"),
        "best_on_holdout": _best_data(result, "holdout"),
        "repeated": result.repeated,
        "left_out": result.left_out,
        "difference": result.difference,
        "unfinished": [{"id": run.id, "seed": run.seed, "status": run.status} for run in result.unfinished],
        "source": row.source,
        "note": row.note,
    }


def reported_data(row: Row) -> dict[str, Any]:
    """Everything that was reported, an empty cell as None."""
    return {key: None if value == "" else value for key, value in row.reported.model_dump().items()}


def _best_data(result: Reproduction, picked_on: str) -> dict[str, float]:
    """The best epochs if they were picked on `picked_on`, else NaN."""
    found = result.best if result.best_on == picked_on else spread(())
    return {"test_accuracy": found.mean, "spread": found.sd}


def flatten(data: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables as columns of a spreadsheet: `reported_test_accuracy`; a list becomes one cell of words."""
    found: dict[str, Any] = {}
    for key, value in data.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            found |= flatten(value, f"{name}_")
        elif key == "interval":
            found[f"{prefix}low"], found[f"{prefix}high"] = value or (None, None)
        elif isinstance(value, list):
            found[name] = " ".join(str(item["id"] if isinstance(item, dict) else item) for item in value)
        else:
            found[name] = None if isinstance(value, float) and math.isnan(value) else value
    return found
