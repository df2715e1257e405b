"""Where a recipe comes from on the command line: a preset's name, a TOML file, a row of a suite, or a run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import typer

from engine.contract.errors import BadInput, user_path
from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.recipe.schema import Recipe
from engine.contract.run.own_code import Untrusted
from engine.contract.text import clean
from presets import loader

RUN = "run:"
T = TypeVar("T")


def source_file(ref: str, roots: Sequence[Path] = ()) -> str:
    """A preset's name or path as it is; `run:RUN` as the path of that run's recipe. Raises BadInput."""
    if not ref.startswith(RUN):
        return ref
    from engine.contract.run.store import find, runs_root

    return str(find(list(roots) or [runs_root()], ref.removeprefix(RUN)).recipe_toml)


def parts_with(ref: str, given: Sequence[str], roots: Sequence[Path] = ()) -> list[str]:
    """Files with parts of the user's own: those given, and the copies that a run brings along where none replaces them.

    Paths are absolute: they are kept in the run and in the command that repeats it.
    """
    files = [str(user_path(file).resolve()) for file in given]
    names = {Path(file).name for file in files}
    copies = Path(source_file(ref, roots)).parent.glob("parts/*.py") if ref.startswith(RUN) else ()
    return files + [str(copy.resolve()) for copy in sorted(copies) if copy.name not in names]


def agreed(work: Callable[[bool], T], trust: bool) -> T:
    """What `work` returns, which is told whether other people's code, or changed code, is trusted.

    On a terminal the user is asked about it, unless `trust` has said so before. Raises BadInput for a no.
    """
    try:
        return work(trust)
    except Untrusted as error:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise
        for line in error.problems[:-1]:
            typer.echo(clean(line), err=True)
        if not typer.confirm("run this code?", default=False, err=True):
            raise BadInput(error.problems) from None
        return work(True)


def recipe_of(ref: str, roots: Sequence[Path] = (), parts: Catalog | None = None) -> Recipe:
    """The resolved recipe behind a reference, by default with the parts that a run brings along. Raises BadInput."""
    known = parts or catalog(tuple(map(Path, parts_with(ref, (), roots))))
    return loader.resolve(source_file(ref, roots), known)


def recipe_to_save(ref: str, roots: Sequence[Path] = ()) -> Recipe:
    """The recipe behind a reference as a preset of its own. Raises BadInput.

    A run whose recipe was changed has its changes for a title, and nothing is promised of it: what its preset reaches
    was reported of other settings.
    """
    recipe = recipe_of(ref, roots)
    if not ref.startswith(RUN):
        return recipe
    from engine.contract.run.store import find, runs_root

    run = find(list(roots) or [runs_root()], ref.removeprefix(RUN)).info()
    if run.changes in ("", "-"):
        return recipe
    return recipe.model_copy(update={"title": f"{run.preset}: {run.changes}", "description": "", "promise": None})
