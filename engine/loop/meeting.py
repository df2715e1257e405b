"""Where the processes that torchrun has started meet, before they are the ranks of a world."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final, TypeVar

import torch
from torch._C._distributed_c10d import Store
from torch.distributed.rendezvous import rendezvous

from engine.distributed import ALONE, TIMEOUT, Ranks, World, answered

T = TypeVar("T")

LOADED: Final = "cifar-tui/loaded"
"""Set in the store once rank 0 has loaded the data."""


class Meeting:
    """Where the processes of one run meet before they become ranks: through torchrun's store, or alone without it."""

    def __init__(self) -> None:
        self.rank, self.size, self.local = (
            int(os.environ.get(name, default)) for name, default in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0))
        )
        self._store: Store | None = None
        if self.size > 1:
            with answered():
                self._store = next(rendezvous("env://", timeout=TIMEOUT))[0]

    @property
    def several(self) -> bool:
        """Whether there are several ranks."""
        return self.size > 1

    def rank_0_first(self, load: Callable[[], T], waiting: Callable[[], None]) -> T:
        """What `load` returns: in rank 0 at once, in the others once rank 0 has loaded the same, downloads included.

        Args:
            waiting: called again and again by the other ranks; it may raise.
        """
        if self._store is None:
            return load()
        if self.rank == 0:
            found = load()
            self._store.set(LOADED, "1")
            return found
        while True:
            with answered():
                if self._store.check([LOADED]):
                    return load()
            waiting()
            time.sleep(0.1)

    def world(self, device: torch.device) -> World:
        """The world of all ranks, once every one of them has called this."""
        return ALONE if self._store is None else Ranks(self.rank, self.size, device, self._store)
