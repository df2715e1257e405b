"""The random choices of one training step, packed so that they reach the device in one asynchronous copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.augment.op import Arrays

ALIGN = 16  # bytes: every array may then be viewed in its own dtype
NEVER = 2**64 - 1  # an epoch and a step that no run reaches


def generator(seed: int, epoch: int, step: int, position: int) -> np.random.Generator:
    """The random numbers of one op in one step: the same on every machine, whatever other ops there are.

    Philox is a block cipher over a counter: seed and position are its key, epoch and step the counter's upper half, so
    no two streams can meet and nothing is hashed. Salmon et al. 2011, doi:10.1145/2063384.2063405.
    """
    key = np.array((seed, position), np.uint64)
    counter = np.array((0, 0, step, epoch), np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def lasting_generator(seed: int, position: int) -> np.random.Generator:
    """The random numbers of one op that are the same in every step of a run, apart from all those of single steps."""
    return generator(seed, NEVER, NEVER, position)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one array lies in the buffer."""

    op: int
    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    start: int
    stop: int


class Draws:
    """What every op drew for one step: `per_op` arrays in one byte buffer on the host."""

    def __init__(self, per_op: Sequence[Arrays]) -> None:
        places, start = [], 0
        arrays = []
        for op, drawn in enumerate(per_op):
            for name, values in drawn.items():
                floats = np.issubdtype(values.dtype, np.floating)
                array = np.ascontiguousarray(values, np.float32 if floats else np.int64)
                stop = start + array.nbytes
                places.append(Place(op, name, torch.float32 if floats else torch.int64, array.shape, start, stop))
                arrays.append(array)
                start = -(-stop // ALIGN) * ALIGN
        self._ops = len(per_op)
        self._places = tuple(places)
        self._buffer = np.empty(max(start, ALIGN), np.uint8)  # torch cannot view nothing as floats
        for place, array in zip(places, arrays, strict=True):
            self._buffer[place.start : place.stop] = array.reshape(-1).view(np.uint8)

    def on(self, device: torch.device) -> list[dict[str, Tensor]]:
        """The arrays of each op as tensors on `device`: views of one buffer, sent in one copy nobody waits for."""
        host = torch.from_numpy(self._buffer)
        if device.type == "cuda":
            # PyTorch's pinned memory knows the copies that still read from it, so it is never reused too early.
            pinned = torch.empty(host.shape, dtype=torch.uint8, pin_memory=True)
            sent = pinned.copy_(host).to(device, non_blocking=True)
        else:
            sent = host.to(device)
        params: list[dict[str, Tensor]] = [{} for _ in range(self._ops)]
        for place in self._places:
            piece = sent[place.start : place.stop].view(place.dtype)
            params[place.op][place.name] = piece.view(place.shape)
        return params
