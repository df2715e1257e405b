"""Where a recipe comes from on the command line: a preset's name, a TOML file, or a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.contract.catalog import Catalog, catalog
from engine.contract.recipe import Recipe
from presets import loader

RUN = "run:"


def source_file(ref: str, roots: Sequence[Path] = ()) -> str:
    """A preset's name or path as it is; `run:RUN` as the path of that run's recipe. Raises BadInput."""
    if not ref.startswith(RUN):
        return ref
    from engine.contract.store import find, runs_root

    return str(find(list(roots) or [runs_root()], ref.removeprefix(RUN)).recipe_toml)


def recipe_of(ref: str, roots: Sequence[Path] = (), parts: Catalog | None = None) -> Recipe:
    """The resolved recipe behind a reference. Raises BadInput."""
    return loader.resolve(source_file(ref, roots), parts or catalog())
