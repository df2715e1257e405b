"""The first events of an attempt."""

from dataclasses import replace

import pytest

from engine.contract.run.events import RunStarted
from engine.data.load import Split
from engine.loop.opening import arithmetic, opening
from engine.loop.setup import prepare
from tests.engine.conftest import CPU


def test_the_first_event_describes_the_run(make, tiny, tmp_path):
    part = Split(tiny.train.images[:60], tiny.train.labels[:60])
    trial = make(replace(tiny, holdout=part), batch_size=50)
    setup = prepare(trial.recipe, trial.data, tmp_path / "probe.json", seed=1, device=CPU, threads=1, parts=trial.parts)
    started, message = opening(setup, trial.recipe, trial.data, attempt=3, best_on="holdout")
    assert isinstance(started, RunStarted)
    assert (started.attempt, started.epochs, started.steps_per_epoch, started.batch_size) == (3, 3, 6, 50)
    assert (started.train_images, started.test_images, started.holdout_images) == (330, 105, 60)
    assert (started.best_on, started.params) == ("holdout", 62_006)  # LeNet-5 with 3 input channels has 62,006
    assert message.text == "fp32: set by the recipe; 1 CPU thread; TF32 off"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"threads": 2, "graph": True}, "2 CPU threads; TF32 off; each step is one CUDA graph"),
        (
            {"micro_batch": 125, "probe": {"micro_batch_gain": 1.25}},
            "1 CPU thread; TF32 off; in micro-batches of 125 images, 1.2 times as fast as whole batches here",
        ),
        ({"micro_batch": 125}, "1 CPU thread; TF32 off; in micro-batches of 125 images"),
    ],
)
def test_the_arithmetic_is_told_in_one_line(make, tmp_path, changes, text):
    trial = make()
    setup = prepare(trial.recipe, trial.data, tmp_path / "probe.json", seed=1, device=CPU, threads=1, parts=trial.parts)
    assert f"; {text}" in arithmetic(replace(setup.decisions, **changes))
