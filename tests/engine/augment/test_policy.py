"""Combinators: who goes where, how often, and that the rest stays as it was."""

import numpy as np
import pytest
import torch
from scipy import stats

from engine.augment.color import ColorJitter
from engine.augment.geometry import HorizontalFlip, RandomCrop
from engine.augment.mix import CutMix, Mixup
from engine.augment.policy import OneOf, WithProbability
from engine.contract.errors import BadInput


class Plus:
    """Adds a number, and one drawn below 0.1 for each image."""

    def __init__(self, amount: float) -> None:
        self.amount = amount

    def draw(self, rng, n, size):
        return {"own": rng.random(n) * 0.1}

    def apply(self, x, y, params):
        return x + self.amount + params["own"][:, None, None, None], y + self.amount


def picked(drawn, member, n):
    return np.isin(np.arange(n), drawn.get(f"group{member}", []))


@pytest.mark.parametrize("weights", [(), (1.0, 1.0, 2.0), (0.0, 3.0, 1.0)])
def test_choice_picks_in_proportion_to_the_weights(rng, weights):
    drawn = OneOf(of=[Plus(1), Plus(2), Plus(3)], weights=weights).draw(rng, 9000, 32)
    counts = np.array([picked(drawn, i, 9000).sum() for i in range(3)])
    odds = np.array(weights or (1, 1, 1)) / sum(weights or (1, 1, 1))
    assert counts.sum() == 9000
    assert (counts[odds == 0] == 0).all()
    assert stats.chisquare(counts[odds > 0], 9000 * odds[odds > 0]).pvalue > 0.01


@pytest.mark.parametrize("n", [1, 2, 3, 7, 40])
def test_each_image_goes_through_the_op_it_drew_and_keeps_its_place(on_cpu, rng, n):
    op = OneOf(of=[Plus(1), Plus(2), Plus(3)])
    x = torch.arange(float(n))[:, None, None, None] * 10 + torch.zeros(1, 3, 4, 4)
    drawn = op.draw(rng, n, 4)
    out, y = op.apply(x, torch.arange(n).float()[:, None], on_cpu(drawn))
    for member, amount in enumerate((1, 2, 3)):
        group = picked(drawn, member, n)
        torch.testing.assert_close(y[group, 0], torch.arange(n)[group] + float(amount))
        extra = (out - x)[group] - amount
        assert ((extra >= 0) & (extra < 0.1)).all()
    assert sum(picked(drawn, i, n).sum() for i in range(3)) == n


def test_choice_per_batch_picks_one_op_for_all(rng):
    op = OneOf(of=[CutMix(per="batch"), Mixup(per="batch")], per="batch")
    seen = [sorted({name.split(".")[0] for name in op.draw(rng, 8, 32) if "." in name}) for _ in range(200)]
    first = seen.count(["0"])
    assert first + seen.count(["1"]) == 200
    assert stats.binomtest(first, 200, 0.5).pvalue > 0.01


def test_mixers_in_a_choice_keep_targets_equal_to_pixels(on_cpu, rng):
    x = torch.eye(20)[:, :, None, None].repeat(1, 1, 32, 32)
    op = OneOf(of=[CutMix(), Mixup(), WithProbability(of=[Mixup()], probability=0.5)])
    mixed, y = op.apply(x, torch.eye(20), on_cpu(op.draw(rng, 20, 32)))
    torch.testing.assert_close(mixed.mean((2, 3)), y, atol=1e-5, rtol=0)
    assert (y.max(1).values < 1).any()


@pytest.mark.parametrize("per", ["image", "batch"])
@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_probability_decides_how_many_are_changed(on_cpu, rng, probability, per):
    op = WithProbability(of=[Plus(1), Plus(1)], probability=probability, per=per)
    changed = draws = 0
    for _ in range(300):
        out, y = op.apply(torch.zeros(10, 3, 4, 4), torch.zeros(10, 2), on_cpu(op.draw(rng, 10, 4)))
        hit = y[:, 0] == 2
        assert ((out[:, 0, 0, 0] >= 2) == hit).all()
        assert (out[~hit] == 0).all()
        assert per == "image" or hit.all() or not hit.any()
        changed, draws = changed + int(hit.sum()), draws + 10
    if per == "batch":
        changed, draws = changed // 10, draws // 10
    assert stats.binomtest(changed, draws, probability).pvalue > 0.01


def test_combinators_nest(pictures, on_cpu, rng):
    jitter = WithProbability(of=[ColorJitter(hue=0.1), HorizontalFlip()], probability=0.5)
    op = OneOf(of=[OneOf(of=[RandomCrop(), HorizontalFlip()]), jitter])
    x = pictures(24).float() / 255
    out, y = op.apply(x.clone(), torch.eye(24), on_cpu(op.draw(rng, 24, 32)))
    same = [bool((out[i] == x[i]).all()) for i in range(24)]
    assert out.shape == x.shape
    assert 0 < sum(same) < 24
    assert torch.equal(y, torch.eye(24))


@pytest.mark.parametrize("weights", [(1.0,), (1.0, 1.0, 1.0), (0.0, 0.0)])
def test_weights_that_do_not_fit_are_refused(weights):
    with pytest.raises(BadInput, match=r"choice\.weights: got \(.*\), needs 2 numbers"):
        OneOf(of=[Mixup(), CutMix()], weights=weights)
