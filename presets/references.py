"""References to recipes: a preset's name, a TOML file, `suite:NAME/ROW` or `run:RUN`.

Every command and screen that starts from a recipe looks its reference up here, so that one notation works everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.contract.errors import BadInput, user_path
from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.recipe.resolve import resolve, with_younger_fields
from engine.contract.recipe.schema import Recipe
from presets import loader, suites
from presets.loader import Edits, Table

if TYPE_CHECKING:
    from engine.contract.run.store import RunFolder

SUITE: Final = "suite:"
RUN: Final = "run:"
RECIPE: Final = "recipe.toml"
"""The name of the recipe's file in a run folder."""


@dataclass(frozen=True, slots=True)
class FoundReference:
    """A reference that was looked up: where the recipe is, and which parts it may use."""

    ref: str
    """The reference as the user wrote it."""
    file: str
    """The same with `run:RUN` replaced by the path of that run's recipe; what `load_table` and `recipe_of` take."""
    own_parts: tuple[str, ...]
    """Absolute paths of files with the user's own parts."""
    parts: Catalog
    """The built-in parts and those in `own_parts`."""

    def table(self) -> Table:
        """The recipe as a table, not checked yet. Raises BadInput."""
        return load_table(self.file, self.parts)

    def recipe(self, edits: Edits | None = None) -> Recipe:
        """The resolved recipe with the edits applied. Raises BadInput."""
        return recipe_of(self.file, self.parts, edits)


def look_up(ref: str, own_parts: Sequence[str] = (), roots: Sequence[Path] = ()) -> FoundReference:
    """Find what a reference stands for.

    Args:
        own_parts: files with the user's own parts that were given beside the reference.
        roots: folders with runs, for `run:RUN`; by default the user's runs folder.

    Raises:
        BadInput: there is no such run, or a file of parts cannot be read. Presets are read later, by `Source.recipe`.
    """
    files = parts_with(ref, own_parts, roots)
    return FoundReference(ref, source_file(ref, roots), tuple(files), catalog(tuple(map(Path, files))))


def source_file(ref: str, roots: Sequence[Path] = ()) -> str:
    """The reference with `run:RUN` replaced by the path of that run's recipe. Raises BadInput."""
    return str(_run(ref, roots).recipe_toml) if ref.startswith(RUN) else ref


def parts_with(ref: str, given: Sequence[str], roots: Sequence[Path] = ()) -> list[str]:
    """Files with the user's own parts: those given, then the copies in the run that `ref` names.

    A given file replaces the run's copy of the same name. Paths are absolute, because they are kept in the run folder
    and in the command that repeats the run. Raises BadInput.
    """
    files = [str(user_path(file).resolve()) for file in given]
    names = {Path(file).name for file in files}
    copies = _run(ref, roots).parts.glob("*.py") if ref.startswith(RUN) else ()
    return files + [str(copy.resolve()) for copy in sorted(copies) if copy.name not in names]


def _run(ref: str, roots: Sequence[Path]) -> RunFolder:
    from engine.contract.run.store import find, runs_root  # listings of presets start faster without it

    run = find(list(roots) or [runs_root()], ref.removeprefix(RUN))
    run.refuse_imported()
    return run


def load_table(ref: str, parts: Catalog) -> Table:
    """The table of a preset, a TOML file or `suite:NAME/ROW`, with named parts filled in. Raises BadInput.

    Args:
        parts: what the edits of a suite's row are checked against.
    """
    if ref.startswith(SUITE):
        return preset_of(ref.removeprefix(SUITE), parts)
    table = loader.load_table(ref)
    return with_younger_fields(table) if Path(ref).name == RECIPE else table


def recipe_of(ref: str, parts: Catalog, edits: Edits | None = None) -> Recipe:
    """The resolved recipe of a preset, a TOML file or `suite:NAME/ROW`, with the edits applied.

    Raises:
        BadInput: with every problem found; for the recipe of a run also with the version that wrote it.
    """
    table = load_table(ref, parts)
    try:
        return resolve(loader.edit(table, edits, parts, ref) if edits else table, parts, ref)
    except BadInput as error:
        if Path(ref).name != RECIPE:
            raise
        from engine.contract.run.folder import RunFolder  # listings of presets start faster without it

        raise BadInput([*error.problems, *RunFolder(Path(ref).parent).origin()]) from error


def preset_of(ref: str, parts: Catalog) -> Table:
    """The row `NAME/ROW` as the table of a preset; its title names the suite. Raises BadInput."""
    suite, row = suites.row_of(ref)
    table = row_table(row, parts)
    title = f"{row.title or row.id}, a row of {suite.name}: {suite.title}"
    description = (row.note, str(table.get("description", "")).strip())
    return table | {"title": title, "description": "\n".join(filter(None, description))}


def row_table(row: suites.Row, parts: Catalog) -> Table:
    """A row as the table of a preset that promises what the source reported. Raises BadInput."""
    table = loader.edit(load_table(row.recipe, parts), row.edits, parts, row.recipe)
    table = {key: value for key, value in table.items() if key != "promise"} | {"title": row.title or row.id}
    return table | ({"promise": promise} if (promise := row.promise()) else {})


def row_recipe(row: suites.Row, parts: Catalog) -> Recipe:
    """The resolved recipe of a row. Raises BadInput."""
    return resolve(row_table(row, parts), parts, row.id)


def recipe_to_save(ref: str, roots: Sequence[Path] = ()) -> Recipe:
    """The recipe that a reference stands for, as a preset of its own. Raises BadInput.

    The recipe of a run that differs from its preset gets the differences as its title and keeps neither description nor
    promise: the promise was reported of other settings.
    """
    recipe = look_up(ref, (), roots).recipe()
    if not ref.startswith(RUN):
        return recipe
    run = _run(ref, roots).info()
    if run.changes in ("", "-"):
        return recipe
    return recipe.model_copy(update={"title": f"{run.preset}: {run.changes}", "description": "", "promise": None})
