"""What a budget runs and leaves out, with a clock that stands still unless a test moves it."""

import pytest

from bench.plan import Budget, Case


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def case(name: str, rank: int, seconds: float) -> Case:
    return Case("train", name, rank, seconds, lambda: iter(()))


def run(budget: Budget, clock: Clock, cases: list[Case], pace: float = 1.0) -> list[str]:
    """Let every chosen case take its estimate times `pace`."""
    names = []
    for chosen in budget.chosen(cases):
        clock.now += pace * chosen.seconds
        names.append(chosen.name)
    return names


@pytest.fixture
def clock() -> Clock:
    return Clock()


def left_out(budget: Budget) -> list[str]:
    return [case.name for case in budget.left_out]


def test_without_a_budget_everything_runs_in_the_order_given(clock: Clock):
    budget = Budget(None, clock)
    assert run(budget, clock, [case("zoo", 3, 1e6), case("limit", 0, 5), case("peer", 1, 5)]) == [
        "zoo",
        "limit",
        "peer",
    ]
    assert budget.left_out == []


def test_the_most_important_come_first_and_equals_keep_their_order(clock: Clock):
    cases = [case("zoo", 3, 1), case("peer", 1, 1), case("limit", 0, 1), case("loader", 1, 1)]
    assert run(Budget(10, clock), clock, cases) == ["limit", "peer", "loader", "zoo"]


def test_what_does_not_fit_is_left_out_and_smaller_cases_still_run(clock: Clock):
    budget = Budget(10, clock)
    assert run(budget, clock, [case("a", 0, 6), case("b", 1, 5), case("c", 2, 4), case("d", 3, 1)]) == ["a", "c"]
    assert left_out(budget) == ["b", "d"]


def test_the_budget_counts_from_its_creation(clock: Clock):
    budget = Budget(10, clock)
    clock.now += 7  # torch is imported
    assert run(budget, clock, [case("a", 0, 4), case("b", 0, 3)]) == ["b"]


def test_estimates_follow_the_speed_of_the_machine(clock: Clock):
    slow = Budget(20, clock)
    assert run(slow, clock, [case("a", 0, 5), case("b", 1, 6), case("c", 2, 5)], pace=2.0) == ["a", "c"]
    assert left_out(slow) == ["b"]
    assert slow.expected(slow.left_out[0]) == 12.0
    fast = Budget(20, clock)
    assert run(fast, clock, [case("a", 0, 15), case("b", 1, 150)], pace=0.1) == ["a", "b"]


def test_nothing_runs_in_too_short_a_time(clock: Clock):
    budget = Budget(1, clock)
    assert run(budget, clock, [case("a", 0, 5), case("b", 1, 5)]) == []
    assert left_out(budget) == ["a", "b"]
