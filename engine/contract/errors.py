"""The exception for a user's mistake, its did-you-mean hint, and the exception for a run that could not be started."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final


class BadInput(Exception):
    """Invalid input from the user: reported line by line, with exit code 2 and no traceback.

    `problems` holds one line per mistake: the value, where it came from, the nearest valid choice.
    """

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems: list[str] = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


def user_path(given: str | Path) -> Path:
    """A path that the user gave, with `~` and `~user` expanded; BadInput if there is no such user."""
    try:
        return Path(given).expanduser()
    except RuntimeError:
        raise BadInput(f"{str(given)!r}: no such user") from None


class StartFailed(Exception):
    """A run could not be started; the message says why, with the last line of its log if there is one."""


FEW: Final = 10
"""Up to this many choices are listed if none is close."""


def nearest(word: str, choices: Iterable[str]) -> str:
    """`"; did you mean X?"` for the closest choice, or `""` if nothing is close."""
    lowered: dict[str, str] = {}
    for choice in choices:
        lowered.setdefault(choice.lower(), choice)  # the first of two spellings wins: names come before aliases
    close = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return f"; did you mean {lowered[close[0]]}?" if close else ""


def nearest_or_all(word: str, choices: Collection[str]) -> str:
    """As `nearest`, but if no choice is close and there are at most ten, list them all: `"; choose from X, Y, Z"`."""
    verb = "the only choice is" if len(choices) == 1 else "choose from"
    listed = f"; {verb} {', '.join(choices)}" if 0 < len(choices) <= FEW else ""
    return nearest(word, choices) or listed
