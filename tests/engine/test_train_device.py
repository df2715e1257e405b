"""How training uses the device: no step waits for it, and compiling and memory format change no result."""

import gc
import threading

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from engine.contract.run.events import (
    Epoch,
    Message,
    Phase,
    RunStarted,
)
from tests.engine.conftest import shapes_of
from tests.engine.test_train_groups import recorded

CPU = torch.device("cpu")


def test_closing_the_stream_ends_the_writer_and_leaves_no_context_open(make):
    stream = make().start(interval=0)
    next(event for event in stream if isinstance(event, Epoch))
    stream.close()
    gc.collect()
    assert torch.is_grad_enabled()
    assert not torch.is_autocast_enabled("cpu")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("checkpoint")]


def test_no_event_is_told_inside_a_context(make):
    for _ in make(averaging="ema", compute={"precision": "bf16"}).start(interval=0):
        assert torch.is_grad_enabled()
        assert not torch.is_autocast_enabled("cpu")


class Syncs(TorchDispatchMode):
    """Counts the calls that would make the host wait for a device."""

    WAITING = (
        torch.ops.aten._local_scalar_dense.default,
        torch.ops.aten.nonzero.default,
        torch.ops.aten.is_nonzero.default,
        torch.ops.aten.masked_select.default,
        torch.ops.aten.equal.default,
        torch.ops.aten.unique_dim.default,
    )

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        boolean = func is torch.ops.aten.index.Tensor and any(i is not None and i.dtype == torch.bool for i in args[1])
        if func in self.WAITING or boolean:
            self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"averaging": "ema", "optimizer": {"name": "adamw", "clip_norm": 1.0}},
        {"augmentation": ["random_crop", "color_jitter", {"name": "choice", "of": ["mixup", "cutmix"]}]},
        {"compute": {"precision": "bf16", "accumulate": 2}},
        {"schedule": {"name": "one_cycle", "momentum_low": 0.5}},
        {"optimizer": {"name": "sgd", "lookahead": 2, "lookahead_alpha_end": 0.2, "lookahead_buffers": True}},
    ],
)
@pytest.mark.parametrize("graph", [False, True], ids=["eager", "recorded"])
def test_no_step_waits_for_the_device(make, monkeypatch, changes, graph):
    if graph:
        if {"compute", "schedule"} & set(changes) or "lookahead" in changes.get("optimizer", {}):
            pytest.skip("such a step is never a graph")
        recorded(monkeypatch)
    stream = make(**changes).start()
    for event in stream:
        if isinstance(event, Phase) and event.name == "training":
            break
    with Syncs() as syncs:
        for event in stream:
            if isinstance(event, Phase) and event.name == "evaluating":
                break
    stream.close()
    assert syncs.seen == []


def test_the_counter_of_waits_sees_one():
    with Syncs() as syncs:
        torch.ones(3).sum().item()
        torch.ones(3)[torch.tensor([True, False, True])]
    assert len(syncs.seen) == 2


def test_a_compiler_that_does_not_work_costs_a_message_and_no_more(make, monkeypatch):
    monkeypatch.setattr("engine.loop.decisions.compile_problem", lambda device: "no C++ compiler")
    eager, trial = make(), make(compute={"precision": "fp32", "compile": "default"})
    eager.go()
    events = trial.go()
    message = next(event for event in events if isinstance(event, Message) and event.level == "warning")
    assert message.text == "torch.compile does not work here, running eagerly: no C++ compiler"
    assert next(event for event in events if isinstance(event, RunStarted)).compile == "off"
    assert trial.ends_as(eager)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_compiled_run_computes_what_an_eager_one_does(make, precision):
    kind = {"epochs": 1, "augmentation": ["random_crop", "color_jitter", "mixup"], "model": "resnet20"}
    eager = make(**kind, compute={"precision": precision})
    trial = make(**kind, compute={"precision": precision, "compile": "default"})
    eager.go()
    events = trial.go()
    assert [event.name for event in events if isinstance(event, Phase)][:3] == ["starting", "compiling", "training"]
    assert not [event.text for event in events if isinstance(event, Message) and event.level == "warning"]
    tolerance = 1e-3 if precision == "fp32" else 0.05
    pair = [next(event for event in each.events if isinstance(event, Epoch)) for each in (trial, eager)]
    assert pair[0].train_loss == pytest.approx(pair[1].train_loss, rel=tolerance)
    assert pair[0].seconds["compile"] > 1 and pair[0].seconds["train"] > 0, "compiling is not training"


def test_nothing_but_the_layout_differs_without_channels_last(make):
    few = shapes_of(66, 21)
    common = {"images": few, "model": "three_convs", "epochs": 1, "batch_size": 66, "augmentation": ["random_crop"]}
    one, other = make(**common), make(**common, compute={"precision": "fp32", "channels_last": False})
    one.go()
    other.go()
    for name, value in one.weights().items():
        torch.testing.assert_close(other.weights()[name], value, rtol=1e-2, atol=1e-3)
    assert other.weights()["0.weight"].is_contiguous()
    assert one.weights()["0.weight"].is_contiguous(memory_format=torch.channels_last)
