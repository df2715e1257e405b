"""The exception for a user's mistake, its did-you-mean, and the exception for a run that did not start."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final


class BadInput(Exception):
    """Something the user gave cannot be used: reported line by line, exit code 2, no traceback.

    `problems` holds one clear line per mistake: the value, where it came from, the nearest valid choice.
    """

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems: list[str] = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


def user_path(given: str | Path) -> Path:
    """A path that a person gave, `~` and `~user` filled in; BadInput where there is no such user."""
    try:
        return Path(given).expanduser()
    except RuntimeError:
        raise BadInput(f"{str(given)!r}: no such user") from None


class StartFailed(Exception):
    """A run could not be started; the message says why, in the words of its log if there are any."""


FEW: Final = 10
"""So many choices are named where none is close."""


def nearest(word: str, choices: Iterable[str]) -> str:
    """`"; did you mean X?"` for the closest choice, or `""` when nothing is close."""
    lowered: dict[str, str] = {}
    for choice in choices:
        lowered.setdefault(choice.lower(), choice)  # of two spellings the first counts: names come before aliases
    close = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return f"; did you mean {lowered[close[0]]}?" if close else ""


def nearest_or_all(word: str, choices: Collection[str]) -> str:
    """`nearest`; where none is close but there are few, all of them: `"; there are X, Y, Z"`."""
    listed = f"; there {'is' if len(choices) == 1 else 'are'} {', '.join(choices)}" if 0 < len(choices) <= FEW else ""
    return nearest(word, choices) or listed
