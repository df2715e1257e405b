"""Reads the marked runs for Compare, in steps, so that curves and table do not wait for the verdicts."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from engine.analysis.between_models import Models
from engine.analysis.between_recipes import Recipes
from engine.analysis.between_sets import OnSet
from engine.analysis.judged import Judged, judge_models, judge_on_sets, judge_recipes, plans_of
from engine.analysis.marked import MarkedRun, Reading, mark, read_run
from engine.analysis.verdict import Rules
from engine.contract.run.fold import RunFold
from engine.contract.run.store import RunFolder, Summary


class CompareReader:
    """What was read of each run, brought up to date by every reading. May be used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folds: dict[RunFolder, RunFold] = {}
        self._readings: dict[RunFolder, tuple[Hashable, Reading]] = {}
        self._models: tuple[Hashable, Models] | None = None
        self._recipes: tuple[Hashable, Recipes | None] | None = None
        self._on_sets: tuple[Hashable, tuple[OnSet, ...]] | None = None

    def read(
        self, runs: Sequence[RunFolder], baseline: RunFolder, rows: Sequence[Summary], rules: Rules | None = None
    ) -> Iterator[Judged]:
        """The runs without verdicts, then with those on models, on recipes, and on further test sets.

        Args:
            rows: of all runs; those of the same recipes count in the verdict on recipes.
            rules: how differences are judged.
        """
        with self._lock:
            marked = mark([self._reading(run) for run in runs], baseline.id)
            found = Judged(tuple(marked), baseline.id)
            key = (baseline.id, rules, *map(_judged_by, marked))
            recipe_key = (rules, _recipes_by(marked, baseline.id, rows))
            if self._models and self._models[0] == key:
                found = replace(found, models=self._models[1])
            if self._recipes and self._recipes[0] == recipe_key:
                found = replace(found, recipes=self._recipes[1])
            sets_key = (key, *(_changed(run.predicted) for run in runs))
            if self._on_sets and self._on_sets[0] == sets_key:
                found = replace(found, on_sets=self._on_sets[1])
            yield found
            if found.models is None:
                models = judge_models(marked, baseline.id, rules)
                self._models = (key, models)
                found = replace(found, models=models)
                yield found
            if self._recipes is None or self._recipes[0] != recipe_key:
                found = replace(found, recipes=judge_recipes(marked, baseline.id, rows, rules))
                self._recipes = (recipe_key, found.recipes)
                yield found
            if self._on_sets is None or self._on_sets[0] != sets_key:
                self._on_sets = (sets_key, judge_on_sets(marked, baseline.id, rules))
                if self._on_sets[1] or found.on_sets:
                    yield replace(found, on_sets=self._on_sets[1])

    def _reading(self, run: RunFolder) -> Reading:
        """What the folder of a run says, read again only where its files have changed."""
        stamp = _stamp(run)
        known = self._readings.get(run)
        if known is None or known[0] != stamp:
            fold = self._folds.setdefault(run, RunFold(run.events))
            known = self._readings[run] = (stamp, read_run(run, fold))
        return known[1]


def stamps(runs: Sequence[RunFolder]) -> tuple[Hashable, ...]:
    """Changes whenever files of these runs do."""
    return tuple(map(_stamp, runs))


def _stamp(run: RunFolder) -> Hashable:
    files = (run.events, run.exit, run.labels_jsonl, run.recipe_toml, run.predictions, run.predicted)
    return (run, *map(_changed, files))


def _changed(path: Path) -> Hashable:
    """Size and time of a file or folder; zeros if it is not there yet."""
    try:
        facts = path.stat()
    except OSError:
        return 0, 0
    return facts.st_size, facts.st_mtime_ns


def _judged_by(one: MarkedRun) -> Hashable:
    """What the verdict on a model depends on."""
    row = one.row
    return row.standing.id, one.run.status, one.run.excluded, row.at_epoch, row.base_epoch, row.last


def _recipes_by(marked: Sequence[MarkedRun], baseline: str, rows: Sequence[Summary]) -> Hashable:
    """What the verdict on recipes depends on."""
    recipes = tuple(one.run.recipe_id for one in marked if one.recipe is not None)
    members = [(row.id, row.status, row.last_accuracy, row.excluded) for row in rows if row.recipe_id in recipes]
    return baseline, recipes, tuple(members), tuple(plans_of(marked).items())
