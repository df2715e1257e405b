"""The state of the screen Suites: one suite, its marked rows, the size of their runs, and what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from engine.analysis.report import Outcome, Reproduction, outcome, reproduce
from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.changes import changes
from engine.contract.recipe.schema import Recipe
from engine.contract.run.store import Summary
from presets import suites
from presets.suites import Row
from tui.plans.batch import BatchItem
from tui.plans.suite import Shrink, items


class SuiteState:
    """One suite, its runs at one size.

    Raises:
        BadInput: there is no such suite, or a row of it is not valid.
    """

    def __init__(self, name: str, catalog: Catalog, shrink: Shrink | None = None) -> None:
        self.name = name
        self.suite = suites.load(name)
        self.shrink = shrink or Shrink()
        self.marked: set[str] = set()
        self._catalog = catalog
        self._items = {item.label: item for item in items(self.suite, self.suite.rows, self.shrink, catalog)}
        self._recipes: dict[str, Recipe] = {label: item.resolution.recipe for label, item in self._items.items()}
        self._read: dict[tuple[str, int, float], Outcome | None] = {}

    @property
    def rows(self) -> tuple[Row, ...]:
        return self.suite.rows

    def changed(self, row: Row) -> str:
        """Describe how our runs of a row differ from its preset."""
        return changes(self._items[row.id].resolution.base, self._recipes[row.id], self._catalog)

    def measured(self, known: Sequence[Summary]) -> list[Reproduction]:
        """The measurements of each row. A run is read again only after it has changed."""
        return [
            reproduce(
                row.id, self._recipes[row.id].recipe_id, row.reported.selection, row.reported.test_accuracy, known,
                self._outcome,
            )
            for row in self.rows
        ]  # fmt: skip

    def _outcome(self, run: Summary) -> Outcome | None:
        key = run.folder, run.epoch, run.ended
        if key not in self._read:
            self._read[key] = outcome(run)
        return self._read[key]

    def runs(self, row: Row, known: Sequence[Summary]) -> list[Summary]:
        """All runs of a row's recipe, newest first."""
        mine = self._recipes[row.id].recipe_id
        return sorted((run for run in known if run.recipe_id == mine), key=lambda run: run.created, reverse=True)

    def chosen(self, at: Row) -> list[Row]:
        """The marked rows in the order of the table, else the one at the cursor."""
        return [row for row in self.rows if row.id in self.marked] or [at]

    def mark(self, rows: set[str]) -> None:
        """Mark exactly these rows."""
        self.marked = rows

    def items(self, rows: Sequence[Row]) -> list[BatchItem]:
        """The rows as items of a batch."""
        return [self._items[row.id] for row in rows]


def parse_shrink(text: str) -> Shrink:
    """Read `2 0.1`: epochs, then the fraction of the training images. Either may be left out (`2`, `- 0.1`).

    Raises:
        BadInput: the text is not of this form, or a number is out of range.
    """
    words = text.split()
    if len(words) > 2:
        raise BadInput(f"got {text!r}, needs epochs and a fraction of the images, such as 2 0.1")
    read = partial(_number, text)
    epochs = read(words[0], int) if words and words[0] != "-" else 0
    fraction = read(words[1], float) if len(words) > 1 else 1.0
    return Shrink(int(epochs), fraction)


def _number(text: str, word: str, kind: type[int] | type[float]) -> float:
    try:
        return kind(word)
    except ValueError:
        raise BadInput(f"got {text!r}, needs epochs and a fraction of the images, such as 2 0.1") from None
