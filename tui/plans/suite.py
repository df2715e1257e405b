"""A suite's rows as cells of a batch, as the source ran them or in a smaller form that says so."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.schema import Recipe
from presets import loader
from presets.references import row_recipe
from presets.shrink import shorter
from presets.suites import Row, Suite
from presets.swap import names_a_part
from tui.plans.batch import Cell
from tui.plans.draft import Draft, from_flags


@dataclass(frozen=True, slots=True)
class Departure:
    """How runs of a suite differ from what the source ran. Every output names it."""

    epochs: int = 0
    """Length of the runs that are longer; 0 leaves all as they are."""
    fraction: float = 1.0
    """Part of the training images that the row uses, of which it takes only so many."""
    sets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        problems = []
        if self.epochs < 0:
            problems.append(f"--epochs: got {self.epochs}, needs >= 1")
        if not 0 < self.fraction <= 1:
            problems.append(f"--fraction: got {self.fraction:g}, needs > 0 and <= 1")
        if problems:
            raise BadInput(problems)

    @property
    def shrunk(self) -> bool:
        return bool(self.epochs) or self.fraction < 1

    def __bool__(self) -> bool:
        return self.shrunk or bool(self.sets)

    def __str__(self) -> str:
        """In words: "shrunk to 2 epochs and 5 % of the training images; changed by --set ..."."""
        sizes = [f"{self.epochs} epoch{'s' if self.epochs > 1 else ''}"] if self.epochs else []
        sizes += [f"{100 * self.fraction:g} % of the training images"] if self.fraction < 1 else []
        told = [f"shrunk to {' and '.join(sizes)}"] if sizes else []
        told += [f"changed by {' '.join(f'--set {text}' for text in self.sets)}"] if self.sets else []
        return "; ".join(told)

    def flags(self) -> list[str]:
        """The words that ask for the same departure on the command line."""
        words = ["--epochs", str(self.epochs)] if self.epochs else []
        words += ["--fraction", f"{self.fraction:g}"] if self.fraction < 1 else []
        return words + [word for text in self.sets for word in ("--set", text)]

    def table(self) -> dict[str, Any] | None:
        """For JSON; None where the runs are as the source's."""
        if not self:
            return None
        return {"epochs": self.epochs or None, "fraction": self.fraction, "set": list(self.sets), "said": str(self)}


def cells(
    suite: Suite, rows: Sequence[Row], departure: Departure, parts: Catalog, placed: Mapping[str, Any] | None = None
) -> list[Cell]:
    """The rows as cells.

    Args:
        placed: flags of the placement (device, threads, data_dir, tags and so on), as `from_flags` takes them.

    Raises:
        BadInput: a row does not resolve, so that it cannot be shrunk; with the problems of all rows.
    """
    found, problems, longest = [], list[str](), 0
    for row in rows:
        try:
            draft = _draft(row, placed or {})
            whole = draft.recipe(row.recipe, parts) if departure.shrunk else None
            longest = max(longest, whole.epochs if whole else 0)
            smaller = _smaller(whole, departure, parts) if whole else {}
            found.append(Cell(row.id, _departing(draft, suite, row, departure, smaller), row.recipe))
        except BadInput as error:
            problems += [f"{row.id}: {problem}" for problem in error.problems]
    if not problems and departure.epochs >= longest > 0:
        problems = [f"--epochs: got {departure.epochs}; these rows have {longest} or fewer, and a suite is only shrunk"]
    if problems:
        raise BadInput(problems)
    return found


def resets(suite: Suite, rows: Sequence[Row], departure: Departure, parts: Catalog) -> dict[str, list[str]]:
    """By row, what the departure resets by picking other parts than the source's, one line a part."""
    if not any(map(names_a_part, departure.sets)):
        return {}
    found = zip(rows, cells(suite, rows, departure, parts), strict=True)
    return {
        row.id: loader.reset_by(
            row_recipe(row, parts), cell.draft.recipe(cell.source, parts), cell.draft.edits(), parts
        )
        for row, cell in found
    }


def _draft(row: Row, placed: Mapping[str, Any]) -> Draft:
    """The row as its source ran it."""
    return from_flags(
        {
            "preset": row.recipe,
            "model": row.model,
            "augmentation": row.augmentation,
            "schedule": row.schedule,
            "sets": row.sets,
            "add_ops": row.add_ops,
            "drop_ops": row.drop_ops,
            **placed,
        }
    )


def _departing(draft: Draft, suite: Suite, row: Row, departure: Departure, smaller: Mapping[str, str]) -> Draft:
    """The row as it is to be run, with its tags."""
    mine = draft.place.get("tags", "").split()
    tags = [f"suite:{suite.name}", f"row:{row.id}", *(["shrunk"] if smaller else ()), *mine]
    changed = {**smaller, **from_flags({"sets": departure.sets}).sets}
    return dataclasses.replace(draft, sets={**draft.sets, **changed}, place={**draft.place, "tags": " ".join(tags)})


def _smaller(recipe: Recipe, departure: Departure, parts: Catalog) -> dict[str, str]:
    """Fields that make a recipe smaller and keep its curves."""
    sets = shorter(recipe, departure.epochs, parts) if 0 < departure.epochs < recipe.epochs else {}
    if departure.fraction < 1:
        sets["data.fraction"] = f"{recipe.data.fraction * departure.fraction:.12g}"
    return sets
