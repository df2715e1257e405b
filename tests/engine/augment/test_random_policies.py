"""RandAugment, TrivialAugment and AugMix: ranges, draws and images against torchvision."""

import numpy as np
import pytest
import torch
from scipy import stats
from torchvision.transforms import autoaugment as theirs

from engine.augment.passes import SHIFT, SIGNED, Passes, amounts
from engine.augment.random_policies import AugMix, RandAugment, TrivialAugmentWide
from engine.contract.recipe.catalog import catalog

RANGES = {
    "rand_augment": (
        {"shear": 0.3, "shift": SHIFT * 32, "turn": 30, "blend": 0.9, "bits": (8, 4)},
        lambda bins: theirs.RandAugment()._augmentation_space(bins, (32, 32)),
    ),
    "trivial_augment_wide": (
        {"shear": 0.99, "shift": 32, "turn": 135, "blend": 0.99, "bits": (8, 2)},
        lambda bins: theirs.TrivialAugmentWide()._augmentation_space(bins),
    ),
    "augmix": (
        {"shear": 0.3, "shift": 32 / 3, "turn": 30, "blend": 0.9, "bits": (4, 0)},
        lambda bins: theirs.AugMix()._augmentation_space(bins, (32, 32)),
    ),
}


@pytest.mark.parametrize("bins", [10, 31])
@pytest.mark.parametrize("name", RANGES)
def test_ranges_are_torchvisions(ours, name, bins):
    own, expected = RANGES[name][0], RANGES[name][1](bins)
    table = amounts(bins, **own)
    for title, (magnitudes, signed) in expected.items():
        np.testing.assert_allclose(table[ours(title)], np.broadcast_to(magnitudes, bins), rtol=1e-6, atol=1e-4)
        assert signed == (ours(title) in SIGNED)


@pytest.mark.parametrize(
    ("op", "their", "depth"),
    [
        (RandAugment(), theirs.RandAugment(), 2),
        (RandAugment(ops=3, magnitude=5, levels=9), theirs.RandAugment(3, 5, 10), 3),
        (TrivialAugmentWide(bins=11), theirs.TrivialAugmentWide(11), 1),
        (AugMix(), theirs.AugMix(), 9),
        (AugMix(severity=5, width=2, depth=2, all_ops=False), theirs.AugMix(5, 2, 2, all_ops=False), 4),
    ],
    ids=["rand_augment", "rand_augment of 3", "trivial_augment_wide", "augmix", "augmix without blends"],
)
def test_operations_amounts_and_signs_come_as_often_as_in_torchvision(planned, applied, rng, op, their, depth):
    own, expected = planned(op, rng, 20_000), applied(their, 12_000 // depth**2, depth)
    kinds = sorted(own | expected)
    assert set(expected) <= set(own)
    assert stats.chi2_contingency([[own[kind] for kind in kinds], [expected[kind] for kind in kinds]]).pvalue > 0.01


def test_defaults_are_torchvisions():
    options = {part.name: {param.name: param.default for param in part.params} for part in catalog().parts("op")}
    rand, mix = theirs.RandAugment(), theirs.AugMix()
    usual = {"fill": 0, "interpolation": rand.interpolation.value}
    own = {"ops": rand.num_ops, "magnitude": rand.magnitude, "levels": rand.num_magnitude_bins - 1}
    assert options["rand_augment"] == usual | own
    assert options["trivial_augment_wide"] == usual | {"bins": theirs.TrivialAugmentWide().num_magnitude_bins}
    own = {"severity": mix.severity, "width": mix.mixture_width, "depth": 0, "alpha": mix.alpha, "all_ops": mix.all_ops}
    assert options["augmix"] == own | {"fill": 0, "interpolation": mix.interpolation.value}


def test_augmix_is_the_sum_of_the_image_and_its_chains(pictures, on_cpu, rng):
    x, op = pictures(20), AugMix(width=2, interpolation="nearest")
    params = on_cpu(op.draw(rng, 20, 32))
    out, _ = op.apply(x, torch.zeros(20, 10), params)
    chains = Passes(3, fill=0, interpolation="nearest").apply(x, params)
    own, first, second = params["shares"][:, :, None, None, None]
    expected = own * x + first * chains[:20] + second * chains[20:]
    assert (out - expected).abs().max() <= 1
    assert (out <= expected + 1e-3).all()


@pytest.mark.parametrize("alpha", [0.5, 1.0, 4.0])
def test_augmix_shares_are_beta_and_dirichlet(rng, alpha):
    shares = AugMix(alpha=alpha).draw(rng, 5000, 32)["shares"]
    np.testing.assert_allclose(shares.sum(0), 1)
    assert stats.kstest(shares[0], stats.beta(alpha, alpha).cdf).pvalue > 0.01
    first = shares[1] / (1 - shares[0])
    assert stats.kstest(first, stats.beta(alpha, 2 * alpha).cdf).pvalue > 0.01


def test_magnitude_zero_of_rand_augment_leaves_what_has_a_range(planned, rng):
    drawn = planned(RandAugment(magnitude=0), rng, 500)
    still = {name: amount for name, amount in drawn if name not in ("autocontrast", "equalize")}
    assert {name: amount for name, amount in still.items() if amount} == {"posterize": 8.0, "solarize": 255.0}
