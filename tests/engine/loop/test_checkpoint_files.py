"""Snapshots hold plain data only, and every file of a checkpoint loads with `weights_only`."""

import io

import pytest
import torch

from engine.loop.checkpoint_files import snapshot


def test_a_snapshot_does_not_follow_later_changes():
    weight = torch.ones(3)
    copied = snapshot({"a": [weight, (weight, 2.0)], "n": None})
    weight.fill_(5)
    assert copied["a"][0].tolist() == [1, 1, 1]
    assert copied["a"][1][0].tolist() == [1, 1, 1]


def test_a_tensor_that_is_met_twice_is_copied_once():
    weight, view = torch.ones(2, 3), torch.zeros(6)
    copied = snapshot(
        [weight, {"again": weight.detach()}, weight.t(), view[:3], view[3:], torch.ones(0), torch.ones(0, 2)]
    )
    assert copied[0] is copied[1]["again"]
    assert [tuple(item.shape) for item in copied[2:]] == [(3, 2), (3,), (3,), (0,), (0, 2)]
    assert torch.equal(copied[2], weight.t())


@pytest.mark.parametrize("intruder", [object(), b"bytes", {1, 2}, torch.nn.Linear(1, 1)])
def test_what_safe_loading_would_refuse_is_refused_when_saving(intruder):
    with pytest.raises(TypeError, match=r"optimizer\.state"):
        snapshot({"optimizer": {"state": intruder}})


def test_every_file_of_a_real_run_loads_with_weights_only(make):
    trial = make(averaging="ema", optimizer="adamw", model="dropout_net")
    trial.go(stop_after=12)
    files = list(trial.run.checkpoints.rglob("*.pt"))
    assert {path.name for path in files} == {"weights.pt", "state.pt", "best.pt"}
    for path in files:
        torch.load(io.BytesIO(path.read_bytes()), weights_only=True)
