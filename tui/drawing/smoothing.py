"""Centered smoothing of a curve."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from engine.analysis.series import Array

_BLOCK: Final = 256  # 0.6 to this power is 1e-57, far from underflow


def smooth(y: npt.ArrayLike, weight: float) -> Array:
    """The mean of two bias-corrected exponential averages: one that runs forwards and one that runs backwards.

    A one-sided average lags by w / (1 - w) points behind a slope; this one does not. NaN stays NaN and is skipped.

    Args:
        weight: w in 0..1; 0 changes nothing.
    """
    values = np.asarray(y, dtype=np.float64)
    seen = np.isfinite(values)
    if weight <= 0 or not seen.any():
        return values
    measured = values[seen]
    out = np.full_like(values, np.nan)
    out[seen] = (_average(measured, weight) + _average(measured[::-1], weight)[::-1]) / 2
    return out


def _average(values: Array, weight: float) -> Array:
    """a_i = sum_j w^(i-j) v_j / sum_j w^(i-j) over j <= i (the bias correction of Adam, arXiv:1412.6980, section 3)."""
    return _decayed_sum(values, weight) / _decayed_sum(np.ones_like(values), weight)


def _decayed_sum(values: Array, weight: float) -> Array:
    """s_i = weight * s_(i-1) + v_i, in blocks short enough that no power of the weight underflows."""
    powers = weight ** np.arange(1, _BLOCK + 1)
    out = np.empty_like(values)
    carry = 0.0
    for start in range(0, len(values), _BLOCK):
        block = values[start : start + _BLOCK]
        scale = powers[: len(block)]
        out[start : start + _BLOCK] = scale * (carry + np.cumsum(block / scale))
        carry = float(out[min(start + _BLOCK, len(values)) - 1])
    return out
