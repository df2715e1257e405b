"""The roll call of three ranks with a store and a clock of the test."""

from __future__ import annotations

import threading

import pytest

from engine.loop.roll_call import Patience, RollCall, watching
from engine.ranks import RankProgress

PATIENCE = Patience(silent=10, busy=60)


class Board(dict[str, str]):
    """What ranks publish; with `down`, it does not answer."""

    down = False

    def set(self, key: str, value: str) -> None:
        if self.down:
            raise RuntimeError("the store does not answer")
        self[key] = value

    def get(self, key: str, default: object = None) -> bytes:
        return self[key].encode()

    def check(self, keys: list[str]) -> bool:
        return all(key in self for key in keys)


class Ranks:
    """Three ranks that look once a second."""

    def __init__(self) -> None:
        self.now = 0.0
        self.board = Board()
        self.rolls = [RollCall(self.board, rank, 3, RankProgress(), PATIENCE, lambda: self.now) for rank in range(3)]

    def run(self, seconds: float, *, training: tuple[int, ...] = (), looking: tuple[int, ...] = (0, 1, 2)) -> set[str]:
        """Everything that they find out."""
        found = set()
        for _ in range(int(seconds)):
            self.now += 1
            for rank in training:
                self.rolls[rank].progress.enter()
            found |= {self.rolls[rank].look() for rank in looking}
        return found - {""}


@pytest.fixture
def ranks() -> Ranks:
    return Ranks()


def test_a_stopped_process_is_named_after_the_short_limit(ranks):
    assert not ranks.run(5, training=(0, 1, 2))
    assert not ranks.run(9, looking=(0, 2))
    assert ranks.run(3, looking=(0, 2)) == {"rank 1 hangs: no sign of life from its process for 10 s"}


def test_training_that_stands_still_is_named_after_the_long_limit_by_all_and_itself(ranks):
    ranks.run(5, training=(0, 1, 2))
    ranks.run(1, training=(0, 2))
    assert not ranks.run(59)
    assert ranks.run(3) == {"rank 1 hangs: no progress for 60 s while the other ranks wait for it"}


def test_a_compilation_or_a_checkpoint_within_the_long_limit_is_no_hang(ranks):
    for _ in range(4):
        assert not ranks.run(55, training=())
        assert not ranks.run(1, training=(1, 2))
        assert not ranks.run(50)
        assert not ranks.run(1, training=(0,))


def test_what_all_ranks_do_together_may_take_any_time(ranks):
    ranks.run(5, training=(0, 1, 2))
    assert not ranks.run(500)


def test_a_rank_that_is_done_is_not_waited_for(ranks):
    ranks.run(5, training=(0, 1, 2))
    ranks.rolls[1].leave()
    assert not ranks.run(100, looking=(0, 2), training=(0,))


def test_a_rank_that_never_appears_is_named_after_the_long_limit(ranks):
    assert not ranks.run(55, looking=(0, 1))
    assert ranks.run(10, looking=(0, 1)) == {"rank 2 hangs: no sign of life from its process for 60 s"}


def test_a_run_that_was_suspended_as_a_whole_goes_on(ranks):
    ranks.run(5, training=(0, 1, 2))
    ranks.now += 5000
    assert not ranks.run(20, training=(0, 1, 2))


def test_a_store_that_is_gone_means_that_the_others_give_no_sign_of_life(ranks):
    ranks.run(5, training=(0, 1, 2))
    ranks.board.down = True
    assert not ranks.run(9, looking=(1,))
    assert ranks.run(3, looking=(1,)) == {"rank 0 hangs: no sign of life from its process for 10 s"}
    ranks.rolls[1].leave()


def test_the_thread_reports_once_and_says_when_it_leaves():
    board, told, reported = Board(), [], threading.Event()
    roll = RollCall(board, 0, 2, RankProgress(), Patience(silent=0.2, busy=0.2))
    with watching(roll, lambda words: (told.append(words), reported.set())):
        assert reported.wait(20)
    assert told == ["rank 1 hangs: no sign of life from its process for 0 s"]
    assert board["cifar-tui/rank/0"] == "left"
