"""Numbers and foreign text as short plain text. No styles, no widgets, no clock of its own.

Widths are terminal cells, accuracies come in as 0..1 and leave as percent, times are seconds.
"""

from __future__ import annotations

import locale
import math
from collections.abc import Sequence
from typing import Literal

from engine.contract.clock import local_time
from engine.contract.numbers import NONE as NONE
from engine.contract.numbers import counted as counted
from engine.contract.numbers import duration as duration
from engine.contract.numbers import learning_rate as learning_rate
from engine.contract.numbers import number as number
from engine.contract.text import file_size as file_size

Glyphs = Literal["braille", "block", "ascii"]
"""What the terminal's font can show: everything, all but braille, or nothing beyond ASCII."""

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_SPARKS = "▁▂▃▄▅▆▇█"
_ASCII = str.maketrans(
    {
        **dict.fromkeys("─┄━", "-"),
        **dict.fromkeys("│┤├", "|"),
        **dict.fromkeys("└┬┴┼┌┐┘", "+"),
        **dict.fromkeys("█▉▊▋▌▇▆▅", "#"),
        **dict.fromkeys("▍▎▏", " "),
        **dict.fromkeys("░▁▂·", "."),
        **dict.fromkeys("▃▄", ":"),
        **dict.fromkeys("●■◆✓", "*"),
        **dict.fromkeys("•◌", "o"),
        "✗": "x", "…": "~", "▲": "^", "▼": "v", "▾": "v", "▸": ">", "→": ">", "Δ": "d", "°": " ",
        "±": "~", "⣀": "_", "×": "x",
    }
)  # fmt: skip


def glyphs_of_locale() -> Glyphs:
    """Braille where the locale speaks UTF-8, ASCII elsewhere."""
    return "braille" if locale.getpreferredencoding(False).lower().replace("-", "") == "utf8" else "ascii"


def to_ascii(text: str) -> str:
    """`text` with our own drawing glyphs replaced by ASCII of the same width."""
    return text.translate(_ASCII)


def percent(accuracy: float, digits: int = 2) -> str:
    """0.93614 -> "93.61"."""
    return NONE if math.isnan(accuracy) else f"{100 * accuracy:.{digits}f}"


def mean_over_runs(accuracy: float, spread: float, runs: int, star: str = "") -> str:
    """0.884, 0.0011, 3 -> "88.40 ±0.11"; one run has no spread to show: "88.40"."""
    return f"{percent(accuracy)}{star}" + (f" ±{percent(spread)}" if runs > 1 else "")


def delta(difference: float, digits: int = 1) -> str:
    """A difference of accuracies in percentage points, always signed: 0.002 -> "+0.2"."""
    if math.isnan(difference):
        return NONE
    points = round(100 * difference, digits)
    return f"{points + 0.0 if points else 0.0:+.{digits}f}"


def whole(value: float) -> str:
    """5213.7 -> "5,214"."""
    return NONE if not math.isfinite(value) else f"{value:,.0f}"


def si(value: float) -> str:
    """21282122 -> "21.3 M", 62006 -> "62 k"."""
    if not math.isfinite(value):
        return NONE
    for scale, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value:.3g}"


def gigabytes(size: float, digits: int = 0) -> str:
    """Bytes as binary gigabytes without the unit; a little is "<0.1" (or "<1"), never "0.0"."""
    if not math.isfinite(size):
        return NONE
    text = f"{size / 2**30:.{digits}f}"
    return f"<{10**-digits:g}" if size > 0 and not float(text) else text


def work(seconds: float, estimated: bool) -> str:
    """Time at work: "1 m 15", or "~1 m 15" where it was judged by wall clocks."""
    return f"{'~' if estimated and math.isfinite(seconds) else ''}{duration(seconds)}"


def picked(accuracy: float, best_on: str) -> str:
    """The accuracy of a best epoch in percent, with a star where it was picked on the test set: "96.51*"."""
    return percent(accuracy) + ("*" if best_on == "test" and not math.isnan(accuracy) else "")


def age(seconds: float) -> str:
    """How long ago, in the one unit that matters: "2 s ago", "5 min ago", "3 h ago", "12 d ago"."""
    if not math.isfinite(seconds):
        return NONE
    seconds = max(seconds, 0.0)
    for limit, unit, size in ((100, "s", 1), (5400, "min", 60), (129_600, "h", 3600)):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds / 86400:.0f} d ago"


def clock(t: float, seconds: bool = True) -> str:
    """Unix seconds as local time of day; as many question marks for a time that no calendar has."""
    moment = local_time(t)
    pattern = "%H:%M:%S" if seconds else "%H:%M"
    return moment.strftime(pattern) if moment else pattern.replace("%H", "??").replace("%M", "??").replace("%S", "??")


def bar(fraction: float, cells: int, empty: str = " ") -> str:
    """A bar of `cells` cells, filled to `fraction` in eighths of a cell; `empty` fills the rest.

    A fraction above zero shows at least one eighth, and only a whole one shows a full bar.
    """
    if cells <= 0:
        return ""
    if not math.isfinite(fraction):
        return empty * cells
    eighths = min(max(round(fraction * cells * 8), 1 if fraction > 0 else 0), cells * 8)
    if fraction < 1:
        eighths = min(eighths, cells * 8 - 1)
    full, part = divmod(eighths, 8)
    drawn = "█" * full + (_EIGHTHS[part] if part else "")
    return drawn + empty * (cells - len(drawn))


def spark(values: Sequence[float], cells: int, high: float = 1.0) -> str:
    """The last `cells` values as little columns between 0 and `high`; a gap where none was measured."""
    if high <= 0:
        high = 1.0
    return "".join(
        " " if math.isnan(value) else _SPARKS[int(min(max(value / high * 7.999, 0), 7))] for value in values[-cells:]
    )


def going_on(runs: int) -> str:
    """`1 run goes on`, `3 runs go on`."""
    return f"{runs} runs go on" if runs > 1 else f"{runs} run goes on"
