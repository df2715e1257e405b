"""The engine's `airbench94` against the net in the record's own code, at the same batch size, device and precision.

The record's net is read from a checkout that `--airbench PATH` names (see `bench/airbench.py`) and takes plain PyTorch
steps with the record's loss and optimizer. Its own code holds its weights in half precision; so, where the engine
uses bf16, the net is measured a second time with weights in bf16 and batch norms in fp32. The batch does not change.

Time to accuracy is measured by whole runs, in `bench/whole_runs.py`; `--quick` leaves them out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench import whole_runs
from bench.airbench import MUON, NoRecord, record_file, record_net
from bench.figures import Row
from bench.loops import built, images, limit_rate, recipe
from bench.plan import Case, Wishes
from bench.train import row
from engine.loop.hardware import choose_device
from engine.loop.layout import place
from engine.loop.steps import EAGER_STEPS
from engine.train import make_steps

BATCH: Final = {"cuda": 1024, "cpu": 256}
"""The record's own batch size; on a CPU one that fits its caches."""
STEPS: Final = {"cuda": 50, "cpu": 3}
SMOOTHING: Final = 0.2
Rate = Callable[[], float]
"""Takes the steps of a round and returns images per second."""


def cases(wishes: Wishes) -> Iterator[Case]:
    """Steps, then whole runs; nothing without a checkout."""
    if wishes.airbench:
        device, rounds = choose_device("auto"), 3 if wishes.quick else 9
        seconds = 15.0 * (rounds + 1)  # for estimates
        yield Case("speedrun", "airbench94", 0, seconds, partial(measure, wishes.airbench, device, rounds))
        if not wishes.quick and device.type in whole_runs.PRESETS and has_muon(wishes.airbench):
            minutes = 25.0 if device.type == "cpu" else 3.0
            whole = partial(whole_runs.measure, wishes.airbench, device.type)
            yield Case("speedrun", "whole runs", 1, 60 * minutes, whole)


def has_muon(checkout: Path) -> bool:
    """Whether a checkout is recent enough to hold the record with Muon."""
    try:
        return record_file(checkout, MUON).is_file()
    except NoRecord:
        return False


def measure(checkout: Path, device: torch.device, rounds: int) -> Iterator[Row]:
    """Training steps in each precision of the record's net, then forward passes without gradients."""
    batch, steps = BATCH[device.type], STEPS[device.type]
    chosen = recipe("airbench94", [], batch=batch)
    setup = built(chosen, images(batch), device)
    x, y = setup.augmented(setup.train.images, setup.train.labels, 0, 0)
    bf16 = setup.decisions.precision == "bf16"
    _, step = make_steps(setup, chosen)
    setup.model.train()
    limit_rate(step, x, y, EAGER_STEPS + 1)
    net = placed(checkout, device)
    theirs = RecordStep(net, autocast(device, bf16))
    labels = setup.train.labels
    contestants: dict[str, Rate] = {
        "ours": lambda: limit_rate(step, x, y, steps),
        "autocast" if bf16 else "fp32": lambda: theirs.rate(x, labels, steps),
    }
    if bf16:
        halved = RecordStep(in_bf16(placed(checkout, device)), autocast(device, False))
        contestants["bf16 weights"] = lambda: halved.rate(x.bfloat16(), labels, steps)
    yield from rows("step", contestants, rounds, batch, setup.decisions.precision)
    forward: dict[str, Rate] = {
        "ours": partial(forward_rate, setup.model, x, autocast(device, bf16), 3 * steps),
        "autocast" if bf16 else "fp32": partial(forward_rate, net, x, autocast(device, bf16), 3 * steps),
    }
    yield from rows("forward", forward, rounds, batch, setup.decisions.precision)


def rows(what: str, contestants: dict[str, Rate], rounds: int, batch: int, precision: str) -> Iterator[Row]:
    """Let the contestants take turns, and compare the first one with each other one."""
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for i in range(rounds + 1):
        for name, rate in contestants.items():
            measured = rate()
            if i:  # the first round warms up
                rates[name].append(measured)
    ours = rates.pop("ours")
    for name, theirs in rates.items():
        peer = f"airbench94.py, {name}, batch size {batch}"
        yield row(f"airbench94 {what} / record's net, {name}", ours, peer, theirs, precision)


class RecordStep:
    """Plain training steps of the record's net: label smoothing, summed loss, Nesterov SGD with two groups."""

    def __init__(self, net: nn.Module, precision: AbstractContextManager[object]) -> None:
        self._net, self._precision = net.train(), precision
        named = [(name, weight) for name, weight in net.named_parameters() if weight.requires_grad]
        norms = [weight for name, weight in named if "norm" in name]
        others = [weight for name, weight in named if "norm" not in name]
        groups = [{"params": norms, "lr": 1e-4}, {"params": others, "lr": 1e-6}]
        self._optimizer = torch.optim.SGD(groups, momentum=0.85, nesterov=True, weight_decay=1e-3)

    def rate(self, x: Tensor, labels: Tensor, steps: int) -> float:
        """Images per second over some steps."""
        began = time.perf_counter()
        for _ in range(steps):
            with self._precision:
                outputs = self._net(x)
            loss = F.cross_entropy(outputs, labels, label_smoothing=SMOOTHING, reduction="none").sum()
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self._optimizer.step()
        loss.item()
        return steps * len(x) / (time.perf_counter() - began)


def autocast(device: torch.device, bf16: bool) -> AbstractContextManager[object]:
    """A context for bf16 autocast, or one that does nothing."""
    return torch.autocast(device.type, torch.bfloat16, enabled=bf16)


def placed(checkout: Path, device: torch.device) -> nn.Module:
    """The record's net on the device, channels-last and float32."""
    return place(record_net(checkout), device, torch.channels_last)


def in_bf16(net: nn.Module) -> nn.Module:
    """Weights in bf16, but batch norms in fp32, as the record's code has them in half precision and fp32."""
    net.bfloat16()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.float()
    return net


@torch.no_grad()
def forward_rate(net: nn.Module, x: Tensor, precision: AbstractContextManager[object], times: int) -> float:
    """Images per second of forward passes in evaluation mode."""
    net.eval()
    began = time.perf_counter()
    for _ in range(times):
        with precision:
            outputs = net(x)
    outputs[0, 0].item()
    return times * len(x) / (time.perf_counter() - began)
