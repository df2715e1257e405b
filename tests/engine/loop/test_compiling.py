"""When a run is compiled: not where it cannot be, and not where it costs more than it saves."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from engine.loop import compiling

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
