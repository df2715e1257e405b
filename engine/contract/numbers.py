"""Numbers as short plain text, for messages of every package."""

from __future__ import annotations

import math

NONE = "-"
"""Stands for a number that was not measured."""


def number(value: float, digits: int = 3) -> str:
    """A loss, a norm or a rate: `digits` decimals near one, else scientific notation such as 1.1e-3."""
    if math.isnan(value):
        return NONE
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    size = abs(value)
    if size and (size < 10.0 ** (1 - digits) or size >= 1e6):
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    return f"{value:.{digits if size < 100 else 1}f}"


def learning_rate(value: float) -> str:
    """Three significant digits: 0.00441, 1.2e-5, 0."""
    if math.isnan(value):
        return NONE
    if 0 < abs(value) < 1e-3:
        return number(value)
    return f"{value:.3g}"


def counted(count: int, noun: str) -> str:
    """1 and "run" -> "1 run", 3 -> "3 runs"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def duration(seconds: float) -> str:
    """9.6 -> "9.6 s", 75 -> "1 m 15", 3900 -> "1 h 05", 200000 -> "2 d 7 h"."""
    if not math.isfinite(seconds):
        return NONE
    seconds = max(seconds, 0.0)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole_seconds = round(seconds)
    if whole_seconds < 60:
        return f"{whole_seconds} s"
    if whole_seconds < 3600:
        return f"{whole_seconds // 60} m {whole_seconds % 60:02d}"
    minutes = round(seconds / 60)
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02d}"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24} h"
