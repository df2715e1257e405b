"""How long the parts of a training step take: one step in 200 is timed, and no step waits for the device.

On CUDA each part ends with a CUDA event, and the events are read at the end of the epoch, when the device has passed
them. On the CPU the host's clock is read. Other devices are not timed, because the host cannot tell when they are done.
"""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Final

import torch

EVERY: Final = 200


class StepClock:
    """Times the parts of the steps of one epoch. Outside a timed step, `lap` does nothing.

    Args:
        every: one step in `every` is timed, for the first time half-way through the first `every` steps.
    """

    def __init__(self, device: torch.device, every: int = EVERY) -> None:
        self._device, self._every = device, every
        self._running = False
        self._laps: list[tuple[str, float | torch.cuda.Event]] = []

    def start(self, number: int) -> None:
        """The step with this number, counted from 0 over all epochs, begins."""
        self._running = self._device.type in ("cpu", "cuda") and number % self._every == self._every // 2
        self.lap("")

    def lap(self, part: str) -> None:
        """End a part of the current step. A part that ends several times in a step counts with its sum."""
        if not self._running:
            return
        if self._device.type == "cpu":
            self._laps.append((part, time.perf_counter()))
            return
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        self._laps.append((part, event))

    def stop(self) -> None:
        """The current step is over."""
        self._running = False

    def read(self) -> dict[str, float]:
        """Mean milliseconds of each part over the steps timed since the last call; {} without one.

        Call it only after the device has completed those steps.
        """
        total: defaultdict[str, float] = defaultdict(float)
        for (_, before), (part, now) in zip(self._laps, self._laps[1:], strict=False):
            if part:
                total[part] += _milliseconds(before, now)
        steps = sum(not part for part, _ in self._laps)
        self._laps = []
        return {part: round(duration / steps, 4) for part, duration in total.items()}


def _milliseconds(before: float | torch.cuda.Event, now: float | torch.cuda.Event) -> float:
    if isinstance(before, torch.cuda.Event) and isinstance(now, torch.cuda.Event):
        return float(before.elapsed_time(now))
    assert isinstance(before, float) and isinstance(now, float)
    return 1000 * (now - before)
