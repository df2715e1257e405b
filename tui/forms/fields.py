"""The fields of the form, generated from the schema: the recipe's fields, the options of its parts, the placement.

No field is known by name here except in `ESSENTIAL` (shown first) and `LABELS` (other labels for a few), so that new
parts and new fields appear in the form without further work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import BaseModel

from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.ops import members
from engine.contract.recipe.option_types import Rule
from engine.contract.recipe.overrides import labeled
from engine.contract.recipe.params import OPS, Param
from engine.contract.recipe.schema import NOT_HASHED, Choice, Recipe
from engine.contract.run.teacher import FIELD as TEACHER
from tui.plans.placement import doc_of, param_of, place_params

KINDS: Final = {
    "model": "model",
    "optimizer": "optimizer",
    "schedule": "schedule",
    "loss": "loss",
    "averaging": "averaging",
}
"""Recipe fields that pick one part, and the kind of part in the catalog."""

ESSENTIAL: Final = (
    "model",
    "augmentation",
    "augmentation.ops",
    "schedule",
    "optimizer",
    "epochs",
    "batch_size",
    "optimizer.lr",
    "optimizer.weight_decay",
    "place.seeds",
    "place.device",
    "place.name",
)
DATA_SET: Final = "data.name"
"""The only field that names a part and has no table of its own."""
PICKED: Final = ("part", "ops", "choice", "bool")
"""Parameter types whose values are chosen from a list."""
LABELS: Final = {
    "augmentation.ops": "",
    "init_from": "start from",
    "optimizer.lr": "learning rate",
    "schedule.by": "schedule moves by",
    DATA_SET: "data set",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the form: where its value is kept, which values it takes, and the value."""

    path: str
    """The key as `--set` takes it, or `place.X` for the placement, which does not change the weights."""
    label: str
    group: str
    param: Param
    value: Any
    base: Any = None
    """The value in the preset; None where the preset has no such field."""

    @property
    def changed(self) -> bool:
        return bool(self.value != self.base)

    @property
    def picked(self) -> bool:
        """Whether the value is chosen from a list rather than typed."""
        return self.param.type in PICKED or self.path == TEACHER

    @property
    def text(self) -> str:
        """The value as a user types it."""
        return as_text(self.value)

    @property
    def choices(self) -> tuple[str, ...]:
        """The values to choose from; empty where the value is typed."""
        return ("true", "false") if self.param.type == "bool" else tuple(map(str, self.param.choices))


def as_text(value: Any) -> str:
    """A value as a user types it in the form or after `--set key=`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(as_text(item) for item in value) + "]"
    if isinstance(value, Rule):
        return value.inline()
    return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class FormValues:
    """Everything that the fields are made from."""

    recipe: Recipe
    was: Mapping[str, Any]
    """What the preset has, by path, for the note "was X": see `values`."""
    named: Mapping[str, str]
    """The named model, augmentation and schedule in use."""
    place: Mapping[str, str]
    """The placement and the seeds as typed text."""
    devices: tuple[str, ...] = ("auto", "cpu")
    typed: Mapping[str, str] = field(default_factory=dict)
    """The text typed into fields whose value does not resolve."""


def fields(form: FormValues, catalog: Catalog) -> list[Field]:
    """All fields of the form, essential ones first."""
    found = []
    for path, group, param, value in walk(form.recipe, catalog):
        shown = form.typed.get(path, form.named.get(path, value))
        found.append(Field(path, label_of(path), group, param, shown, form.was.get(path)))
    for name, param in place_params(form.devices).items():
        value = form.place.get(name, as_text(param.default))
        found.append(Field(f"place.{name}", _words(name), "where", param, value, as_text(param.default)))
    first = {path: rank for rank, path in enumerate(ESSENTIAL)}
    return sorted(found, key=lambda field: first.get(field.path, len(first)))


def values(recipe: Recipe, named: Mapping[str, str], catalog: Catalog) -> dict[str, Any]:
    """The value of every field by its path; of a named model, augmentation or schedule its name."""
    return {path: value for path, _, _, value in walk(recipe, catalog)} | dict(named)


def walk(recipe: Recipe, catalog: Catalog) -> Iterator[tuple[str, str, Param, Any]]:
    """The path, group, parameter and value of every field of a recipe, in the order of the schema."""
    for key, info in Recipe.model_fields.items():
        if key in NOT_HASHED:
            continue
        value = getattr(recipe, key)
        if isinstance(value, Choice):
            yield from _walk_choice(key, value, catalog)
        elif key == "augmentation":
            yield (
                "augmentation",
                "what",
                Param("augmentation", "part", help="Named set of augmentation operations."),
                "",
            )
            names = " · ".join(op_name(op) for op in value) or "none"
            yield "augmentation.ops", "what", Param("ops", "ops", help=doc_of(info, OPS_HELP)), names
            yield from _walk_ops("augmentation", value, catalog)
        elif isinstance(value, BaseModel):
            for name, inner in type(value).model_fields.items():
                param, path = param_of(name, inner), f"{key}.{name}"
                if path == DATA_SET:
                    param = replace(param, type="part", choices=tuple(catalog.names("dataset")))
                yield path, key, param, getattr(value, name)
        else:
            yield key, "training", param_of(key, info), value


OPS_HELP: Final = "Operations on the images, in order. Press Enter to add or remove them."


def op_name(op: Choice) -> str:
    """The name of an operation; that of a combinator lists its members: `cutmix|mixup`."""
    return "|".join(op_name(member) for member in members(op)) or op.name


def _walk_choice(key: str, choice: Choice, catalog: Catalog) -> Iterator[tuple[str, str, Param, Any]]:
    kind = KINDS[key]
    part = catalog.get(kind, choice.name)
    names = tuple(catalog.names(kind))
    group = "what" if key in ESSENTIAL else key
    yield key, group, Param(key, "part", help=f"{part.title}. {part.summary}", choices=names), choice.name
    for param in (*part.params, *COMMON.get(kind, ())):
        if param.type != OPS:
            yield f"{key}.{param.name}", key, param, choice.options[param.name]


def _walk_ops(path: str, ops: tuple[Choice, ...], catalog: Catalog) -> Iterator[tuple[str, str, Param, Any]]:
    for (label, _), op in zip(labeled([op.table() for op in ops]), ops, strict=True):
        for param in catalog.get("op", op.name).params:
            value = op.options[param.name]
            if param.type == OPS:
                yield from _walk_ops(f"{path}.{label}", value, catalog)
            else:
                yield f"{path}.{label}.{param.name}", "augmentation", param, value


def label_of(path: str) -> str:
    """The label of a field under its heading."""
    if path in LABELS:
        return LABELS[path]
    return _words(path.rpartition(".")[2])


def _words(name: str) -> str:
    return name.replace("_", " ")
