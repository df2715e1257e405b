"""Values that are made again only when what they are made from has changed."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar, cast

T = TypeVar("T")


class Kept:
    """The last value of each name, with what it was made from. It holds one value for each name, whatever comes."""

    def __init__(self) -> None:
        self._values: dict[Hashable, tuple[object, object]] = {}

    def get(self, name: Hashable, made_from: object, make: Callable[[], T]) -> T:
        """The value of this name; `make` makes it if it was made from something else, or not yet.

        Args:
            made_from: everything that the value depends on, to be compared with `==`: values that are never changed
                in place, and `Same` for what is costly to compare.
        """
        known = self._values.get(name)
        if known is None or known[0] != made_from:
            known = self._values[name] = (made_from, make())
        return cast(T, known[1])


class Same:
    """An object that is equal to itself alone, however it compares. It is held, so that no other takes its id."""

    __slots__ = ("_one",)

    def __init__(self, one: object) -> None:
        self._one = one

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other._one is self._one

    def __hash__(self) -> int:
        return hash((Same, id(self._one)))
