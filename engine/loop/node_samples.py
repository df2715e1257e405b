"""Samples of the GPUs on every node of a run, gathered by the run's first rank, which writes the events.

On each further node one rank samples that node and publishes the sample in the store where the ranks met. The first
rank adds the GPUs of the newest one from each node to its own sample. CPU and RAM stay those of the first node.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from engine.contract.run.event_file import decode, encode
from engine.contract.run.events import System
from engine.loop.roll_call import Board
from engine.loop.system import EVERY, Sampler

KEY: Final = "cifar-tui/system"
"""Start of the keys in the store: one for each node."""
STALE_SECONDS: Final = 5 * EVERY
"""After how long without a new sample the GPUs of a node are left out."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """Samples a further node and publishes every sample."""

    sampler: Sampler
    board: Board
    node: int

    def sample(self) -> System:
        """A sample of this node. RuntimeError if the store does not answer."""
        sample = self.sampler.sample()
        self.board.set(f"{KEY}/{self.node}", encode(sample))
        return sample


@dataclass(slots=True)
class Gatherer:
    """Samples the first node, and adds the GPUs of the others.

    Args:
        sampler: of the first node.
        board: where the others publish.
        nodes: how many there are, with the first.
    """

    sampler: Sampler
    board: Board
    nodes: int
    clock: Callable[[], float] = time.monotonic
    _seen: dict[int, tuple[str, float]] = field(default_factory=dict)
    """The newest text of each node, and when it was first seen; a text has the time of its sample."""

    def sample(self) -> System:
        """A sample of all GPUs. Its note names the nodes without samples, and GPUs that do not answer."""
        own = self.sampler.sample()
        gpus, notes = list(own.gpus), [own.gpu_note]
        for node in range(1, self.nodes):
            text, age = self._newest(node)
            if age > STALE_SECONDS:
                notes.append(f"node {node}: no GPU samples for {age:.0f} s")
            elif isinstance(other := decode(text), System):
                gpus += other.gpus
                if other.gpu_note not in ("", own.gpu_note):
                    notes.append(f"node {node}: {other.gpu_note}")
        return replace(own, gpus=gpus, gpu_note="; ".join(filter(None, notes)))

    def _newest(self, node: int) -> tuple[str, float]:
        """The newest sample of a node, "" before its first, and for how many seconds there has been no newer one."""
        key, now = f"{KEY}/{node}", self.clock()
        text, since = self._seen.setdefault(node, ("", now))
        with suppress(RuntimeError):  # of a store that does not answer: there is no news
            if self.board.check([key]) and (found := self.board.get(key).decode()) != text:
                text, since = self._seen[node] = found, now
        return text, now - since
