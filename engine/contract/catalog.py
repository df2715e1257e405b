"""The mark that makes a function or class a part: models, augmentation ops, optimizers, schedules, losses and more.

This module is what a file of parts imports, the engine's own and a user's alike. It imports nothing and keeps nothing:
`engine.contract.recipe.catalog` reads the marks from source.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spec:
    """What a form, a help line and a check need to know about one option: `Annotated[float, Spec("...", ge=0.0)]`."""

    help: str
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    unit: str = ""


def register(kind: str, *, title: str, name: str = "", **facts: Any) -> Callable[[T], T]:
    """Mark a part. Returns the function or class unchanged and keeps nothing.

    Args:
        kind: one of `engine.contract.recipe.catalog.KINDS`.
        title: what lists and forms show.
        name: the part's name; by default that of the function, or that of the class in snake_case.
        facts: literals such as year, paper, paper_result, family, params, gmacs, aliases, stage and conflicts; for a
            model also single_pixels, True if its batch norm sees maps of 1x1 px.
    """
    return lambda part: part
