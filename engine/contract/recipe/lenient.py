"""A recipe written by another version, as far as this version knows it: to look at, never to train."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.params import OPS
from engine.contract.recipe.resolve import PART_FIELDS
from engine.contract.recipe.schema import Placement, Recipe

Table = dict[str, Any]


def known_only(table: Mapping[str, Any], parts: Catalog) -> tuple[Table, list[str]]:
    """The table without the keys that this version does not know, and the paths of those.

    A part with an unknown name is kept: without it, this would be another recipe.
    """
    unknown: list[str] = []
    kept: Table = {}
    for key, value in table.items():
        if key not in Recipe.model_fields:
            unknown.append(key)
        elif key in PART_FIELDS:
            kept[key] = _known_part(PART_FIELDS[key], value, key, parts, unknown)
        elif key == "augmentation" and isinstance(value, list):
            kept[key] = [_known_part("op", item, key, parts, unknown) for item in value]
        else:
            kept[key] = _known_fields(value, key, unknown)
    return kept, unknown


def known_placement(table: Mapping[str, Any]) -> tuple[Table, list[str]]:
    """A placement without the keys that this version does not know, and those keys. None affects the weights."""
    unknown = [key for key in table if key not in Placement.model_fields]
    return {key: value for key, value in table.items() if key not in unknown}, unknown


def _known_fields(value: Any, where: str, unknown: list[str]) -> Any:
    """A section of the recipe, such as `data`, without unknown keys; anything else unchanged."""
    kind: Any = Recipe.model_fields[where].annotation
    kinds = [one for one in (kind, *get_args(kind)) if isinstance(one, type)]
    schema = next((one for one in kinds if issubclass(one, BaseModel)), None)
    if not isinstance(value, Mapping) or schema is None:
        return value
    unknown += [f"{where}.{key}" for key in value if key not in schema.model_fields]
    return {key: item for key, item in value.items() if key in schema.model_fields}


def _known_part(kind: str, value: Any, where: str, parts: Catalog, unknown: list[str]) -> Any:
    """A part's table without unknown keys; for an op, the ops inside it as well."""
    if not isinstance(value, Mapping):
        return value
    name = str(value.get("name", ""))
    try:
        part = parts.get(kind, name)
    except BadInput:
        return value
    place = f"{where}.{name}" if kind == "op" else where
    params = {param.name: param for param in (*part.params, *COMMON.get(kind, ()))}
    kept: Table = {}
    for key, item in value.items():
        if key != "name" and key not in params:
            unknown.append(f"{place}.{key}")
        elif key in params and params[key].type == OPS and isinstance(item, list):
            kept[key] = [_known_part("op", one, place, parts, unknown) for one in item]
        else:
            kept[key] = item
    return kept
