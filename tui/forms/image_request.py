"""What the process that draws augmented images is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from engine.contract.errors import user_path
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.schema import Recipe
from engine.data.fetch import require
from tui.plans.configured import placement_of
from tui.plans.draft import Draft

IMAGES: Final = 8
DRAWS: Final = 3


def request_of(draft: Draft, recipe: Recipe, parts: Catalog, own_parts: Sequence[str], seed: int) -> dict[str, Any]:
    """The request to the drawing process.

    Raises:
        BadInput: the images would have to be downloaded first.
    """
    folder = placement_of(draft).data_dir
    folder = str(user_path(folder).absolute()) if folder else ""
    if parts.get("dataset", recipe.data.name).meta.get("downloadable"):
        require(recipe.data.name, folder)
    table, files = recipe.to_table(), [str(user_path(file).absolute()) for file in own_parts]
    return {"recipe": table, "parts": files, "images": IMAGES, "draws": DRAWS, "seed": seed, "data_dir": folder}
