"""How often something was measured: runs that differ in nothing but the seed, each seed once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


def one_a_seed(runs: Iterable[T], seed: Callable[[T], int], age: Callable[[T], Any]) -> tuple[list[T], list[T]]:
    """Those that count, in the order given, and those that only repeat a seed: of each seed the newest counts.

    A run that is seen twice, in two folders with runs or as a copy, and the same recipe run twice with one seed are one
    measurement: their spread says nothing of what another seed would give.

    Args:
        age: what sorts older runs before newer ones; of equals the first one counts.
    """
    found = list(runs)
    newest: dict[int, int] = {}  # place of the run that counts, by seed
    for place, run in enumerate(found):
        at = newest.setdefault(seed(run), place)
        if age(run) > age(found[at]):
            newest[seed(run)] = place
    counted = set(newest.values())
    kept = [run for place, run in enumerate(found) if place in counted]
    return kept, [run for place, run in enumerate(found) if place not in counted]


def repeated(left_out: Iterable[T], seed: Callable[[T], int]) -> str:
    """Which seeds are there more than once, in words: "seed 0 is there 3 times and counts once"; "" where none is."""
    extra: dict[int, int] = {}
    for run in left_out:
        extra[seed(run)] = extra.get(seed(run), 1) + 1
    said = [f"seed {number} is there {_times(times)} and counts once" for number, times in sorted(extra.items())]
    return "; ".join(said)


def _times(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"
