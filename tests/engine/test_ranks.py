"""How far a rank has got, where its host runs ahead of its GPU."""

from __future__ import annotations

import pytest
import torch

from engine.ranks import RankProgress

GPU = torch.device("cuda:0")


class Event:
    """An event that a test lets happen."""

    made: list[Event] = []

    def __init__(self) -> None:
        self.happened = False
        self.made.append(self)

    def record(self, stream: object) -> None:
        assert stream == GPU

    def query(self) -> bool:
        return self.happened


def test_on_a_cpu_only_the_host_counts():
    progress = RankProgress()
    progress.enter()
    progress.enter(torch.device("cpu"))
    assert progress.position() == (0, 2)


def test_a_gpu_has_reached_what_its_events_show_and_one_that_stands_still_is_behind(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Event, "made", [])
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: device)
    progress, stuck = RankProgress(), RankProgress()
    for each in (progress, stuck):
        each.enter(GPU)
        each.enter()
        each.enter(GPU)
    assert progress.position() == stuck.position() == (0, 3)
    first, second, stuck_first, _ = Event.made
    first.happened = stuck_first.happened = second.happened = True
    assert (progress.position(), stuck.position()) == ((2, 3), (1, 3))
    assert min(progress.position(), stuck.position()) == stuck.position()
