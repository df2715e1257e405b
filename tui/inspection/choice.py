"""What keys choose in a tab, as the options of the command that prints it: an order, a class, a cell, an image."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

from engine.contract.errors import BadInput, nearest_or_all

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TabOptions:
    """The options of `runs show --tab`; the defaults are what a tab shows before any key."""

    order: str = ""
    label: str = ""
    """The name of the only class whose images are shown."""
    cell: str = ""
    """The names of a true class and of the class given, with a colon between them."""
    image: str = ""
    """The index of an image in its data set."""
    suspects: bool = False
    percent: bool = False

    def refuse_all_but(self, known: Collection[str], tab: str) -> None:
        """BadInput for an option that means nothing in a tab: one that is given, and whose field is not in `known`."""
        for field in fields(self):
            if getattr(self, field.name) != field.default and field.name not in known:
                raise BadInput(f"{option_of(field.name)} means nothing in {tab}")


def option_of(field: str) -> str:
    """The option for a field of `TabOptions`."""
    return {"label": "--class"}.get(field, f"--{field}")


def picked(field: str, value: str, among: Mapping[str, T]) -> T:
    """The choice with this name. Raises BadInput with the nearest ones."""
    if value not in among:
        raise BadInput(f"{option_of(field)} {value!r}: unknown{nearest_or_all(value, list(among))}")
    return among[value]


def by_name(classes: Sequence[str]) -> dict[str, int]:
    """The numbers of classes by their names."""
    return {name: number for number, name in enumerate(classes)}
