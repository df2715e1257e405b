"""When a run is compiled: not where it cannot be, and not where it costs more than it saves."""

from __future__ import annotations

from functools import partial
from itertools import count

import pytest
import torch
from torch import nn
from torch._dynamo.callback import CallbackTrigger, callback_handler

from engine.contract.run.events import Epoch, Message, Phase
from engine.loop import compiling
from engine.loop.compiling import Compilations
from engine.loop.observe import Totals

CPU = torch.device("cpu")


def test_a_compiler_that_fails_is_reported_in_one_line(monkeypatch):
    def broken(function):
        def fail(*arguments):
            raise torch._dynamo.exc.TorchDynamoException("\nno C++ compiler found\nand much more\n")

        return fail

    monkeypatch.setattr(torch, "compile", broken)
    assert compiling.compile_problem(CPU) == "no C++ compiler found"
    monkeypatch.setattr(torch, "compile", lambda function: function)
    assert compiling.compile_problem(CPU) == ""


@pytest.mark.parametrize(("steps", "worth"), [(1, False), (5_000, False), (20_000, True)])
def test_compiling_pays_off_only_in_a_long_run(monkeypatch, steps, worth):
    """62 parameter tensors take 10 + 62 * 0.12 = 17.4 s; a fifth of 10 ms a step makes up for that in 8,720 steps."""
    monkeypatch.setattr(compiling, "step_seconds", lambda model, batch, *, bf16: 0.01)
    model = nn.ParameterList(nn.Parameter(torch.zeros(1)) for _ in range(62))
    assert compiling.pays(model, torch.zeros(1), steps, bf16=True) is worth


def compiled(times: int = 1) -> None:
    """As if torch.compile had compiled something so often."""
    for _ in range(times):
        with callback_handler.install_callbacks(CallbackTrigger.DYNAMO, "0/0"):
            pass


@pytest.fixture
def watched(monkeypatch):
    """Compilations that take 2.5 s each."""
    ticks = count(0, 2.5)
    monkeypatch.setattr(compiling.time, "monotonic", lambda: next(ticks))
    compilations = Compilations()
    compilations.watch()
    yield compilations
    compilations.close()
    compiled()
    assert compilations.seconds == 0 and not callback_handler.start_callbacks


def test_the_seconds_of_compiling_are_taken_once(watched):
    compiled(2)
    assert (watched.take(), watched.take()) == (5.0, 0.0)
    compiled()
    assert (watched.take(), watched.seconds) == (2.5, 7.5)
    assert watched.end_epoch(1) == "" and watched.seconds == 0


def test_what_is_compiled_after_the_first_epoch_is_told_unless_the_step_has_changed(watched):
    compiled(3)
    assert watched.end_epoch(1) == "", "everything is compiled in the first epoch"
    assert watched.end_epoch(2) == "", "nothing was compiled"
    compiled(2)
    text = "torch.compile had to compile again 2 times in epoch 3, which took 5.0 s; with TORCH_LOGS=recompiles"
    assert watched.end_epoch(3).startswith(text)
    watched.expect()
    compiled()
    assert watched.end_epoch(4) == ""
    compiled()
    assert "again once in epoch 5" in watched.end_epoch(5)


def test_time_that_is_excluded_does_not_count_as_training():
    totals = Totals(CPU)
    totals.load_state_dict(totals.state_dict() | {"seconds": 10.0})
    totals.exclude(7.5)
    assert totals.seconds == 2.5


SHORT = {"precision": "fp32", "compile": "default"}


@pytest.fixture
def without_a_backend(monkeypatch):
    """torch.compile traces and guards as always, but runs what it traced as it is; a C++ compiler takes far longer."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    yield
    torch._dynamo.reset()


@pytest.mark.usefixtures("without_a_backend")
@pytest.mark.parametrize("last_batch", ["drop", "keep"])
def test_a_run_compiles_in_its_first_epoch_only_and_does_not_count_that_as_training(make, last_batch):
    torch._dynamo.reset()
    trial = make(compute=SHORT, last_batch=last_batch)
    epochs = [event for event in trial.go() if isinstance(event, Epoch)]
    assert ["compile" in event.seconds for event in epochs] == [True, False, False]
    assert epochs[0].seconds["compile"] > 0 and epochs[0].seconds["train"] > 0
    assert not [event for event in trial.events if isinstance(event, Message) and event.level == "warning"]
    assert [e.name for e in trial.events if isinstance(e, Phase)][1:3] == ["compiling", "training"]
    assert not callback_handler.start_callbacks, "nobody is watching any more"


@pytest.mark.usefixtures("without_a_backend")
def test_a_run_that_compiles_again_says_so_once(make):
    trial = make(compute=SHORT)
    for event in trial.start():
        if isinstance(event, Epoch) and event.epoch == 1:
            torch.set_num_threads(2)  # compiled code is only for the number of threads that it was compiled with
    (said,) = [event.text for event in trial.events if isinstance(event, Message) and event.level == "warning"]
    assert said.startswith("torch.compile had to compile again") and "in epoch 2" in said


@pytest.mark.parametrize("reset", [False, True])
def test_watching_ends_after_a_reset_of_the_compiler_too(reset):
    before = len(callback_handler.start_callbacks), len(callback_handler.end_callbacks)
    compilations = Compilations()
    compilations.watch()
    assert len(callback_handler.start_callbacks) == before[0] + 1
    if reset:
        torch._dynamo.reset()
    compilations.close()
    compilations.close()
    after = len(callback_handler.start_callbacks), len(callback_handler.end_callbacks)
    assert after == ((0, 0) if reset else before)


@pytest.mark.usefixtures("without_a_backend")
def test_a_group_that_ends_may_be_compiled_for(make):
    groups = [{"match": "features.0.*", "until": 0.5}]  # in the second epoch of three
    trial = make(compute=SHORT, optimizer={"name": "sgd", "lr": 0.05, "groups": groups})
    epochs = [event for event in trial.go() if isinstance(event, Epoch)]
    assert "compile" not in epochs[2].seconds
    assert not [event for event in trial.events if isinstance(event, Message) and event.level == "warning"]
