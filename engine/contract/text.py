"""Text from runs, logs and files is data: whatever could control a terminal is removed before it is shown."""

from __future__ import annotations

import math
import re

# C0 except \t and \n, DEL and C1; lone surrogates, which cannot be printed; soft hyphen, zero-width characters,
# marks and isolates that reorder text, line and paragraph separators, the byte order mark, tag characters.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]"
)


def clean(text: str) -> str:
    """The text without characters that move the cursor, or reorder or hide other characters; tabs and newlines stay."""
    return _UNSAFE.sub("", text)


def one_line(text: str, width: int = 0) -> str:
    """Clean text on a single line with white space collapsed, cut to `width` characters (0: not cut)."""
    line = " ".join(clean(text).split())
    return line if not width or len(line) <= width else line[: max(width - 1, 0)] + "…"


def file_size(size: float) -> str:
    """171000000 -> "171 MB" (decimal units, as in `ls -h --si`); "-" for NaN, an unknown size."""
    if not math.isfinite(size):
        return "-"
    for scale, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= 0.9995 * scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size:.0f} B"


def escaped(toml: str) -> str:
    """TOML text with escapes for the characters that `clean` removes: they only occur in strings, which stay equal."""
    return _UNSAFE.sub(lambda found: f"\\U{ord(found[0]):08X}", toml)
