"""What the ranks of one run do together, each case in two processes over gloo."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from engine.distributed import ALONE, World
from engine.ranks import LAG, Ranks


def parts(world: World) -> list[tuple[int, int]]:
    return [(part.start, part.stop) for part in (world.part(10), world.part(7), world.part(10, 4), world.part(1))]


def test_each_rank_gets_a_contiguous_part_of_whole_groups(pair):
    first, second = pair(parts)
    assert first == [(0, 5), (0, 3), (0, 4), (0, 0)]
    assert second == [(5, 10), (3, 7), (4, 10), (0, 1)]


def gradients(world: World) -> list[list[float] | None]:
    """Four parameters: with a gradient everywhere, in rank 0 only, in rank 1 only, and nowhere."""
    weights = [torch.zeros(2, requires_grad=True) for _ in range(4)]
    for i, weight in enumerate(weights[:3]):
        if i in (0, world.rank + 1):
            weight.grad = torch.tensor([1.0, 10.0]) * (world.rank + 1)
    loss = torch.tensor(float(world.rank + 5))
    world.sum_(weights, [loss])
    assert loss == 11
    return [None if weight.grad is None else weight.grad.tolist() for weight in weights]


def test_gradients_are_summed_and_one_that_no_rank_has_stays_missing(pair):
    assert pair(gradients) == [[[3.0, 30.0], [1.0, 10.0], [2.0, 20.0], None]] * 2


def batches(world: World) -> list[list[float]]:
    mine = [torch.full((2,), 10.0 * place + world.rank) for place in range(2)]
    return [batch.tolist() for batch in world.gather_batches(mine)]


def test_batches_are_gathered_in_turn(pair):
    assert pair(batches) == [[[0.0, 0.0], [1.0, 1.0], [10.0, 10.0], [11.0, 11.0]]] * 2


def answers(world: World, who: int) -> list[bool]:
    asked = iter([False, False, *[world.rank == who] * 8])
    question = world.agreed(lambda: next(asked))
    return [question() for _ in range(8)]


@pytest.mark.parametrize("who", [0, 1])
def test_all_ranks_stop_at_the_same_question_whoever_was_asked(pair, who: int):
    found = pair(answers, who)
    assert found[0] == found[1] == [False] * (2 + LAG) + [True] * (6 - LAG)


def told(world: World) -> tuple[str, list[int]]:
    calls: list[int] = []
    found = world.same(lambda: calls.append(world.rank) or f"by rank {world.rank}")
    return found, calls


def test_rank_0_decides_for_all(pair):
    assert pair(told) == [("by rank 0", [0]), ("by rank 0", [])]


def draws(world: World) -> list[list[float]]:
    found = []
    for step in (0, 1, 0):
        world.reseed(3, 0, step)
        found.append(torch.rand(3).tolist())
    return found


def test_random_numbers_differ_by_rank_and_step_and_come_again(pair):
    one, other = pair(draws)
    assert one[0] == one[2] and other[0] == other[2]
    assert len({str(each) for each in (*one[:2], *other[:2])}) == 4


def apart(world: World, different: bool) -> str:
    weights = torch.arange(4.0)
    weights[1] += 1e-7 * world.rank * different
    try:
        world.check_alike([weights, torch.tensor(3)])
    except RuntimeError as error:
        return str(error)
    return ""


def test_weights_that_differ_between_ranks_are_found(pair):
    assert pair(apart, False) == ["", ""]
    assert pair(apart, True) == ["the weights of rank 1 differ from those of rank 0"] * 2


def slope(world: Any) -> list[float]:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    (world.gathered(x) * torch.tensor([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    assert isinstance(x.grad, Tensor)
    return x.grad.tolist()


def test_gathering_passes_gradients_back_to_their_ranks(pair):
    assert pair(slope) == [[2.0, 4.0], [6.0, 8.0]]


def test_alone_changes_nothing():
    x = torch.randn(4, 2)
    weight = torch.zeros(2, requires_grad=True)
    weight.grad = torch.ones(2)
    before = torch.get_rng_state()
    assert x[ALONE.part(4)].data_ptr() == x.data_ptr() and ALONE.placed(x, slice(None), 4) is x
    ALONE.share_out([x])
    ALONE.sum_([weight], [x])
    ALONE.reseed(0, 0, 0)
    ALONE.check_alike([x])
    assert ALONE.leads and ALONE.same(lambda: 7) == 7 and weight.grad.tolist() == [1.0, 1.0]
    question = lambda: True  # noqa: E731
    assert ALONE.agreed(question) is question
    assert torch.equal(before, torch.get_rng_state()) and not isinstance(ALONE, Ranks)
