"""The overview of a run against its files, its predictions and statsmodels."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from engine.analysis.history import History
from engine.analysis.overview import Overview, overview
from engine.contract.recipe.catalog import catalog
from engine.contract.run.folder import RunFolder
from presets import loader, references
from tests.engine.analysis.predicting import predicted_run, spoiled


@pytest.fixture
def seen(ended_run) -> Overview:
    """Of a run with 400 test images, of which about a tenth is misclassified at the end."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 400)
    recipe = references.recipe_of("quickstart", catalog(), loader.Edits(sets=["epochs=3", "schedule.warmup=0"]))
    run = predicted_run(ended_run, recipe, 0, labels, spoiled(rng, labels, 0.1))
    folder = RunFolder(Path(run.folder))
    history = History(folder.events)
    history.poll()
    return overview(folder, run, history)


def test_the_interval_is_wilsons_for_the_size_of_the_test_set(seen: Overview) -> None:
    assert seen.test_images == 400 and seen.interval is not None and seen.run.last_accuracy is not None
    hits = round(400 * seen.run.last_accuracy)
    low, high = proportion_confint(hits, 400, method="wilson")
    assert (seen.interval.low, seen.interval.high) == pytest.approx((low, high), abs=1e-9)


def test_files_have_the_sizes_that_they_have_on_disk(seen: Overview) -> None:
    folder = Path(seen.run.folder)
    names = [one.name for one in seen.files]
    assert {"predictions.npz", "events.jsonl", "recipe.toml", "run.json"} <= set(names)
    assert all(one.size_bytes == (folder / one.name).stat().st_size for one in seen.files)
    sizes = [one.size_bytes for one in seen.files]
    assert sizes == sorted(sizes, reverse=True)


def test_what_is_not_known_is_not_made_up(seen: Overview) -> None:
    """This run has no samples of power or memory, and its recipe was changed, so that no promise applies."""
    assert all(math.isnan(value) or value == 0 for value in (seen.kwh, seen.watts, seen.peak_bytes))
    assert seen.fields > 50 and not seen.live
    assert json.loads(json.dumps(seen.to_json(), default=str))["test_images"] == 400
