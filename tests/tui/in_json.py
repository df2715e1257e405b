"""Finds the figures of a drawing in the JSON that is said to hold them."""

import re
from collections.abc import Iterator
from typing import Any

from engine.contract.clock import local_time
from tui.drawing.format import duration, file_size, number, si, whole

FIGURE = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?|(?<![\w.])\.\d+")


def values_of(data: Any) -> Iterator[Any]:
    """Every value in a JSON document."""
    if isinstance(data, dict | list):
        for one in data.values() if isinstance(data, dict) else data:
            yield from values_of(one)
        if isinstance(data, dict):
            yield from data
    else:
        yield data


def writings(value: float) -> Iterator[str]:
    """The ways in which a number is written on the screens."""
    for scaled in (value, 100 * value, value / 2**30):
        yield from (f"{abs(scaled):.{digits}f}" for digits in range(4))
    yield from (whole(value), number(value), si(value), file_size(value), f"{value:.3f}".lstrip("0"))
    if 0 <= value < 1e8:
        yield duration(value)
    if moment := local_time(value):
        yield moment.strftime("%d %b %H:%M %H:%M:%S")


_KNOWN: dict[int, tuple[Any, set[str]]] = {}
"""Documents that have been looked through, by their identity, and the figures that they give."""


def figures_of(document: Any) -> set[str]:
    """Every figure that a number or a text of a JSON document may be written as; worked out once for each document."""
    if id(document) not in _KNOWN:
        known: set[str] = set()
        for value in values_of(document):
            if isinstance(value, bool) or value is None:
                continue
            words = writings(value) if isinstance(value, int | float) else [str(value)]
            known |= {figure for word in words for figure in FIGURE.findall(word)}
        _KNOWN[id(document)] = document, known
    return _KNOWN[id(document)][1]


def figures_without_source(text: str, *documents: Any) -> list[str]:
    """The figures in a text that no number or text of the JSON documents gives."""
    known = set().union(*map(figures_of, documents))
    return [figure for figure in FIGURE.findall(text) if figure not in known]
