"""Replacing one part of a recipe by another: which options are kept, which are reset, and how that is reported.

An option of the part's own signature means something else in another part (a learning rate of 0.2 is right for SGD and
ten times too large for Muon), so it is reset to the new part's default unless it is given. Options that all parts of
the kind share (clipping, sharpness, a warm-up) belong to the recipe and are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.resolve import DEFAULTS, GROUPS, PART_FIELDS
from engine.contract.recipe.schema import Choice, Recipe

Table = dict[str, Any]


def names_a_part(text: str) -> bool:
    """Whether a `--set` chooses a part by its name: `optimizer=muon` or `optimizer.name=muon`."""
    return text.partition("=")[0].strip().removesuffix(".name") in PART_FIELDS


def swapped(table: Mapping[str, Any], field: str, new: Mapping[str, Any], *, always: bool, catalog: Catalog) -> Table:
    """The table with another part in a field.

    The rules of `optimizer.groups` name parameters of the model, so another model starts with its own.

    Args:
        new: the part's table, with at least its name.
        always: reset the options even if the field has this part already.
    """
    kind = PART_FIELDS[field]
    old = table.get(field, DEFAULTS.get(field, {}))
    old = {"name": old} if isinstance(old, str) else dict(old)
    if always or _canonical(kind, old, catalog) != _canonical(kind, new, catalog):
        shared = {param.name for param in COMMON.get(kind, ())}
        old = {key: value for key, value in old.items() if key in shared}
        if field == "model":
            table = _without_groups(table)
    return {**table, field: {**old, **new}}


def _without_groups(table: Mapping[str, Any]) -> Mapping[str, Any]:
    optimizer = table.get("optimizer")
    if not isinstance(optimizer, Mapping):
        return table
    return {**table, "optimizer": {key: value for key, value in optimizer.items() if key != GROUPS}}


def _canonical(kind: str, table: Mapping[str, Any], catalog: Catalog) -> str:
    name = str(table.get("name", ""))
    try:
        return catalog.get(kind, name).name
    except BadInput:  # reported when the recipe is resolved
        return name


def reset(base: Recipe, recipe: Recipe, sets: Sequence[str], catalog: Catalog) -> list[str]:
    """One line for each part that was replaced and whose options changed by that.

    Args:
        base: the recipe before the changes.
        recipe: the recipe after them.
        sets: changes as `--set` takes them; options that they give are not reported as reset.
    """
    given = {text.partition("=")[0].strip() for text in sets}
    lines = []
    for field in PART_FIELDS:
        mine = {path.removeprefix(f"{field}.") for path in given if path.startswith(f"{field}.")}
        line = _reset(field, getattr(base, field), getattr(recipe, field), mine, catalog)
        lines += [line] if line else []
    if recipe.optimizer.options[GROUPS] != base.optimizer.options[GROUPS] and f"optimizer.{GROUPS}" not in given:
        lines.append(f"optimizer: {GROUPS} are those of {recipe.model.name}")
    return lines


def _reset(field: str, old: Choice, new: Choice, given: Collection[str], catalog: Catalog) -> str:
    kind = PART_FIELDS[field]
    before, after = catalog.get(kind, old.name), catalog.get(kind, new.name)
    own = {param.name for param in after.params}
    back = [
        f"{param.name} {_text(new.options[param.name])} (was {_text(old.options[param.name])})"
        for param in before.params
        if param.name in own and param.name not in given and old.options[param.name] != new.options[param.name]
    ]
    gone = [
        f"{param.name} {_text(old.options[param.name])}"
        for param in before.params
        if param.name not in own and old.options[param.name] != param.default
    ]
    if not back and not gone:
        return ""
    effects = [", ".join(back)] if back else []
    effects += [f"without {', '.join(gone)} of {old.name}"] if gone else []
    return f"{field}: {new.name} starts from its own options: {'; '.join(effects)}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_text, value))}]"
    return str(value)
