"""Where the processes of torchrun meet, with a store that is a dictionary."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from engine.distributed import ALONE
from engine.loop import meeting
from engine.loop.evaluate import Interrupted
from engine.loop.meeting import Meeting


class Store(dict[str, str]):
    """What `Meeting` needs from torch's store."""

    def set(self, key: str, value: str) -> None:
        self[key] = value

    def check(self, keys: list[str]) -> bool:
        return all(key in self for key in keys)


def meet(monkeypatch: pytest.MonkeyPatch, store: Store, rank: int) -> Meeting:
    for name, value in (("RANK", rank), ("WORLD_SIZE", 2), ("LOCAL_RANK", rank)):
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(meeting, "rendezvous", lambda url, timeout: iter([(store, rank, 2)]))
    return Meeting()


def test_a_single_process_meets_nobody(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    found = Meeting()
    assert (found.rank, found.size, found.local, found.several) == (0, 1, 0, False)
    assert found.rank_0_first(lambda: 7, lambda: None) == 7
    assert found.world(torch.device("cpu")) is ALONE


def test_the_other_ranks_load_once_rank_0_has_loaded(monkeypatch):
    store, done = Store(), []
    monkeypatch.setattr(meeting.time, "sleep", lambda seconds: None)
    other, first = meet(monkeypatch, store, 1), meet(monkeypatch, store, 0)

    def waiting() -> None:
        done.append("waiting")
        if len(done) == 3:
            first.rank_0_first(lambda: done.append("rank 0"), lambda: None)

    other.rank_0_first(lambda: done.append("rank 1"), waiting)
    assert done == ["waiting"] * 3 + ["rank 0", "rank 1"]


def test_a_rank_that_waits_can_be_stopped(monkeypatch):
    def stop() -> None:
        raise Interrupted

    def load() -> Any:
        raise AssertionError("rank 0 has not loaded")

    with pytest.raises(Interrupted):
        meet(monkeypatch, Store(), 1).rank_0_first(load, stop)
