"""The seeds of a baseline's recipe, for the spread that its difference to another run is read beside."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from engine.analysis.seeds import one_a_seed
from engine.analysis.standing import Standing
from engine.contract.run.store import RunFolder, Summary
from tui.dashboard.view import RunView

MOST: Final = 8
"""At most this many runs of the baseline's recipe are read."""


def seeds_of(base: RunView, rows: Iterable[Summary]) -> list[Standing]:
    """One run for each seed of the baseline's recipe, without those that were left out of means."""
    alike = [row for row in rows if row.recipe_id == base.info.recipe_id != "" and not row.excluded]
    alike, _ = one_a_seed(alike, lambda row: row.seed, lambda row: (row.epoch, row.created))
    found = []
    for row in alike[:MOST]:
        view = RunView(RunFolder(Path(row.folder)))
        view.poll()
        found.append(view.standing())
    return found
