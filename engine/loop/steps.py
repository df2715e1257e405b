"""How a training step, or a forward pass in evaluation, is executed: operation by operation, or as one CUDA graph.

A step of a CIFAR model launches several hundred kernels, and the GPU finishes each one before the host launches the
next. A CUDA graph records them once and launches them all together. Milliseconds per step on an H200 (torch 2.11, bf16,
channels-last):

    model        batch size   eager   CUDA graph
    ResNet-20           128     9.7          2.1
    ResNet-34           128    12.3          5.0
    ResNet-18           512    11.0          8.1
    WRN-28-10           128    15.2         12.8
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Generic, Protocol, TypeVar

import torch
from torch import Tensor

Outcome = tuple[Tensor, Tensor, Tensor | None]
"""Of a step, with the weights before it: mean loss, logits (B, classes), and the gradient's norm if it was clipped."""

TrainStep = Callable[[Tensor, Tensor], Outcome]
"""One optimizer step on images x (B, C, H, W) and soft targets y (B, classes)."""

Outputs = TypeVar("Outputs", bound=tuple[Any, ...])

EAGER_STEPS: Final = 3
"""Eager steps before recording. They create the optimizer's state, choose cuDNN's algorithms and compile kernels."""


class Recorder(Protocol):
    """What `Recorded` needs from CUDA graphs; tests without a GPU replace it."""

    def run_eagerly(self, step: Callable[[], Outputs]) -> Outputs:
        """Execute a step on the stream that will be recorded."""

    def record(self, step: Callable[[], Outputs]) -> Callable[[], Outputs]:
        """Record a step without executing it. The result executes it and returns the same tensors every time."""


class CudaRecorder:
    """Records on a separate stream, as CUDA graphs require."""

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)

    def run_eagerly(self, step: Callable[[], Outputs]) -> Outputs:
        with self._other_stream():
            return step()

    def record(self, step: Callable[[], Outputs]) -> Callable[[], Outputs]:
        graph = torch.cuda.CUDAGraph()
        # "thread_local" allows other threads (checkpoint writer, sampler) to use the GPU during the recording.
        with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
            outcome = step()

        def replay() -> Outputs:
            graph.replay()
            return outcome

        return replay

    @contextmanager
    def _other_stream(self) -> Iterator[None]:
        """Use the other stream, after all work queued on the current one and before all work queued on it later."""
        current = torch.cuda.current_stream(self._stream.device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            yield
        current.wait_stream(self._stream)


class Recorded(Generic[Outputs]):
    """A function of tensors that runs eagerly a few times, is then recorded, and is replayed from then on.

    Everything it reads must stay at the same address: parameters, optimizer state and learning rates are changed in
    place, and the inputs are copied into tensors that belong to the recording. Inputs of other shapes, such as the last
    batch of an epoch, run eagerly. If recording fails, for example because the model waits for the device, every call
    runs eagerly.

    Args:
        function: the eager function, such as a training step on images x and targets y.
        warn: receives a message if recording fails.
        name: of the function in that message.
        eager_calls: how many calls run eagerly before recording.
    """

    def __init__(
        self,
        function: Callable[..., Outputs],
        recorder: Recorder,
        warn: Callable[[str], None],
        *,
        name: str = "the training step",
        eager_calls: int = EAGER_STEPS,
    ) -> None:
        self._function, self._recorder, self._warn, self._name = function, recorder, warn, name
        self._left = self._eager_calls = eager_calls
        self._recordable = True
        self._replay: Callable[[], Outputs] | None = None
        self._inputs: tuple[Tensor, ...] = ()

    def __call__(self, *inputs: Tensor) -> Outputs:
        """Call the function. The next call overwrites the returned tensors: use them before it, on the same stream."""
        if self._left:
            self._left -= 1
            return self._recorder.run_eagerly(lambda: self._function(*inputs))
        if self._replay is None and self._recordable:
            self._record(inputs)
        if self._replay is None or [x.shape for x in inputs] != [mine.shape for mine in self._inputs]:
            return self._function(*inputs)
        for mine, given in zip(self._inputs, inputs, strict=True):
            mine.copy_(given)
        return self._replay()

    def forget(self) -> None:
        """Drop the recording, since the function has changed: it runs eagerly again, then it is recorded again."""
        self._left, self._replay = self._eager_calls, None

    def _record(self, inputs: tuple[Tensor, ...]) -> None:
        self._inputs = tuple(given.clone() for given in inputs)
        try:
            self._replay = self._recorder.record(lambda: self._function(*self._inputs))
        except RuntimeError as error:  # includes running out of memory: without a graph there may be enough
            self._recordable = False
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
            self._warn(f"{self._name} cannot be recorded as a CUDA graph and runs eagerly: {reason}")
