"""The ops of an augmentation, including those inside combinators: how to walk them and where each of them runs.

An op comes in two forms: a `Choice` of a resolved recipe, or what a person wrote, which is a name or a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, TypeVar

from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.schema import Choice

Stage = Literal["geometry", "image", "batch"]

STAGES: Final[tuple[Stage, ...]] = ("geometry", "image", "batch")
"""In the order in which they run: ops that move pixels, other ops on single images, ops that mix a batch."""

Op = TypeVar("Op", bound=Choice | Mapping[str, Any] | str)


def name_of(op: Choice | Mapping[str, Any] | str) -> str:
    """The name of an op in either form; "" for a table without one."""
    if isinstance(op, Choice):
        return op.name
    return str(op.get("name", "")) if isinstance(op, Mapping) else str(op)


def member_lists(op: Op) -> dict[str, Sequence[Op]]:
    """The options of an op that hold other ops, such as the `of` of a `choice`; empty unless it is a combinator."""
    options: Mapping[str, Any] = op.options if isinstance(op, Choice) else op if isinstance(op, Mapping) else {}
    forms = Choice if isinstance(op, Choice) else (str, Mapping)
    return {key: value for key, value in options.items() if _holds(value, forms)}


def _holds(value: Any, forms: type | tuple[type, ...]) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(item, forms) for item in value)


def members(op: Op) -> list[Op]:
    """The ops that a combinator is made of, not those inside them; empty for any other op."""
    return [item for ops in member_lists(op).values() for item in ops]


def walk(ops: Iterable[Op]) -> Iterator[Op]:
    """Each op followed by everything inside it, depth first."""
    for op in ops:
        yield op
        yield from walk(members(op))


def stage(op: Choice | Mapping[str, Any] | str, catalog: Catalog) -> Stage:
    """Where an op runs, by its mark; a combinator runs where the last of its members must. Raises BadInput."""
    inner = [stage(item, catalog) for item in members(op)]
    if inner:
        return max(inner, key=STAGES.index)
    meta = catalog.get("op", name_of(op)).meta
    if meta.get("geometry"):
        return "geometry"
    return "batch" if meta.get("stage") == "batch" else "image"


def mixes_batch(ops: Iterable[Choice], catalog: Catalog) -> bool:
    """Whether any op mixes the images of a batch, so that training labels are mixtures. Raises BadInput."""
    return any(stage(op, catalog) == "batch" for op in ops)
