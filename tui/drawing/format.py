"""Numbers as short plain text.

Widths are terminal cells. Accuracies are 0..1 in arguments and percent in the text. Times are in seconds.
"""

from __future__ import annotations

import locale
import math
import os
from collections.abc import Sequence
from typing import Final, Literal, get_args

from engine.contract.clock import local_time
from engine.contract.numbers import NONE as NONE
from engine.contract.numbers import counted as counted
from engine.contract.numbers import duration as duration
from engine.contract.numbers import learning_rate as learning_rate
from engine.contract.numbers import number as number
from engine.contract.text import file_size as file_size

Glyphs = Literal["braille", "block", "ascii"]
"""What the terminal can show: everything, everything except braille, or ASCII only."""
GLYPHS: Final[tuple[Glyphs, ...]] = get_args(Glyphs)

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_SPARKS = "▁▂▃▄▅▆▇█"
_ASCII = str.maketrans(
    {
        **dict.fromkeys("─┄╺", "-"),
        **dict.fromkeys("━╸", "="),
        **dict.fromkeys("│┤├┿", "|"),
        **dict.fromkeys("└┬┴┼┌┐┘", "+"),
        **dict.fromkeys("█▉▊▋▌▇▆▅", "#"),
        **dict.fromkeys("▍▎▏", " "),
        **dict.fromkeys("░▁▂·", "."),
        **dict.fromkeys("▃▄┊", ":"),
        **dict.fromkeys("○□△◇▽", "B"),
        **dict.fromkeys("•✓", "+"),
        **{chr(dots): "." for dots in range(0x2801, 0x2900)},
        "●": "o", "■": "#", "▲": "^", "◆": "*", "▼": "v", "◌": ".", "✗": "x", "⠀": " ", "┈": " ",
        "…": "~", "▾": "v", "▸": ">", "→": ">", "↑": "^", "↓": "v", "Δ": "d", "°": " ", "±": "~", "×": "x", "∞": "~",
    }
)  # fmt: skip


def glyphs_of_terminal() -> Glyphs:
    """What this terminal can show: ASCII unless the locale speaks UTF-8; by TERM where its font is known to be poor.

    The font of the Linux console has blocks but no braille; VT terminals and dumb ones have neither.
    """
    if locale.getpreferredencoding(False).lower().replace("-", "") != "utf8":
        return "ascii"
    name = os.environ.get("TERM", "")
    if name == "dumb" or name.startswith(("vt1", "vt2", "ansi", "cons")):
        return "ascii"
    return "block" if name.startswith("linux") else "braille"


def to_ascii(text: str) -> str:
    """`text` with the drawing glyphs replaced by ASCII characters of the same width."""
    return text.translate(_ASCII)


def percent(accuracy: float, digits: int = 2) -> str:
    """0.93614 -> "93.61"."""
    return NONE if math.isnan(accuracy) else f"{100 * accuracy:.{digits}f}"


def mean_over_runs(accuracy: float, spread: float, runs: int, star: str = "") -> str:
    """0.884, 0.0011, 3 -> "88.40 ±0.11"; a single run has no spread: "88.40"."""
    return f"{percent(accuracy)}{star}" + (f" ±{percent(spread)}" if runs > 1 else "")


def delta(difference: float, digits: int = 1) -> str:
    """A difference of accuracies in percentage points, always with a sign: 0.002 -> "+0.2"."""
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
    """Bytes as binary gigabytes, without the unit. A small nonzero size is "<0.1" (or "<1"), never "0.0"."""
    if not math.isfinite(size):
        return NONE
    text = f"{size / 2**30:.{digits}f}"
    return f"<{10**-digits:g}" if size > 0 and not float(text) else text


def work(seconds: float, estimated: bool) -> str:
    """Working time: "1 m 15", or "~1 m 15" if it was estimated from wall-clock times."""
    return f"{'~' if estimated and math.isfinite(seconds) else ''}{duration(seconds)}"


def picked(accuracy: float, best_on: str) -> str:
    """The accuracy of the best epoch in percent, with a star if that epoch was picked on the test set: "96.51*"."""
    return percent(accuracy) + ("*" if best_on == "test" and not math.isnan(accuracy) else "")


def age(seconds: float) -> str:
    """How long ago, in a single unit: "2 s ago", "5 min ago", "3 h ago", "12 d ago"."""
    if not math.isfinite(seconds):
        return NONE
    seconds = max(seconds, 0.0)
    for limit, unit, size in ((100, "s", 1), (5400, "min", 60), (129_600, "h", 3600)):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds / 86400:.0f} d ago"


def clock(t: float, seconds: bool = True) -> str:
    """Unix seconds as local time of day; question marks for a time outside the calendar."""
    moment = local_time(t)
    pattern = "%H:%M:%S" if seconds else "%H:%M"
    return moment.strftime(pattern) if moment else pattern.replace("%H", "??").replace("%M", "??").replace("%S", "??")


def bar(fraction: float, cells: int, empty: str = " ") -> str:
    """A bar of `cells` cells, filled to `fraction` in steps of an eighth of a cell; `empty` fills the rest.

    A fraction above 0 shows at least one eighth, and only a fraction of 1 fills the bar.
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
    """The last `cells` values as a sparkline from 0 to `high`, with gaps where nothing was measured."""
    if high <= 0:
        high = 1.0
    return "".join(
        " " if math.isnan(value) else _SPARKS[int(min(max(value / high * 7.999, 0), 7))] for value in values[-cells:]
    )


def keep_running(runs: int) -> str:
    """ "1 run keeps running", "3 runs keep running"."""
    return f"{counted(runs, 'run')} {'keeps' if runs == 1 else 'keep'} running"


def place_in_line(place: int) -> str:
    """The place of a run in the queue of its device: 1 -> "1st in line", 3 -> "3rd in line"; 0 -> ""."""
    if not place:
        return ""
    suffix = "th" if place % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{suffix} in line"
