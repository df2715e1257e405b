"""Recipes with fewer epochs than their preset: every option that is counted in epochs is scaled down with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.overrides import parse_value
from engine.contract.recipe.params import Param
from engine.contract.recipe.schema import Choice, Recipe
from presets import references
from presets.loader import Edits

PARTS: Final = ("optimizer", "schedule", "loss", "averaging")
"""Fields whose parts may have options that are counted in epochs."""


def shorter(recipe: Recipe, epochs: float, parts: Catalog) -> dict[str, str]:
    """The changes, by field as `--set` takes them, that shorten a recipe to `epochs` and keep the shape of its curves.

    Options counted in epochs (a warm-up, a period) are scaled by the same factor. A learning rate that changed once per
    epoch changes every step instead: with few epochs its steps would be too coarse.
    """
    sets = {"epochs": str(epochs)}
    ratio = epochs / recipe.epochs
    if recipe.schedule.options.get("by") == "epoch":
        sets["schedule.by"] = "step"
    for kind in PARTS:
        choice: Choice = getattr(recipe, kind)
        for param in parts.get(kind, choice.name).params + COMMON.get(kind, ()):
            value = choice.options.get(param.name)
            if param.unit == "epochs" and value:
                sets[f"{kind}.{param.name}"] = _scaled(param, value, ratio)
    return sets


def _scaled(param: Param, value: Any, ratio: float) -> str:
    if isinstance(value, tuple | list):
        return f"[{', '.join(_scaled(param, item, ratio) for item in value)}]"
    if param.type in ("int", "list[int]"):
        return str(max(round(value * ratio), int(param.ge or 0)))
    return f"{value * ratio:.12g}"


def fit(ref: str, parts: Catalog, edits: Edits) -> tuple[Recipe, str]:
    """Resolve a preset with the edits applied, and scale it down if the edits leave it too few epochs.

    The recipe is scaled only if it would be refused otherwise, for example because its warm-up is longer than the whole
    training. Options that the edits set explicitly are never scaled.

    Returns:
        The recipe, and a line that names what was scaled, or "".

    Raises:
        BadInput: with every problem of the recipe as the edits ask for it.
    """
    try:
        return references.recipe_of(ref, parts, edits), ""
    except BadInput:
        epochs, rest = _epochs(edits)
        fitted = _fitted(ref, parts, edits, rest, epochs) if epochs > 0 else None
        if fitted is None:
            raise
        return fitted


def _epochs(edits: Edits) -> tuple[float, Edits]:
    """The epochs that the edits ask for, or 0 if they ask for none or not for a number; and the other edits."""
    fields = {**(edits.fields or {})}
    asked = fields.pop("epochs", 0)
    others = []
    for text in edits.sets:
        path, _, value = text.partition("=")
        if path.strip() == "epochs":
            asked = parse_value(value.strip())
        else:
            others.append(text)
    count = asked if isinstance(asked, int | float) and not isinstance(asked, bool) else 0
    return count, replace(edits, fields=fields, sets=others)


def _fitted(ref: str, parts: Catalog, edits: Edits, rest: Edits, epochs: float) -> tuple[Recipe, str] | None:
    """The scaled recipe and its note, as `fit` returns them; None if too few epochs are not the problem."""
    given = {text.partition("=")[0].strip() for text in edits.sets} | {*(edits.fields or {})}
    try:
        whole = references.recipe_of(ref, parts, rest)
        if epochs >= whole.epochs:
            return None
        sets = {path: text for path, text in shorter(whole, epochs, parts).items() if path not in given}
        recipe = references.recipe_of(
            ref, parts, replace(edits, sets=[*edits.sets, *(f"{path}={text}" for path, text in sets.items())])
        )
    except BadInput:
        return None
    was = {path: getattr(whole, path.partition(".")[0]).options[path.partition(".")[2]] for path in sets}
    scaled = ", ".join(f"{path} {_plain(was[path])} -> {_plain(parse_value(text))}" for path, text in sets.items())
    return recipe, f"to fit into {epochs} epoch{'s' * (epochs > 1)} instead of {whole.epochs}: {scaled}"


def _plain(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_plain, value))}]"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
