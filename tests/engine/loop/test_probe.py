"""Which precision and how many threads are chosen by trying them on the machine."""

import pytest
import torch
from torch import nn

from engine.loop import probe

CPU = torch.device("cpu")
FEW = torch.ones(2, 3, 8, 8)
LONG = 10_000_000  # images, of which trials may take their share


@pytest.fixture
def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(), nn.Linear(144, 10))


def timed(monkeypatch, fp32: float, bf16: float) -> None:
    monkeypatch.setattr(probe, "PROBE_SECONDS", 0.0)
    monkeypatch.setattr(probe, "time_step", lambda model, batch, *, bf16, times=(fp32, bf16): times[bf16])


@pytest.mark.parametrize("fp32, bf16, precision", [(2.0, 1.0, "bf16"), (1.05, 1.0, "fp32"), (1.0, 8.0, "fp32")])
def test_auto_takes_bf16_only_where_it_pays(net, monkeypatch, fp32, bf16, precision):
    timed(monkeypatch, fp32, bf16)
    chosen, why = probe.choose_precision("auto", CPU, net, FEW, probe.Trials(2, LONG))
    assert chosen == precision
    assert f"{fp32 / bf16:.2f} times" in why


class Broken(nn.Module):
    """A kernel whose gradient is of another order in bf16, as oneDNN's of dilated depthwise convolutions is."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x):
        y = x.clone()
        if torch.is_autocast_enabled("cpu"):
            y.register_hook(lambda gradient: gradient * self.factor)
        return y


@pytest.mark.parametrize(
    ("factor", "precision"), [(1.0, "bf16"), (1e30, "fp32"), (float("nan"), "fp32"), (float("inf"), "fp32")]
)
def test_auto_takes_fp32_where_a_kernel_is_broken_in_bf16(net, monkeypatch, factor, precision):
    monkeypatch.setattr(probe, "PROBE_SECONDS", 0.0)
    monkeypatch.setattr(probe, "WORTH_IT", 0.0)  # bf16 would be taken whatever it costs
    chosen, why = probe.choose_precision("auto", CPU, net.insert(1, Broken(factor)), FEW, probe.Trials(2, LONG))
    assert chosen == precision
    assert ("norm" in why) == (precision == "fp32")


@pytest.mark.parametrize("native, precision", [(True, "bf16"), (False, "fp32")])
def test_auto_takes_bf16_on_a_gpu_that_has_it(net, monkeypatch, native, precision):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    assert probe.choose_precision("auto", torch.device("cuda"), net, FEW)[0] == precision


def test_a_precision_that_the_recipe_sets_is_not_tried():
    assert probe.choose_precision("bf16", CPU, None, None) == ("bf16", "set by the recipe")


@pytest.mark.parametrize("images, steps", [(639, 0), (640, 1), (6400, 10)])
def test_trials_fit_only_into_a_twentieth_of_the_images(images, steps):
    trials = probe.Trials(32, images)
    assert sum(trials.fit(1) for _ in range(20)) == steps


def test_a_trial_ends_after_its_share_of_the_run(net, monkeypatch):
    """A run of 4,000 images is estimated at 20 s, of which the precisions may take half a second."""
    clock = iter(range(1_000_000))
    steps = []
    monkeypatch.setattr(probe.time, "monotonic", lambda: 0.01 * next(clock))
    monkeypatch.setattr(probe, "time_step", lambda *_, bf16: steps.append(bf16) or 0.01)
    trials = probe.Trials(2, 4000)
    assert trials.fit(probe.PRECISION_STEPS)
    probe.choose_precision("auto", CPU, net, FEW, trials)
    assert 90 <= len(steps) <= 110  # two steps in 10 ms of this clock
    assert trials.figures() == {"run_seconds": 20.0, "images": 2, "milliseconds": {"bf16": 10.0, "fp32": 10.0}}
