"""Mixup and CutMix: torchvision's kernels, honest targets, the right distributions."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torchvision.transforms import v2

from engine.augment.mix import CutMix, Mixup, cut_boxes


def torchvision_mix(kind, x, labels, **drawn):
    """torchvision's own transform with its random choices replaced."""

    class Fixed(kind):
        def make_params(self, flat_inputs):
            return drawn

    return Fixed(num_classes=10)(x, labels)


def test_mixup_equals_torchvision(on_cpu, rng):
    x, labels = torch.rand(12, 3, 32, 32), torch.arange(12) % 10
    op = Mixup(per="batch", pair="roll")
    drawn = op.draw(rng, 12, 32)
    mixed, y = op.apply(x.clone(), torch.eye(10)[labels], on_cpu(drawn))
    expected, targets = torchvision_mix(v2.MixUp, x, labels, lam=float(drawn["share"][0]))
    torch.testing.assert_close(mixed, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(y, targets, atol=1e-6, rtol=0)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_cutmix_equals_torchvision(on_cpu, layout):
    x, labels = torch.rand(12, 3, 32, 32).contiguous(memory_format=layout), torch.arange(12) % 10
    op = CutMix(per="batch", pair="roll")
    for seed in range(8):
        drawn = op.draw(np.random.default_rng(seed), 12, 32)
        mixed, y = op.apply(x.clone(memory_format=torch.preserve_format), torch.eye(10)[labels], on_cpu(drawn))
        box, share = tuple(drawn["box"][:, 0].tolist()), float(drawn["share"][0])
        expected, targets = torchvision_mix(v2.CutMix, x, labels, box=box, lam_adjusted=share)
        assert torch.equal(mixed, expected)
        torch.testing.assert_close(y, targets, atol=1e-6, rtol=0)


@pytest.mark.parametrize("size", [32, 31, 7])
def test_boxes_equal_torchvisions_for_the_same_share_and_centre(size):
    transform = v2.CutMix(alpha=1.0, num_classes=10)
    for seed in range(300):
        torch.manual_seed(seed)
        expected = transform.make_params([torch.empty(2, 3, size, size)])
        torch.manual_seed(seed)
        share = float(transform._dist.sample(()))
        centre = np.array([[int(torch.randint(size, (1,)))], [int(torch.randint(size, (1,)))]])
        box, kept = cut_boxes(np.array([share]), centre, size)
        assert tuple(box[:, 0].tolist()) == expected["box"]
        assert kept[0] == pytest.approx(expected["lam_adjusted"], abs=1e-12)


@pytest.mark.parametrize("pair", ["permutation", "roll"])
@pytest.mark.parametrize("per", ["image", "batch"])
@pytest.mark.parametrize("kind", [Mixup, CutMix])
@pytest.mark.parametrize("n", [1, 2, 7, 20])
def test_targets_are_the_share_of_pixels(on_cpu, rng, kind, per, pair, n):
    """Image i is white in channel i alone, so the mean of each channel of the result is what its target must be."""
    x = torch.eye(n)[:, :, None, None].repeat(1, 1, 32, 32)
    op = kind(alpha=1.0, per=per, pair=pair)
    mixed, y = op.apply(x, torch.eye(n), on_cpu(op.draw(rng, n, 32)))
    torch.testing.assert_close(mixed.mean((2, 3)), y, atol=1e-5, rtol=0)
    torch.testing.assert_close(y.sum(1), torch.ones(n))


@pytest.mark.parametrize("kind", [Mixup, CutMix])
def test_soft_targets_are_mixed_again(on_cpu, rng, kind):
    y = torch.tensor([[0.9, 0.1, 0.0], [0.2, 0.3, 0.5]])
    op = kind(pair="roll")
    drawn = op.draw(rng, 2, 32)
    _, mixed = op.apply(torch.rand(2, 3, 32, 32), y, on_cpu(drawn))
    for i in range(2):
        share = float(drawn["share"][i])
        torch.testing.assert_close(mixed[i], share * y[i] + (1 - share) * y[1 - i])


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_mixup_share_follows_the_beta_distribution(rng, alpha):
    share = Mixup(alpha=alpha).draw(rng, 20_000, 32)["share"]
    assert stats.kstest(share, stats.beta(alpha, alpha).cdf).pvalue > 0.01


def test_cutmix_sides_follow_the_beta_distribution_before_clipping(rng):
    """Boxes that touch no border show their drawn size; the mean kept share is the expectation over all of them."""
    size = 1024  # fine enough that whole pixels do not matter
    box = CutMix(alpha=1.0).draw(rng, 4000, size)["box"]
    centre_free = (box[:2] > 0).all(0) & (box[2:] < size).all(0)
    side = (box[2] - box[0])[centre_free] / size
    # P(box inside | side s) is (1 - s)^2 and 1 - share = s^2 is uniform, so s has the density 12 s (1 - s)^2
    assert stats.kstest(side, stats.beta(2, 3).cdf).pvalue > 0.01
    width, height = (box[2] - box[0]), (box[3] - box[1])
    assert (width[centre_free] == height[centre_free]).all()


def test_each_image_has_a_share_of_its_own_unless_the_batch_has_one(rng):
    assert len(np.unique(Mixup().draw(rng, 64, 32)["share"])) == 64
    assert len(np.unique(CutMix().draw(rng, 64, 32)["box"], axis=1).T) > 60
    assert Mixup(per="batch").draw(rng, 64, 32)["share"].shape == (1,)
    assert CutMix(per="batch").draw(rng, 64, 32)["box"].shape == (4, 1)


def test_partners_are_a_permutation_or_the_neighbour(rng):
    partner = Mixup().draw(rng, 50, 32)["partner"]
    assert sorted(partner) == list(range(50))
    assert (partner != np.arange(50)).sum() > 40
    assert Mixup(pair="roll").draw(rng, 4, 32)["partner"].tolist() == [3, 0, 1, 2]


def test_a_share_of_one_or_zero_is_exact(on_cpu):
    box, share = cut_boxes(np.array([1.0, 0.0]), np.array([[16, 16], [16, 16]]), 32)
    assert share.tolist() == [1.0, 0.0]
    x = torch.rand(2, 3, 32, 32)
    params = on_cpu({"box": box, "share": share, "partner": np.array([1, 0])})
    mixed, y = CutMix().apply(x, torch.eye(2), params)
    assert torch.equal(mixed, x[[0, 0]])
    assert torch.equal(y, torch.eye(2)[[0, 0]])
    assert math.isclose(float(y.sum()), 2.0)
