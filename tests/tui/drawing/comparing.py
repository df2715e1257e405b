"""Three judged runs, of which the first is the baseline: two seeds of one recipe, and one of another."""

from dataclasses import replace

import pytest

from engine.analysis.judged import Judged, judge_models, judge_recipes
from engine.analysis.marked import mark, read_run
from engine.contract.run.store import summarize
from presets.loader import Edits
from tests.tui.demo import Demo, predict, write_run

MARKS = ("●", "run-0"), ("■", "run-1"), ("▲", "run-2")


@pytest.fixture
def runs(tmp_path):
    found = []
    for seed, (edits, shift) in enumerate([(None, 0.0), (None, 0.001), (Edits(sets=("averaging=ema",)), 0.02)]):
        demo = Demo(epochs_done=500, state="finished", seed=seed, name="", edits=edits, shift=shift)
        run = write_run(tmp_path, demo)
        predict(run, summarize(run).last_accuracy)
        found.append(run)
    return found


@pytest.fixture
def judged(runs):
    base = runs[0].id
    marked = mark([read_run(run) for run in runs], base)
    rows = [one.run for one in marked]
    found = Judged(tuple(marked), base, judge_models(marked, base))
    return replace(found, recipes=judge_recipes(marked, base, rows))


@pytest.fixture
def marks(judged):
    return dict(zip([one.run.id for one in judged.marked], MARKS, strict=True))
