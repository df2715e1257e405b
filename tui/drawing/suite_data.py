"""The rows of a suite and its report as data: nested for JSON, flat for a spreadsheet. Accuracies are 0..1."""

from __future__ import annotations

import math
from typing import Any

from engine.analysis.report import Line
from engine.analysis.stats import spread
from presets.suites import Row
from tui.drawing.suite_table import FIGURES


def as_data(row: Row, line: Line, recipe_id: str, changed: str) -> dict[str, Any]:
    """A row of the report for JSON. Accuracies 0..1."""
    interval = line.interval
    own = {figure.field: figure.measured(line) for figure in FIGURES if figure.field != "weights_mib"}
    return {
        "id": row.id,
        "title": row.title,
        "recipe": row.recipe,
        "changes": changed,
        "recipe_id": recipe_id,
        "selection": line.selection,
        "reported": told(row),
        "measured": {
            "n": line.measured.n,
            "seeds": [run.seed for run in line.outcomes],
            "test_accuracy": line.measured.mean,
            "spread": line.measured.sd,
            "interval": [interval.low, interval.high] if interval else None,
            **{key: value for key, value in own.items() if key not in ("test_accuracy", "paper_error")},
            "train_mixed": line.mixed,
            "test_images": line.test_images or None,
            "seconds": line.seconds,
            "seconds_estimated": line.estimated,
            "device": line.device or None,
            "runs": [run.run for run in line.outcomes],
        },
        "last": {"test_accuracy": line.last.mean, "spread": line.last.sd},
        "best_on_test": _best(line, "test"),
        "best_on_holdout": _best(line, "holdout"),
        "repeated": line.repeated,
        "difference": line.difference,
        "unfinished": [{"id": run.id, "seed": run.seed, "status": run.status} for run in line.unfinished],
        "source": row.source,
        "note": row.note,
    }


def _best(line: Line, picked_on: str) -> dict[str, float]:
    """The best epochs, where they were picked on just this."""
    found = line.best if line.best_on == picked_on else spread(())
    return {"test_accuracy": found.mean, "spread": found.sd}


def told(row: Row) -> dict[str, Any]:
    """What was reported, an empty cell as None."""
    return {key: None if value == "" else value for key, value in row.reported.model_dump().items()}


def flat(data: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables as columns of a spreadsheet: `reported_test_accuracy`; lists as one cell of words."""
    found: dict[str, Any] = {}
    for key, value in data.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            found |= flat(value, f"{name}_")
        elif key == "interval":
            found[f"{prefix}low"], found[f"{prefix}high"] = value or (None, None)
        elif isinstance(value, list):
            found[name] = " ".join(str(item["id"] if isinstance(item, dict) else item) for item in value)
        else:
            found[name] = None if isinstance(value, float) and math.isnan(value) else value
    return found
