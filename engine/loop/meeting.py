"""Where the processes that torchrun has started meet, before they are the ranks of a world."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final, TypeVar

import torch
from torch._C._distributed_c10d import Store
from torch.distributed.rendezvous import rendezvous

from engine.distributed import ALONE, World
from engine.loop.node_samples import Gatherer, Publisher
from engine.loop.roll_call import Board, Patience, RollCall, watching
from engine.loop.system import Emit, Sampler, sampling
from engine.ranks import RankProgress, Ranks, answered

T = TypeVar("T")

LOADED: Final = "cifar-tui/loaded"
"""Set in the store once rank 0 has loaded the data."""


class Meeting:
    """Where the processes of one run meet before they become ranks: through torchrun's store, or alone without it.

    Args:
        patience: how long to wait for the others.
    """

    def __init__(self, patience: Patience | None = None) -> None:
        self._patience, self._progress = patience or Patience(), RankProgress()
        self.rank, self.size, self.local = (
            int(os.environ.get(name, default)) for name, default in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0))
        )
        self.node = int(os.environ.get("GROUP_RANK", 0))
        """The number of this node among those of the run."""
        self._nodes = self.size // int(os.environ.get("LOCAL_WORLD_SIZE", self.size))
        self._store: Store | None = None
        if self.size > 1:
            with answered():
                self._store = next(rendezvous("env://", timeout=self._patience.timeout))[0]

    @property
    def several(self) -> bool:
        """Whether there are several ranks."""
        return self.size > 1

    @contextmanager
    def watched(self, hung: Callable[[str], None]) -> Iterator[None]:
        """Within the block, have a thread call `hung` if another rank hangs, with words that name it."""
        if self._store is None:
            yield
            return
        board = self._board(self._store)
        roll = RollCall(board, self.rank, self.size, self._progress, self._patience)
        with watching(roll, hung):
            yield

    @contextmanager
    def sampled(self, sampler: Sampler, emit: Emit) -> Iterator[None]:
        """Within the block, one rank of each node samples it from a thread; rank 0 has the GPUs of all nodes.

        Args:
            sampler: of this node.
            emit: receives the samples of this rank.
        """
        if self.local:
            yield
            return
        if self._store is not None and self._nodes > 1:
            board = self._board(self._store)
            sampler = Publisher(sampler, board, self.node) if self.rank else Gatherer(sampler, board, self._nodes)
        with sampling(sampler, emit):
            yield

    def _board(self, store: Store) -> Board:
        """A connection to the store for a thread of its own."""
        board = store.clone()
        board.set_timeout(timedelta(seconds=self._patience.silent))
        return board

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
        if self._store is None:
            return ALONE
        return Ranks(self.rank, self.size, device, self._store, self._patience.timeout, self._progress)
