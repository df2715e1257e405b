"""The random choices of one training step, packed so that they reach the device in one asynchronous copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.augment.op import Arrays

ALIGN = 16  # bytes; at this alignment every array can be viewed in its own dtype
NEVER = 2**64 - 1  # an epoch and a step that no run reaches


def generator(seed: int, epoch: int, step: int, position: int) -> np.random.Generator:
    """The random generator of one op in one step: the same on every machine, whatever other ops there are.

    Philox is a block cipher over a counter. Seed and position are its key, epoch and step the upper half of the
    counter, so streams never overlap and no hash is needed. Salmon et al. 2011, doi:10.1145/2063384.2063405.
    """
    key = np.array((seed, position), np.uint64)
    counter = np.array((0, 0, step, epoch), np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def lasting_generator(seed: int, position: int) -> np.random.Generator:
    """A random generator that restarts at the same point in every step, separate from those of `generator`."""
    return generator(seed, NEVER, NEVER, position)


@dataclass(frozen=True, slots=True)
class Slot:
    """Where one array is stored in the buffer; `start` and `stop` are in bytes."""

    op: int
    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    start: int
    stop: int


class Draws:
    """The arrays that every op drew for one step, packed into one byte buffer on the host."""

    def __init__(self, per_op: Sequence[Arrays]) -> None:
        slots, start = [], 0
        arrays = []
        for op, drawn in enumerate(per_op):
            for name, values in drawn.items():
                floats = np.issubdtype(values.dtype, np.floating)
                array = np.ascontiguousarray(values, np.float32 if floats else np.int64)
                stop = start + array.nbytes
                slots.append(Slot(op, name, torch.float32 if floats else torch.int64, array.shape, start, stop))
                arrays.append(array)
                start = -(-stop // ALIGN) * ALIGN
        self._ops = len(per_op)
        self._slots = tuple(slots)
        self._buffer = np.empty(max(start, ALIGN), np.uint8)  # never empty: torch cannot view an empty buffer as floats
        for slot, array in zip(slots, arrays, strict=True):
            self._buffer[slot.start : slot.stop] = array.reshape(-1).view(np.uint8)

    def on(self, device: torch.device) -> list[dict[str, Tensor]]:
        """The arrays of each op as tensors on `device`: views of one buffer, sent in one asynchronous copy."""
        host = torch.from_numpy(self._buffer)
        if device.type == "cuda":
            # PyTorch keeps track of copies that still read from its pinned memory, so it is not reused too early.
            pinned = torch.empty(host.shape, dtype=torch.uint8, pin_memory=True)
            sent = pinned.copy_(host).to(device, non_blocking=True)
        else:
            sent = host.to(device)
        params: list[dict[str, Tensor]] = [{} for _ in range(self._ops)]
        for slot in self._slots:
            piece = sent[slot.start : slot.stop].view(slot.dtype)
            params[slot.op][slot.name] = piece.view(slot.shape)
        return params
