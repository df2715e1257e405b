"""From a table that the user wrote to a resolved `Recipe`, reporting every problem with the nearest valid choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from engine.contract.errors import BadInput, nearest
from engine.contract.recipe.catalog import LABEL, Catalog, Part
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.conflicts import conflicts
from engine.contract.recipe.option_types import Rule
from engine.contract.recipe.params import OPS
from engine.contract.recipe.schema import YOUNGER, Choice, Recipe

PART_FIELDS: Final = {
    "model": "model",
    "optimizer": "optimizer",
    "schedule": "schedule",
    "loss": "loss",
    "averaging": "averaging",
}
GROUPS: Final = "groups"
"""The option of the optimizer, and the fact in the mark of a model, that hold rules for parameters."""
DEFAULTS: Final = {"schedule": "cosine", "loss": "cross_entropy", "averaging": "off"}


def resolve(table: Mapping[str, Any], catalog: Catalog, origin: str = "") -> Recipe:
    """Check a table against the schema and the catalog and fill in all defaults.

    Args:
        table: a preset's own form: `model = "resnet34"` and `model = {name = "resnet34"}` mean the same. Without
            `optimizer.groups`, it has those of the model's mark.
        origin: where the table came from, for the messages.

    Raises:
        BadInput: with every problem found, not just the first.
    """
    problems: list[str] = []
    filled: dict[str, Any] = _with_groups(table, catalog)
    for key, kind in PART_FIELDS.items():
        filled[key] = _choose(kind, filled.get(key, DEFAULTS.get(key)), key, catalog, problems)
    filled["augmentation"] = _choose_ops(filled.get("augmentation", ()), "augmentation", catalog, problems)
    for key in ("data", "compute", "evaluate", "resizing", "hard_examples"):
        filled.setdefault(key, {})
    recipe: Recipe | None = None
    try:
        recipe = Recipe.model_validate(filled)
    except ValidationError as error:
        problems += explain(error, Recipe)
    if recipe is not None and not problems:
        problems += conflicts(recipe, catalog)
    if problems or recipe is None:
        prefix = f"{origin}: " if origin else ""
        raise BadInput([prefix + problem for problem in problems])
    return recipe


def with_younger_fields(table: Mapping[str, Any]) -> dict[str, Any]:
    """A stored recipe, in which each field that was added since has the value that it stood for when it was written.

    A preset that lacks such a field is another matter: it follows today's defaults, those of its model's mark included.
    """
    full = dict(table)
    for (key, field), neutral in YOUNGER.items():
        section = full.get(key)
        if isinstance(section, Mapping):  # anything else is an error, which `resolve` reports
            full[key] = {field: neutral, **section}
    return full


def _with_groups(table: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    """The table with the parameter groups of the model's mark, unless it has groups of its own.

    Raises:
        BadInput: the mark has something else in their place.
    """
    named = {
        key: {"name": value} if isinstance(value := table.get(key), str) else value for key in ("model", "optimizer")
    }
    model, optimizer = named["model"], named["optimizer"]
    if not isinstance(model, Mapping | Choice) or not isinstance(optimizer, Mapping) or GROUPS in optimizer:
        return dict(table)
    name = model.name if isinstance(model, Choice) else model.get("name")
    try:
        part = catalog.get("model", str(name))
    except BadInput:  # an unknown model is reported later
        return dict(table)
    try:
        groups = [dict(zip(Rule.model_fields, rule, strict=True)) for rule in part.meta.get(GROUPS, ())]
    except (TypeError, ValueError):
        raise BadInput(f"{part.path}:{part.line}: groups: write each rule as (match, lr, decay, until)") from None
    return {**table, "optimizer": {**optimizer, GROUPS: groups}}


def _choose(kind: str, value: Any, where: str, catalog: Catalog, problems: list[str]) -> Choice | None:
    """A Choice from a name or a table; None, after adding to `problems`, if it is invalid."""
    table = {"name": value} if isinstance(value, str) else value
    if table is None:
        problems.append(f"{where}: missing; name the {LABEL[kind]}")
        return None
    if isinstance(table, Choice):
        table = table.table()
    if not isinstance(table, Mapping) or not isinstance(table.get("name"), str):
        problems.append(f"{where}: expected the name of the {LABEL[kind]} or a table with its name, not {value!r}")
        return None
    try:
        part = catalog.get(kind, table["name"])
    except BadInput as error:
        problems += [f"{where}: {problem}" for problem in error.problems]
        return None
    options = {key: value for key, value in table.items() if key != "name"}
    for param in part.params:
        if param.type == OPS:
            options[param.name] = _choose_ops(options.get(param.name, ()), f"{where}.{param.name}", catalog, problems)
            if not options[param.name]:
                problems.append(f"{where}.{param.name}: needs at least one op")
    try:
        checked = part.schema(COMMON.get(kind, ())).model_validate(options)
    except ValidationError as error:
        elsewhere = partial(_owners, part=part, where=where, catalog=catalog)
        problems += explain(error, part.schema(COMMON.get(kind, ())), where, elsewhere)
        return None
    chosen = {key: getattr(checked, key) for key in type(checked).model_fields}
    problems += _broken_relations(part, chosen, where)
    return Choice(name=part.name, **chosen)


def _broken_relations(part: Part, chosen: Mapping[str, Any], where: str) -> list[str]:
    """Options that do not fit each other, by the facts `same_length`, `some_above_zero` and `ordered` of the part."""
    problems = []
    for option, other in part.meta.get("same_length", ()):
        if chosen[option] and len(chosen[option]) != len(chosen[other]):
            count = f"{len(chosen[option])} values for {len(chosen[other])} in {other}"
            problems.append(f"{where}.{option}: {count}; give one for each, or none")
    problems += [
        f"{where}.{option}: all values are 0; at least one must be positive"
        for option in part.meta.get("some_above_zero", ())
        if chosen[option] and not any(chosen[option])
    ]
    for low, high in part.meta.get("ordered", ()):
        if chosen[low] > chosen[high]:
            problems.append(f"{where}.{low}: got {chosen[low]:g}, needs <= {chosen[high]:g}, which is {high}")
    return problems


def _owners(key: str, part: Part, where: str, catalog: Catalog) -> str:
    """Which other parts have an option that this part lacks, as it may be left over from one of them; "" if none."""
    owners = [other.name for other in catalog.parts(part.kind) if any(key == param.name for param in other.params)]
    if not owners:
        return ""
    named = f"{', '.join(owners[:3])}{' and others' * (len(owners) > 3)} {'has' if len(owners) == 1 else 'have'} it"
    afresh = f"; `{where}={part.name}` starts from the defaults of {part.name}" if where in PART_FIELDS else ""
    return f": {part.name} has no such option, {named}{afresh}"


def _choose_ops(value: Any, where: str, catalog: Catalog, problems: list[str]) -> tuple[Choice, ...]:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, Sequence):
        problems.append(f"{where}: expected a list of ops, not {value!r}")
        return ()
    chosen = []
    for i, item in enumerate(value):
        name = item if isinstance(item, str) else item.get("name") if isinstance(item, Mapping) else None
        place = f"{where}.{name}" if isinstance(name, str) else f"{where}[{i}]"
        choice = _choose("op", item, place, catalog, problems)
        if choice is not None:
            chosen.append(choice)
    return tuple(chosen)


def explain(
    error: ValidationError,
    schema: type[BaseModel],
    within: str = "",
    elsewhere: Callable[[str], str] = lambda key: "",
) -> list[str]:
    """Pydantic's errors as lines for people: the field, the value, what is allowed, the nearest name.

    Args:
        elsewhere: for an unknown key that is not close to any known one, says where it may have come from.
    """
    lines = []
    for item in error.errors():
        path = [str(step) for step in item["loc"]]
        where = ".".join([within, *path] if within else path)
        got = item.get("input")
        if item["type"] == "extra_forbidden":
            hint = nearest(path[-1], _fields_at(schema, path[:-1])) or elsewhere(path[-1])
            lines.append(f"unknown key {where}{hint}")
        elif item["type"] == "missing":
            lines.append(f"{where}: missing")
        elif not within and got is None and path[0] in PART_FIELDS:
            continue  # `_choose` has reported it in more detail
        else:
            lines.append(f"{where}: got {_short(got)}, needs {_need(item)}{_meaning(item, schema)}")
    return lines


LIMITS: Final = {
    "greater_than_equal": ">= {ge:.12g}",
    "greater_than": "> {gt:.12g}",
    "less_than_equal": "<= {le:.12g}",
    "less_than": "< {lt:.12g}",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "model_type": "a table",
    "tuple_type": "a list",
    "string_type": "text",
    "string_too_short": "at least {min_length} character",
}


def _need(item: ErrorDetails) -> str:
    """What a field needs, from one of pydantic's error records."""
    if item["type"] == "string_type" and isinstance(item["input"], int | float):
        return "text: put it in quotes, as it looks like a number"
    if item["type"] in LIMITS:
        return LIMITS[item["type"]].format(**item.get("ctx", {}))
    return item["msg"].removeprefix("Value error, ").removeprefix("Input should be ")


def _meaning(item: ErrorDetails, schema: type[BaseModel]) -> str:
    """The help of a list option whose item is invalid, as items have no names; "" for any other field."""
    if len(item["loc"]) != 2 or not isinstance(item["loc"][1], int):
        return ""
    field = schema.model_fields.get(str(item["loc"][0]))
    return f" ({field.description})" if field and field.description else ""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _fields_at(schema: type[BaseModel], path: Sequence[str]) -> list[str]:
    for step in path:
        field = schema.model_fields.get(step)
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        schema = inner
    return list(schema.model_fields)
