"""Figures of a run on further test sets: intervals, averages over corruptions, and two runs on the same images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from statistics import NormalDist, fmean
from typing import Any

from engine.analysis.stats import Interval, wilson
from engine.contract.run.predicted import SEVERITIES, Predicted


def interval(one: Predicted, confidence: float = 0.95) -> Interval | None:
    """Confidence interval of the accuracy of this model on unlimited images; None without labels.

    Of a corruption set only the original images count, as all versions of an image are alike: the mean over versions is
    taken for each image, and the interval is that of the mean over images.
    """
    if not one.labeled:
        return None
    if not one.corrupted:
        return wilson(one.accuracy, one.images, confidence)
    if not math.isfinite(one.sd) or one.originals < 2:
        return None
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * one.sd / math.sqrt(one.originals)
    return Interval(max(one.accuracy - half, 0.0), min(one.accuracy + half, 1.0))


def averaged(one: Predicted) -> list[dict[str, Any]]:
    """The corruptions that the accuracy is the mean of: the standard ones, or all if there is none of these."""
    standard = [row for row in one.corruptions if row.get("standard")]
    return standard or list(one.corruptions)


def extra(one: Predicted) -> list[dict[str, Any]]:
    """The other corruptions, which are reported apart."""
    counted = {row["name"] for row in averaged(one)}
    return [row for row in one.corruptions if row["name"] not in counted]


def by_severity(rows: Sequence[dict[str, Any]]) -> list[float]:
    """The mean accuracy of corruptions at each severity."""
    return [fmean(row["accuracy"][at] for row in rows) for at in range(SEVERITIES)] if rows else []


def mean_of(rows: Sequence[dict[str, Any]]) -> float:
    """The mean accuracy of corruptions over all severities; NaN without any."""
    return fmean(by_severity(rows)) if rows else math.nan


def to_json(one: Predicted) -> dict[str, Any]:
    """An entry of `data_sets` in `runs show --json`, and the object of `runs predict --json`."""
    found = interval(one)
    table = asdict(one)
    for key in ("schema", "arrays", "sd"):
        del table[key]
    rows, others = averaged(one), extra(one)
    return table | {
        "interval": [found.low, found.high] if found else None,
        "corruptions": [row | {"mean": fmean(row["accuracy"])} for row in one.corruptions],
        "averaged": [row["name"] for row in rows],
        "by_severity": by_severity(rows),
        "mean_error": 1 - one.accuracy if one.corrupted else None,
        "extra_accuracy": mean_of(others) if others else None,
    }
