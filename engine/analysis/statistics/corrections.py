"""Corrections of p values for a family of comparisons: every comparison that is shown, also those scrolled away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p values that bound the chance of any false positive in the family (Holm 1979).

    Args:
        p: the p values of the whole family, in any order.
    """
    values = np.asarray(p, float)
    order = np.argsort(values, kind="stable")
    factors = len(values) - np.arange(len(values))
    return _in_order(np.minimum(np.maximum.accumulate(factors * values[order]), 1.0), order)


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """Adjusted p values that bound the expected share of false positives among the positives.

    Benjamini and Hochberg 1995, Journal of the Royal Statistical Society B 57:289.
    """
    values = np.asarray(p, float)
    order = np.argsort(values, kind="stable")
    scaled = values[order] * len(values) / (1 + np.arange(len(values)))
    return _in_order(np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0), order)


def _in_order(adjusted: np.ndarray, order: np.ndarray) -> list[float]:
    """Values given from the smallest p value to the largest, in the order of the family."""
    back = np.empty_like(adjusted)
    back[order] = adjusted
    return [float(value) for value in back]
