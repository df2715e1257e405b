"""Which runs a mean counts: none that the user has left out, and each seed once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


def one_a_seed(runs: Iterable[T], seed: Callable[[T], int], age: Callable[[T], Any]) -> tuple[list[T], list[T]]:
    """The newest run of each seed, in the order given, and the other runs, which only repeat a seed.

    A run that occurs twice, in two runs folders or as a copy, is one measurement, and so are two runs of a recipe with
    the same seed: their spread does not show what another seed would give.

    Args:
        age: sort key that puts older runs before newer ones; of equals the first one counts.
    """
    found = list(runs)
    newest: dict[int, int] = {}  # index of the run that counts, by seed
    for place, run in enumerate(found):
        at = newest.setdefault(seed(run), place)
        if age(run) > age(found[at]):
            newest[seed(run)] = place
    counted = set(newest.values())
    kept = [run for place, run in enumerate(found) if place in counted]
    return kept, [run for place, run in enumerate(found) if place not in counted]


def repeated(left_out: Iterable[T], seed: Callable[[T], int]) -> str:
    """Which seeds are repeated, as a sentence: "seed 0 is listed 3 times and counts once"; "" if none is."""
    extra: dict[int, int] = {}
    for run in left_out:
        extra[seed(run)] = extra.get(seed(run), 1) + 1
    notes = [f"seed {number} is listed {_times(times)} and counts once" for number, times in sorted(extra.items())]
    return "; ".join(notes)


def left_out(reasons: Iterable[str]) -> str:
    """How many runs do not count, and why, as the user has said it: "1 left out: wrong crop"; "" if all count.

    Args:
        reasons: of each run of a group; "" for a run that counts.
    """
    found = Counter(reason for reason in reasons if reason)
    if not found:
        return ""
    whys = [why + (f" ({_times(times)})" if times > 1 and len(found) > 1 else "") for why, times in found.items()]
    return f"{found.total()} left out: {', '.join(whys)}"


def _times(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"
