"""The recipe fields in which runs differ, as columns of a table with one row a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.contract.errors import BadInput
from engine.contract.recipe.changes import flat
from engine.contract.run.folder import RunFolder
from engine.contract.run.summary import Summary


@dataclass(frozen=True, slots=True)
class Fields:
    """Recipe fields by their paths, such as `optimizer.lr`."""

    paths: tuple[str, ...]
    """Those in which at least two of the runs differ, in the order of the recipe."""
    rows: tuple[dict[str, Any], ...]
    """For each run the values of all its fields; empty where its recipe cannot be read."""
    unreadable: tuple[str, ...]
    """The ids of those runs."""


def differing_fields(runs: Sequence[Summary]) -> Fields:
    """Read the recipes of runs, each recipe once, and find the fields in which they differ.

    A field that one recipe has and another has not, such as an option of another optimizer, counts as different.
    """
    known: dict[str, dict[str, Any]] = {}
    rows = []
    for run in runs:
        key = run.recipe_id or run.folder
        if key not in known:
            known[key] = _fields_of(RunFolder(Path(run.folder)))
        rows.append(known[key])
    readable = [fields for fields in known.values() if fields]
    paths = dict.fromkeys(path for fields in readable for path in fields)
    differing = tuple(path for path in paths if any(fields.get(path) != readable[0].get(path) for fields in readable))
    lost = tuple(run.id for run, fields in zip(runs, rows, strict=True) if not fields)
    return Fields(differing, tuple(rows), lost)


def _fields_of(run: RunFolder) -> dict[str, Any]:
    try:
        return flat(run.inspect()[0])
    except BadInput:
        return {}
