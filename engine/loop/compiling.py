"""Whether torch.compile works on this machine, whether it pays off for a run, and what it compiles during training."""

from __future__ import annotations

import copy
import time
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TIMED_STEPS: Final = 4
BUSY: Final = 100_000_000  # clock cycles, about 50 ms: longer than the host needs to launch a step of any model here

GAIN: Final = 0.2
"""Approximate fraction of a step that compiling saves. Measured on an H200: 15 % for ResNet-34 at batch size 128, 27 %
for ResNet-18 at 512."""

SECONDS: Final = 10.0
SECONDS_PER_TENSOR: Final = 0.12
"""Time that compiling takes. Measured with 16 cores and an empty cache: 17 to 19 s for 62 parameter tensors
(ResNet-18), 22 s for 110 (ResNet-34)."""


def compile_problem(device: torch.device) -> str:
    """Why torch.compile does not work on this machine, such as a missing C++ compiler; "" if it works."""
    try:
        torch.compile(torch.neg)(torch.ones(2, device=device))
    except torch._dynamo.exc.TorchDynamoException as error:
        return str(error).strip().splitlines()[0]
    return ""


def pays(model: nn.Module, batch: Tensor, steps: int, *, bf16: bool) -> bool:
    """Whether compiling a model is likely to save more time in a run than it takes.

    This holds only for steps that are CUDA graphs. Launched one by one, compiled kernels were slower on an H200
    (ResNet-34 at batch size 128: 16.0 ms, eager 12.3 ms), because the host limits the speed of such a step.

    Args:
        model: on a GPU; neither it nor torch's random state is changed.
        batch: a full batch of normalized images (B, C, H, W).
        steps: in the whole run.
        bf16: whether the model runs in bf16 autocast.
    """
    cost = SECONDS + SECONDS_PER_TENSOR * sum(1 for _ in model.parameters())
    return GAIN * steps * step_seconds(model, batch, bf16=bf16) > cost


def step_seconds(model: nn.Module, batch: Tensor, *, bf16: bool) -> float:
    """GPU seconds for one forward and backward pass, without the gaps in which the GPU waits for the host."""
    labels = torch.zeros(len(batch), dtype=torch.long, device=batch.device)
    began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    seconds: list[float] = []
    with torch.random.fork_rng(devices=[batch.device]):
        trial = copy.deepcopy(model).train()
        for _ in range(TIMED_STEPS):
            trial.zero_grad()
            torch.cuda._sleep(BUSY)  # keeps the GPU busy while the host launches the whole step
            began.record()
            with torch.autocast(batch.device.type, torch.bfloat16, enabled=bf16):
                logits = trial(batch)
            F.cross_entropy(logits.float(), labels).backward()
            ended.record()
            ended.synchronize()
            seconds.append(began.elapsed_time(ended) / 1e3)
    return min(seconds)


class Compilations:
    """What torch.compile compiles during training: how long training waits for it, and what was not expected.

    In the first epoch of an attempt everything is compiled once, some of it twice (a short last batch). After that a
    compilation is expected only if the step changes (`expect`). A model that is compiled again and again, for example
    because it branches on a number that is different in each step, would be slower than an eager one.
    """

    def __init__(self) -> None:
        self.seconds = 0.0  # in this epoch, until now
        self._taken = 0.0  # of them, those that `take` has returned
        self._count = 0  # in this epoch
        self._expected = True
        self._began = 0.0
        self._watching = False

    def watch(self) -> None:
        """Note the compilations of this process until `close`. Imports the compiler, which takes a second."""
        self._watching = True
        handler = torch._dynamo.callback.callback_handler
        handler.register_start_callback(self._start)
        handler.register_end_callback(self._end)

    def close(self) -> None:
        """Stop watching, if it was started."""
        if not self._watching:
            return
        self._watching = False
        handler = torch._dynamo.callback.callback_handler
        if self._start in handler.start_callbacks:  # a reset of the compiler removes all callbacks
            handler.remove_start_callback(self._start)
            handler.remove_end_callback(self._end)

    def _start(self, _: Any) -> None:
        self._began = time.monotonic()

    def _end(self, _: Any) -> None:
        self.seconds += time.monotonic() - self._began
        self._count += 1

    def take(self) -> float:
        """Seconds of compiling since the last call."""
        seconds, self._taken = self.seconds - self._taken, self.seconds
        return seconds

    def expect(self) -> None:
        """The step has changed, so that it will be compiled anew before the end of this epoch."""
        self._expected = True

    def end_epoch(self, epoch: int) -> str:
        """Begin to count anew. Returns a message about unexpected compilations in this epoch (from 1), or ""."""
        count, seconds, expected = self._count, self.seconds, self._expected
        self.seconds, self._taken, self._count, self._expected = 0.0, 0.0, 0, False
        if expected or not count:
            return ""
        times = "once" if count == 1 else f"{count} times"
        return (
            f"torch.compile had to compile again {times} in epoch {epoch}, which took {seconds:.1f} s; with "
            "TORCH_LOGS=recompiles in the environment, the log says why"
        )
