"""Saving a recipe as a preset of the user's own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Recipe
from presets import loader

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_]{0,63}")


def save(name: str, recipe: Recipe, *, replace: bool = False) -> Path:
    """Save a recipe as a preset of the user's and return its path.

    Args:
        replace: overwrite a preset of the same name.

    Raises:
        BadInput: the name is malformed or taken, the folder cannot be written to, or the recipe uses the user's own
            parts, which a preset, being a single file, cannot carry along.
    """
    if not NAME.fullmatch(name):
        raise BadInput(f"preset name {name!r}: use lower-case letters, digits and _, at most 64 characters")
    path = loader.user_folder() / "recipes" / f"{name}.toml"
    if path.exists() and not replace:
        raise BadInput(f"preset {name!r} already exists: {path}")
    try:
        resolve(recipe.to_table(), catalog())
    except BadInput as error:
        why = "a preset cannot contain parts of your own; use --preset run:RUN to repeat the run with them"
        raise BadInput([f"preset {name!r} was not saved: {problem}; {why}" for problem in error.problems]) from None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(recipe.to_toml(), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise BadInput(f"cannot save {path}: {error.strerror}") from None
    return path
