"""The areas of the benchmark by name. An area is imported only when it is asked for, since most of them load torch."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from bench.figures import Row, figure
from bench.plan import Case, Wishes

USUAL: Final = ("train", "augment", "workbench")
"""What a command without areas measures."""
ALL: Final = ("train", "speedrun", "augment", "workbench", "steps", "zoo")
ALIASES: Final = {"engine": ("train",), "all": ALL}


def chosen(words: Sequence[str]) -> tuple[str, ...]:
    """The areas that the words of a command line ask for, each once, in their order."""
    areas = [area for word in words for area in ALIASES.get(word, (word,))]
    return tuple(dict.fromkeys(areas)) or USUAL


def cases(areas: Iterable[str], wishes: Wishes) -> Iterator[Case]:
    """Everything that the areas can measure here."""
    for area in areas:
        if area == "workbench":
            yield _workbench(wishes)
        else:
            yield from importlib.import_module(f"bench.{area}").cases(wishes)


def _workbench(wishes: Wishes) -> Case:
    """The workbench is measured as a whole, since its parts share a folder of runs."""

    def measure() -> Iterator[Row]:
        from bench import workbench

        for row in workbench.measure(quick=wishes.quick):
            yield with_figures(row)

    return Case("workbench", "workbench", 1, 90.0 if wishes.quick else 330.0, measure)


def with_figures(row: Row) -> Row:
    """A row whose plain numbers, except for its target value `bar`, count as measured once, their spread unknown."""
    return {key: figure([value]) if isinstance(value, float) and key != "bar" else value for key, value in row.items()}
