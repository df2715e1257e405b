"""Recipes with fewer epochs than their preset has: what is counted in epochs shrinks along with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.overrides import parse_value
from engine.contract.recipe.params import Param
from engine.contract.recipe.schema import COMMON, Choice, Recipe
from presets import references
from presets.loader import Edits

PARTS: Final = ("optimizer", "schedule", "loss", "averaging")
"""The parts with options that may be counted in epochs."""


def shorter(recipe: Recipe, epochs: int, parts: Catalog) -> dict[str, str]:
    """The fields that make a recipe `epochs` long and keep the shape of its curves, as `--set` takes them.

    What is counted in epochs (a warm-up, a period) shrinks by the same factor. A learning rate that moved once an epoch
    moves every step: with few epochs it would be another curve.
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
    """The resolved recipe of a preset with the flags applied, made to fit where it has too few epochs for itself.

    Only a recipe that would be refused shrinks; wherever the flags make sense as they are, they mean what they say. An
    option that the flags set themselves stays as it was given.

    Returns:
        The recipe, and a line that names what has shrunk; "" where nothing has.

    Raises:
        BadInput: with every problem of the recipe as the flags ask for it.
    """
    try:
        return references.recipe_of(ref, parts, edits), ""
    except BadInput:
        epochs, rest = _epochs(edits)
        fitted = _fitted(ref, parts, edits, rest, epochs) if epochs > 0 else None
        if fitted is None:
            raise
        return fitted


def _epochs(edits: Edits) -> tuple[int, Edits]:
    """How many epochs the flags ask for (0 where they do not, or not with a number), and the other flags."""
    fields = {**(edits.fields or {})}
    asked = fields.pop("epochs", 0)
    others = []
    for text in edits.sets:
        path, _, value = text.partition("=")
        if path.strip() == "epochs":
            asked = parse_value(value.strip())
        else:
            others.append(text)
    count = asked if isinstance(asked, int) and not isinstance(asked, bool) else 0
    return count, replace(edits, fields=fields, sets=others)


def _fitted(ref: str, parts: Catalog, edits: Edits, rest: Edits, epochs: int) -> tuple[Recipe, str] | None:
    """The recipe as `fit` returns it; None where its epochs are not what is wrong with it."""
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
    told = ", ".join(f"{path} {_plain(was[path])} -> {_plain(parse_value(text))}" for path, text in sets.items())
    return recipe, f"to fit into {epochs} epoch{'s' * (epochs > 1)} instead of {whole.epochs}: {told}"


def _plain(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_plain, value))}]"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
