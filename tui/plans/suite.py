"""The rows of a suite as batch items: as the source ran them, or shrunk and labeled as such."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.contract.errors import BadInput
from engine.contract.numbers import counted
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.schema import Recipe
from presets.shrink import shorter
from presets.suites import Row, Suite
from tui.plans.batch import BatchItem
from tui.plans.draft import Draft, from_flags
from tui.plans.resolution import Resolver


@dataclass(frozen=True, slots=True)
class Shrink:
    """How runs of a suite differ from those of the source. Every output names it.

    Raises:
        BadInput: an impossible size.
    """

    epochs: int = 0
    """Epochs of the rows that have more; 0 leaves all as they are."""
    fraction: float = 1.0
    """Part of the training images of each row that is used, more than 0 and at most 1."""
    sets: tuple[str, ...] = ()
    """Further changes, as `--set` takes them."""

    def __post_init__(self) -> None:
        problems = []
        if self.epochs < 0:
            problems.append(f"--epochs: got {self.epochs}, needs >= 1")
        if not 0 < self.fraction <= 1:
            problems.append(f"--fraction: got {self.fraction:g}, needs > 0 and <= 1")
        if problems:
            raise BadInput(problems)

    @property
    def resizes(self) -> bool:
        """Whether runs become shorter or see fewer images."""
        return bool(self.epochs) or self.fraction < 1

    def __bool__(self) -> bool:
        return self.resizes or bool(self.sets)

    def __str__(self) -> str:
        """For example "shrunk to 2 epochs and 5 % of the training images; changed by --set data.holdout=0.1"."""
        sizes = [counted(self.epochs, "epoch")] if self.epochs else []
        sizes += [f"{100 * self.fraction:g} % of the training images"] if self.fraction < 1 else []
        parts = [f"shrunk to {' and '.join(sizes)}"] if sizes else []
        parts += [f"changed by {' '.join(f'--set {text}' for text in self.sets)}"] if self.sets else []
        return "; ".join(parts)

    def flags(self) -> list[str]:
        """The words that ask for it on the command line."""
        words = ["--epochs", str(self.epochs)] if self.epochs else []
        words += ["--fraction", f"{self.fraction:g}"] if self.fraction < 1 else []
        return words + [word for text in self.sets for word in ("--set", text)]

    def table(self) -> dict[str, Any] | None:
        """For JSON output; None where the runs are those of the source."""
        if not self:
            return None
        return {"epochs": self.epochs or None, "fraction": self.fraction, "set": list(self.sets), "said": str(self)}


def items(
    suite: Suite, rows: Sequence[Row], shrink: Shrink, parts: Catalog, placed: Mapping[str, Any] | None = None
) -> list[BatchItem]:
    """The rows as batch items.

    Args:
        placed: placement flags (device, threads, tags and so on), as `from_flags` takes them.

    Raises:
        BadInput: a row cannot be shrunk because it does not resolve; with the problems of all rows.
    """
    resolver, found, problems, longest = Resolver(parts), [], list[str](), 0.0
    for row in rows:
        plain, labels = _draft(row, placed or {}), (f"suite:{suite.name}", f"row:{row.id}")
        whole = resolver.take(_tagged(plain, *labels), row.recipe)
        try:
            smaller = _smaller(whole.recipe, shrink, parts) if shrink.resizes else {}
            longest = max(longest, whole.recipe.epochs if shrink.resizes else 0)
            changed = {**smaller, **from_flags({"sets": shrink.sets}).sets}
        except BadInput as error:
            problems += [f"{row.id}: {problem}" for problem in error.problems]
            continue
        if changed:
            draft = dataclasses.replace(plain, sets={**plain.sets, **changed})
            tagged = _tagged(draft, *labels, *(["shrunk"] if smaller else []))
            found.append(BatchItem(row.id, resolver.take(tagged, row.recipe, whole)))
        else:
            found.append(BatchItem(row.id, whole))
    if not problems and shrink.epochs >= longest > 0:
        rows_have = f"these rows have {longest:g} epochs or fewer"
        problems = [f"--epochs: got {shrink.epochs}; {rows_have}, and --epochs only shortens them"]
    if problems:
        raise BadInput(problems)
    return found


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


def _tagged(draft: Draft, *tags: str) -> Draft:
    """The draft with tags in front of its own."""
    return draft.put("place.tags", " ".join([*tags, *draft.place.get("tags", "").split()]))


def _smaller(recipe: Recipe, shrink: Shrink, parts: Catalog) -> dict[str, str]:
    """The fields that make a recipe smaller and keep the shape of its schedules."""
    sets = shorter(recipe, shrink.epochs, parts) if 0 < shrink.epochs < recipe.epochs else {}
    if shrink.fraction < 1:
        sets["data.fraction"] = f"{recipe.data.fraction * shrink.fraction:.12g}"
    return sets
