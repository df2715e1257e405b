"""The decorator that makes a function or class a part: a model, augmentation op, optimizer, schedule, loss and so on.

This is the module that a file of parts imports, whether the engine's own or a user's. It imports nothing of ours and
keeps no registry: `engine.contract.recipe.catalog` reads the decorators from source.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spec:
    """Help and limits of one option, for forms, help texts and validation: `Annotated[float, Spec("...", ge=0.0)]`."""

    help: str
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    unit: str = ""


def register(kind: str, *, title: str, name: str = "", **facts: Any) -> Callable[[T], T]:
    """Mark a function or class as a part and return it unchanged.

    Args:
        kind: one of `engine.contract.recipe.catalog.KINDS`.
        title: shown in lists and forms.
        name: the part's name; by default the name of the function, or of the class in snake_case.
        facts: literals such as year, paper, paper_result, family, params, gmacs, aliases, stage and conflicts; for a
            model also single_pixels: True if its batch norm sees feature maps of 1x1 px; and groups: rules for its
            parameters as tuples (match, lr, decay, until), which a recipe without `optimizer.groups` gets.
    """
    return lambda part: part
