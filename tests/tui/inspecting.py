"""Runs to inspect, with predictions for pictures that are in the cache."""

from pathlib import Path

import pytest

from engine.contract.run.store import RunFolder, find, summarize
from presets.loader import Edits
from tests.tui.demo import Demo, pictures, predict_as_confused, write_run
from tui.dashboard.view import RunView
from tui.inspection.facts import Facts, read_facts

MADE = (((), 0, 0.0), ((), 1, 0.0005), ((), 2, -0.0004), (("averaging=ema",), 0, 0.005))
"""(what is changed, seed, shift of the accuracy) of each run."""


def make_inspected(home: Path) -> None:
    """Three seeds of a recipe and one run of another in `home`/runs; their pictures are in `home`/cache."""
    runs = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(home / "cache"))
        arrays = pictures()
    (home / "runs").mkdir()
    for i, (sets, seed, shift) in enumerate(MADE):
        demo = Demo(
            epochs_done=500, state="finished", seed=seed, shift=shift, edits=Edits(sets=sets),
            changes="averaging=ema" if sets else "-",
        )  # fmt: skip
        run = write_run(home / "runs", demo)
        run.add_label(note="padding for reviewer 2")
        predict_as_confused(run, arrays.test_labels, arrays.fingerprint, seed=i)
        runs.append(run)
    (home / "ids").write_text(" ".join(run.id for run in runs))


def inspected_runs(home: Path) -> list[RunFolder]:
    """The runs that `make_inspected` has made there, in that order."""
    return [find([home / "runs"], run) for run in (home / "ids").read_text().split()]


def facts_of(run: RunFolder, runs: list[RunFolder], **more) -> Facts:
    """What Inspect reads of a run."""
    rows = [summarize(one) for one in runs]
    return read_facts(RunView(run), next(row for row in rows if row.folder == str(run.path)), rows, **more)
