"""Samples of several nodes, with samplers, a store and a clock of the test; on real nodes: test_other_node.py."""

from __future__ import annotations

import itertools

import pytest

from engine.contract.run.events import System
from engine.loop import meeting
from engine.loop.meeting import Meeting
from engine.loop.node_samples import STALE_SECONDS, Gatherer, Publisher


class Board(dict[str, str]):
    """The store where the ranks met; with `down`, it does not answer."""

    down = False

    def set(self, key: str, value: str) -> None:
        self._answer()
        self[key] = value

    def get(self, key: str) -> bytes:
        self._answer()
        return self[key].encode()

    def check(self, keys: list[str]) -> bool:
        self._answer()
        return all(key in self for key in keys)

    def _answer(self) -> None:
        if self.down:
            raise RuntimeError("the store does not answer")

    # what `Meeting` asks of a store besides

    def clone(self) -> Board:
        return self

    def set_timeout(self, timeout: object) -> None:
        pass


class Node:
    """A sampler of a node with two GPUs of 100 W and more."""

    def __init__(self, number: int) -> None:
        self.number, self.note = number, ""
        self._times = itertools.count(1e9 + number, 2.0)

    def sample(self) -> System:
        gpus = [
            {"node": self.number, "host": f"n{self.number + 1}", "index": index, "uuid": f"GPU-{self.number}{index}",
             "power": 100.0 + 10 * self.number + index}
            for index in (0, 1)
        ]  # fmt: skip
        return System(gpus=gpus, cpu=0.1 * (self.number + 1), gpu_note=self.note, t=next(self._times))


class Three:
    """Three nodes that sample at a time of the test."""

    def __init__(self) -> None:
        self.now, self.board = 0.0, Board()
        self.nodes = [Node(number) for number in range(3)]
        self.others = [Publisher(self.nodes[number], self.board, number) for number in (1, 2)]
        self.first = Gatherer(self.nodes[0], self.board, 3, lambda: self.now)


def places(sample: System) -> list[tuple[int, int]]:
    return [(gpu["node"], gpu["index"]) for gpu in sample.gpus]


def test_the_first_rank_has_the_gpus_of_all_nodes_and_the_host_of_its_own():
    three = Three()
    for other in three.others:
        other.sample()
    sample = three.first.sample()
    assert places(sample) == [(node, index) for node in range(3) for index in (0, 1)]
    assert [gpu["power"] for gpu in sample.gpus] == [100.0, 101.0, 110.0, 111.0, 120.0, 121.0]
    assert [gpu["host"] for gpu in sample.gpus[::2]] == ["n1", "n2", "n3"]
    assert len({gpu["uuid"] for gpu in sample.gpus}) == 6
    assert (sample.cpu, sample.gpu_note) == (0.1, "")


def test_before_its_first_sample_a_node_is_left_out_without_a_note():
    three = Three()
    three.others[1].sample()
    sample = three.first.sample()
    assert places(sample) == [(0, 0), (0, 1), (2, 0), (2, 1)] and sample.gpu_note == ""


def test_a_node_that_falls_silent_is_named_and_comes_back():
    three = Three()
    three.first.sample()
    for seconds in range(0, 40, 2):
        three.now = seconds
        three.others[0].sample()
        if not 10 < seconds < 30:
            three.others[1].sample()
        sample = three.first.sample()
        silent = seconds - 10 > STALE_SECONDS and seconds < 30
        assert ((2, 0) in places(sample)) is not silent, seconds
        assert (1, 0) in places(sample)
        assert sample.gpu_note == (f"node 2: no GPU samples for {seconds - 10} s" if silent else "")


def test_a_store_that_does_not_answer_leaves_the_first_node_its_own_samples():
    three = Three()
    three.others[0].sample()
    three.board.down = True
    with pytest.raises(RuntimeError):  # where it is published, sampling warns and tries again
        three.others[0].sample()
    assert places(three.first.sample()) == [(0, 0), (0, 1)]


def test_what_another_node_says_of_its_gpus_is_passed_on_once():
    three = Three()
    for node, note in zip(three.nodes, ("", "GPU x does not answer: lost", ""), strict=True):
        node.note = note
    for other in three.others:
        other.sample()
    assert three.first.sample().gpu_note == "node 1: GPU x does not answer: lost"
    for node in three.nodes:
        node.note = "the run uses no GPU"
    for other in three.others:
        other.sample()
    assert three.first.sample().gpu_note == "the run uses no GPU"


def test_one_rank_of_each_node_samples_it(monkeypatch):
    board, seen = Board(), {}

    def take_part(rank: int) -> None:
        ranks = {"RANK": rank, "WORLD_SIZE": 4, "LOCAL_RANK": rank % 2, "LOCAL_WORLD_SIZE": 2, "GROUP_RANK": rank // 2}
        for name, value in ranks.items():
            monkeypatch.setenv(name, str(value))
        monkeypatch.setattr(meeting, "rendezvous", lambda url, timeout: iter([(board, rank, 4)]))
        found = Meeting()
        assert found.node == rank // 2
        samples = seen[rank] = []
        with found.sampled(Node(found.node), samples.append):
            pass  # the first sample is taken at once

    for rank in (3, 2, 1, 0):
        take_part(rank)
    assert [len(seen[rank]) for rank in range(4)] == [1, 0, 1, 0]
    assert places(seen[0][0]) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert list(board) == ["cifar-tui/system/1"]
