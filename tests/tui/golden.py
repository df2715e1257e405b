"""Screens as text, compared with what is stored in `tests/tui/goldens`.

`CIFAR_TUI_GOLDENS=write` stores them anew; the diff of these files then shows what a change does to every screen.
"""

import difflib
import os
import re
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "goldens"
_SIZES: Final = re.compile(r"\d+(?:\.\d+)? [kMG]?B\b")
"""Sizes of files depend on the version of zlib."""
HOME: Final = "cifar-tui-goldens-"
"""What the name of the folder with the runs begins with. It always has the same length, so that lines break alike."""
_HOMES: Final = re.compile(rf"{HOME}\w*")


def masked(text: str) -> str:
    """The text without trailing blanks, and with every size of a file or name of that folder as so many `#`."""
    hidden = text
    for pattern in (_SIZES, _HOMES):
        hidden = pattern.sub(lambda found: "#" * len(found[0]), hidden)
    return "\n".join(line.rstrip() for line in hidden.splitlines()) + "\n"


def check(name: str, text: str) -> None:
    """Compare a screen with the stored one; the message of a failure is their difference."""
    path, shown = FOLDER / f"{name}.txt", masked(text)
    if os.environ.get("CIFAR_TUI_GOLDENS") == "write":
        path.write_text(shown, encoding="utf-8")
        return
    stored = path.read_text(encoding="utf-8")
    lines = difflib.unified_diff(stored.splitlines(), shown.splitlines(), "stored", "shown", lineterm="", n=0)
    assert shown == stored, f"{name} (CIFAR_TUI_GOLDENS=write stores it anew):\n" + "\n".join(lines)
