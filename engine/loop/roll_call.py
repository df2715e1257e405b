"""Which rank keeps the others waiting: watched in every rank, since neither gloo nor NCCL can name it.

A thread of each rank publishes in the store where the ranks met that the process is alive, and how far its training has
got. A rank counts as hung if its whole process stands still (stopped, or frozen in the kernel), or if its training does
while others are ahead of it (stuck in its data or on its GPU). The second has a long limit, since compiling or writing
a checkpoint may keep the others waiting for minutes. Both limits are shorter than the timeouts of gloo and NCCL, whose
watchdog would end the process without a word.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol

from engine.ranks import Position, RankProgress

KEY: Final = "cifar-tui/rank"
"""Start of the keys in the store: one per rank."""
LEFT: Final = "left"
"""What a rank publishes last."""
LOOKS: Final = 20
"""How often the others are looked at within the shorter limit."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that ranks wait for another one."""

    silent: float = 180.0
    """For one whose process gives no sign of life."""
    busy: float = 900.0
    """For one that lives, but whose training makes no progress while others are ahead of it."""

    @property
    def timeout(self) -> timedelta:
        """For gloo and NCCL: so long that a hung rank is named before."""
        return timedelta(seconds=self.silent + self.busy)


class Board(Protocol):
    """The part of torch's Store that is used here."""

    def set(self, key: str, value: str) -> None: ...

    def get(self, key: str) -> bytes: ...

    def check(self, keys: list[str]) -> bool: ...


@dataclass(slots=True)
class _Seen:
    """What was last published by a rank, and when that changed, on this rank's clock."""

    text: str = ""
    published: float = 0.0
    position: Position = (0, 0)
    moved: float = 0.0

    def note(self, text: str, now: float) -> None:
        if text == self.text:
            return
        if text != LEFT and (position := _parse(text)) != self.position:
            self.position, self.moved = position, now
        self.text, self.published = text, now


def _parse(text: str) -> Position:
    _, reached, entered = text.split()
    return int(reached), int(entered)


@dataclass(slots=True)
class RollCall:
    """Looks at all ranks of a run as one of them.

    Args:
        board: where the ranks publish; a connection of its own, as a rank may wait on another one.
        progress: of this rank.
    """

    board: Board
    rank: int
    size: int
    progress: RankProgress
    patience: Patience
    clock: Callable[[], float] = time.monotonic
    _beats: int = 0
    _looked: float = 0.0
    _seen: list[_Seen] = field(default_factory=list)

    @property
    def every(self) -> float:
        """Seconds between two looks."""
        return min(self.patience.silent, self.patience.busy) / LOOKS

    def look(self) -> str:
        """Publish this rank's position and look at the others: who hangs, in words; "" if nobody does."""
        now = self.clock()
        if not self._seen or now - self._looked > self.patience.silent / 2:  # the start, or this process was stopped
            self._seen = [_Seen(published=now, moved=now) for _ in range(self.size)]
        self._beats += 1
        reached, entered = self.progress.position()
        with suppress(RuntimeError):  # of a store that does not answer, as when its node has failed: there is no news
            self._exchange(f"{self._beats} {reached} {entered}", now)
        self._looked = now = self.clock()
        return self._silent(now) or self._stuck(now)

    def leave(self) -> None:
        """Tell the others that this rank is done, so that none waits for it."""
        with suppress(RuntimeError):  # of a store that has ended, as the others have then
            self.board.set(f"{KEY}/{self.rank}", LEFT)

    def _exchange(self, mine: str, now: float) -> None:
        """Publish this rank's text and read those of all."""
        self.board.set(f"{KEY}/{self.rank}", mine)
        for rank, seen in enumerate(self._seen):
            key = f"{KEY}/{rank}"
            if self.board.check([key]):
                seen.note(self.board.get(key).decode(), now)

    def _silent(self, now: float) -> str:
        for rank, seen in enumerate(self._seen):
            limit = self.patience.silent if seen.text else self.patience.busy  # a rank may take long to start
            if rank != self.rank and seen.text != LEFT and now - seen.published > limit:
                return f"rank {rank} hangs: no sign of life from its process for {limit:.0f} s"
        return ""

    def _stuck(self, now: float) -> str:
        """The rank that is behind, if it and those ahead of it have been where they are for too long."""
        present = [seen for seen in self._seen if seen.text not in ("", LEFT)]
        if not present or any(now - seen.moved <= self.patience.busy for seen in present):
            return ""
        behind = min(seen.position for seen in present)
        if all(seen.position == behind for seen in present):
            return ""
        late = [seen.text not in ("", LEFT) and seen.position == behind for seen in self._seen]
        ranks = ", ".join(str(rank) for rank, is_late in enumerate(late) if is_late)
        return f"rank {ranks} hangs: no progress for {self.patience.busy:.0f} s while the other ranks wait for it"


@contextmanager
def watching(roll: RollCall, hung: Callable[[str], None]) -> Iterator[None]:
    """Within the block, look at the ranks again and again from a thread.

    Args:
        hung: called in that thread, once, with the words of `RollCall.look`. The other threads of this process may
            wait for the hung rank forever.
    """
    over = threading.Event()

    def watch() -> None:
        while not (found := roll.look()):
            if over.wait(roll.every):
                return
        if not over.is_set():
            hung(found)

    thread = threading.Thread(target=watch, name="roll call", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        roll.leave()
