"""What a listing of presets says of each: its model, epochs, data set, and the accuracy that it promises.

To say so, every preset is read and checked, which takes longer than the rest of the listing. The result is kept in the
cache of the catalog, for the exact contents of every file that it depends on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from engine.contract.errors import BadInput
from engine.contract.recipe import catalog, catalog_cache
from presets import loader

CODE: Final = (Path(catalog.__file__).parent, loader.HERE)
"""Folders of the code that turns a preset into a recipe."""
READ: Final[tuple[loader.Kind, ...]] = ("recipes", "models", "augmentations", "schedules")
"""The kinds of files that a preset may consist of."""

Row = dict[str, Any]


def overview() -> tuple[Row, ...]:
    """One row per preset, in the order of `loader.list_presets`.

    Keys: name, title, origin, path; model, epochs, data; promise, as `schema.Promise` in a table, or None; problem,
    which says why a preset cannot be used and is "" otherwise.
    """
    key = _digest()
    kept: tuple[Row, ...] | None = catalog_cache.load("presets", key)
    if kept is not None:
        return kept
    rows = tuple(map(_row, loader.list_presets()))
    if key and _digest() == key and not any(row["problem"] for row in rows):
        catalog_cache.save("presets", key, rows)
    return rows


def _digest() -> str:
    """Changes with everything that `overview` depends on; "" if a file cannot be read."""
    code = [file for folder in CODE for file in sorted(folder.glob("*.py"))]
    tables = [file for kind in READ for file in loader.paths(kind).values()]
    try:
        return catalog_cache.digest([*code, *catalog.sources(), *tables])
    except OSError:
        return ""


def _row(info: loader.PresetInfo) -> Row:
    from presets.references import recipe_of  # with the schemas, which rows from the cache do without

    row: Row = {"name": info.name, "title": info.title, "origin": info.origin, "path": str(info.path)}
    try:
        recipe = recipe_of(str(info.path), catalog.catalog())
    except BadInput as error:
        return row | {"model": "-", "epochs": 0, "data": "-", "promise": None, "problem": str(error)}
    promise = recipe.promise.model_dump() if recipe.promise else None
    facts = {"model": recipe.model.name, "epochs": recipe.epochs, "data": recipe.data.name}
    return row | facts | {"promise": promise, "problem": ""}
