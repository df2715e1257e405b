"""A run on two ranks computes what it computes on one: after one step up to rounding, in evaluation bit for bit.

Nets with batch norm compute in float64 and are compared after one step: in float32, rounding that flips the sign of a
value before a ReLU moves gradients by more than the differences that are looked for, and torch's own batch norm on a
CPU is 4e-6 from the exact result with channels-last images.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.contract.errors import BadInput
from engine.contract.run.events import Epoch, Finished, Resumed, Stopped
from engine.loop.observe import Diverged
from engine.models.across_ranks import across
from tests.engine.two_ranks import alone, one_step, whole_run

PLAIN = {"name": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": True}
KEPT = {"last_batch": "keep"}


def distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """The relative difference of all weights and running statistics, by norms. Counters must be equal."""
    assert one.keys() == other.keys()
    gap, size = 0.0, 0.0
    for name, value in one.items():
        if value.is_floating_point():
            gap += float((value - other[name]).double().square().sum())
            size += float(value.double().square().sum())
        else:
            assert torch.equal(value, other[name]), name
    return math.sqrt(gap / size)


def compare(pair: Any, trial: Any, tmp_path: Path, batch: int = 64, steps: int = 1, *, double: bool = False) -> float:
    """How far two ranks are from one after some steps; both ranks must agree bit for bit."""
    expected = alone(one_step, trial, tmp_path / "one" / "probe.json", batch, steps, double)
    first, second = pair(one_step, trial, tmp_path / "two" / "probe.json", batch, steps, double)
    assert all(torch.equal(value, second["state"][name]) for name, value in first["state"].items())
    assert torch.equal(first["loss"], second["loss"]) and torch.equal(first["logits"], second["logits"])
    assert first["missing"] == second["missing"] == expected["missing"]
    assert (first["logits"] - expected["logits"]).norm() < 1e-4 * expected["logits"].norm()
    assert float(first["loss"]) == pytest.approx(float(expected["loss"]), rel=1e-6)
    if expected["norm"] is not None:
        assert float(first["norm"]) == pytest.approx(float(expected["norm"]), rel=1e-5)
    found = distance(expected["state"], first["state"])
    print(f"relative difference {found:.1e}")
    return found


@pytest.fixture(autouse=True)
def folders(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()


LENET: dict[str, tuple[dict[str, Any], int]] = {
    "a full batch": ({}, 64),
    "a last batch of 11 images": (KEPT, 11),
    "mixup": ({"augmentation": ["random_crop", "mixup"]}, 64),
    "cutmix, a last batch of 21": ({"augmentation": ["horizontal_flip", "cutmix"], **KEPT}, 21),
    "SAM": ({"optimizer": PLAIN | {"sharpness": "sam"}}, 64),
    "Muon": ({"optimizer": {"name": "muon", "precision": "fp32"}}, 64),
    "Muon clipped": ({"optimizer": {"name": "muon", "precision": "fp32", "clip_norm": 0.1}}, 64),
    "Lookahead": ({"optimizer": PLAIN | {"lookahead": 2}}, 64),
    "clipping": ({"optimizer": PLAIN | {"clip_norm": 0.05}}, 64),
    "accumulation": ({"compute": {"precision": "fp32", "accumulate": 4}}, 64),
    "accumulation of a ragged batch": ({"compute": {"precision": "fp32", "accumulate": 2}, **KEPT}, 27),
    "distillation": ({"loss": {"name": "distillation", "teacher": "@last", "temperature": 3.0}}, 64),
    "EMA": ({"averaging": {"name": "ema", "decay": 0.9}}, 64),
}


@pytest.mark.parametrize("case", LENET)
def test_three_steps_are_those_of_one_rank(pair, make, tmp_path, case: str):
    changes, batch = LENET[case]
    steps = 3 if batch == 64 else 1
    assert compare(pair, make(**changes), tmp_path, batch, steps) < 1e-6


WHOLE = {"precision": "fp32"}
HALVED = WHOLE | {"accumulate": 2}

NORMED: dict[str, dict[str, Any]] = {
    "synchronized": {"model": "resnet20", "compute": WHOLE},
    "ghost batches of 16": {"model": {"name": "three_convs", "ghost_batch": 16}, "compute": WHOLE},
    "ghost batches in parts": {"model": {"name": "three_convs", "ghost_batch": 8}, "compute": HALVED},
    "synchronized in parts": {"model": "three_convs", "compute": HALVED},
}


@pytest.mark.parametrize("case", NORMED)
def test_batch_norm_sees_the_batch_that_it_sees_on_one_rank(pair, make, tmp_path, case: str):
    assert compare(pair, make(**NORMED[case]), tmp_path, double=True) < 1e-7


@pytest.mark.parametrize("sizes", [0, 16], ids=["synchronized", "ghost batches"])
def test_sam_and_swa_keep_the_statistics_of_one_rank(pair, make, tmp_path, sizes: int):
    changes = {"optimizer": PLAIN | {"sharpness": "sam"}, "averaging": {"name": "swa", "start": 0.0, "every": 0.2}}
    trial = make(model={"name": "three_convs", "ghost_batch": sizes}, compute=WHOLE, **changes)
    assert compare(pair, trial, tmp_path, double=True) < 1e-7


def test_predictions_and_figures_are_those_of_one_rank(pair, make, tiny):
    trial, shared = make(epochs=1, optimizer=PLAIN | {"lr": 1e-12}), make(epochs=1, optimizer=PLAIN | {"lr": 1e-12})
    one = alone(whole_run, trial)
    first, second = pair(whole_run, shared)
    told = [next(event for event in events if isinstance(event, Epoch)) for events in (one, first, second)]
    for name in ("test_loss", "test_accuracy", "per_class", "per_class_count", "confused", "train_accuracy"):
        values = [getattr(event, name) for event in told]
        assert values[1] == values[2], name
        assert values[0] == pytest.approx(values[1], rel=1e-9), name
    assert isinstance(first[-1], Finished) and isinstance(second[-1], Finished)
    with np.load(trial.run.predictions) as mine, np.load(shared.run.predictions) as theirs:
        assert mine.files == theirs.files
        assert all(np.array_equal(mine[key], theirs[key]) for key in mine.files)


def weights(trial: Any) -> dict[str, torch.Tensor]:
    return trial.weights()


def test_all_ranks_stop_at_the_same_step_and_a_resumed_run_ends_with_the_same_bits(pair, make):
    changes = {"model": {"name": "lenet"}, "averaging": {"name": "ema", "decay": 0.9}}
    whole, broken = make(**changes), make(**changes)
    pair(whole_run, whole)
    ends = [events[-1] for events in pair(whole_run, broken, 4, 1)]
    assert [type(end) for end in ends] == [Stopped, Stopped]
    assert ends[0].step == ends[1].step > 4 - 1 and ends[0].epoch == ends[1].epoch
    first, second = pair(whole_run, replace(broken, attempts=1))
    assert [event.exact for event in first if isinstance(event, Resumed)] == [True]
    assert isinstance(second[-1], Finished)
    assert broken.ends_as(whole)


def test_a_run_resumed_on_one_rank_says_so_and_keeps_order_and_schedule(pair, make):
    whole, broken = make(), make()
    alone(whole_run, whole)
    pair(whole_run, broken, 4)
    (resumed,) = [event for event in alone(whole_run, broken) if isinstance(event, Resumed)]
    assert resumed.why == "resumed, not bit-identical: gpus 2 is now 1"
    assert distance(whole.weights(), broken.weights()) < 1e-5


def divergence(world: Any, trial: Any) -> str:
    """How the run diverges."""
    try:
        whole_run(world, trial)
    except Diverged as error:
        return str(error)
    return ""


def test_all_ranks_find_that_a_run_diverges_at_the_same_step(pair, make):
    optimizer = {"name": "sgd", "lr": 5.0}
    trial = make(loss={"name": "explodes", "above": 40.0}, optimizer=optimizer, schedule="constant")
    first, second = pair(divergence, trial)
    assert first == second and first.startswith("the loss became nan in epoch ")


class OwnNorm(torch.nn.BatchNorm2d):
    """A kind of batch norm that is not built in."""


def refusal(world: Any, trial: Any, probe: Path, own_norm: bool) -> str:
    """Why the run is not trained, or why a model with `OwnNorm` is not."""
    try:
        if own_norm:
            across(torch.nn.Sequential(OwnNorm(3)), world)
        else:
            one_step(world, trial, probe, 64)
    except BadInput as error:
        return str(error)
    return ""


def test_what_would_not_be_the_same_on_two_ranks_is_refused(pair, make, tmp_path):
    probe = tmp_path / "two" / "probe.json"
    problem = "batch_size: 63 does not divide among 2 GPUs; the nearest sizes are 62 and 64"
    assert pair(refusal, make(batch_size=63), probe, False) == [problem] * 2
    problem = "gpus = 2: the model has a layer OwnNorm, which cannot be synchronized; train it on one GPU"
    assert pair(refusal, make(), probe, True) == [problem] * 2
