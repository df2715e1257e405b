"""The searched policies: tables, draws and images against torchvision."""

import numpy as np
import pytest
import torch
from scipy import stats
from torchvision.transforms import autoaugment as theirs

from engine.augment.auto_augment import LEVELS, TABLES, AutoAugment, pairs_of
from engine.augment.passes import CODES, SHIFT, SIGNED, amounts


def their(policy):
    return theirs.AutoAugment(theirs.AutoAugmentPolicy(policy))


@pytest.mark.parametrize("policy", TABLES)
def test_tables_are_torchvisions(ours, policy):
    expected = their(policy).policies
    assert pairs_of(policy) == [[(ours(name), odds, level or 0) for name, odds, level in pair] for pair in expected]


@pytest.mark.parametrize("size", [28, 32])
def test_ranges_are_torchvisions(ours, size):
    table = amounts(LEVELS, shear=0.3, shift=SHIFT * size, turn=30, blend=0.9, bits=(8, 4))
    for name, (expected, signed) in their("cifar10")._augmentation_space(LEVELS, (size, size)).items():
        np.testing.assert_allclose(table[ours(name)], np.broadcast_to(expected, LEVELS), rtol=1e-6, atol=1e-4)
        assert signed == (ours(name) in SIGNED)


@pytest.mark.parametrize("policy", TABLES)
def test_operations_amounts_and_signs_come_as_often_as_in_torchvision(planned, applied, rng, policy):
    own = planned(AutoAugment(policy=policy), rng, 20_000)
    expected = applied(their(policy), 3000, depth=2)
    kinds = sorted(own | expected)
    assert set(expected) <= set(own)
    assert stats.chi2_contingency([[own[kind] for kind in kinds], [expected[kind] for kind in kinds]]).pvalue > 0.01


@pytest.mark.parametrize("policy", ["svhn", "imagenet"])
def test_positive_rotation_leaves_all_other_signs(planned, rng, policy):
    drawn = planned(AutoAugment(policy=policy, rotation="positive"), rng, 5000)
    assert min(amount for name, amount in drawn if name == "rotate") > 0
    if policy == "svhn":
        assert min(amount for name, amount in drawn if name == "shear_y") < 0


@pytest.mark.parametrize("policy", TABLES)
def test_pairs_are_applied_in_the_order_of_the_table(planned_pairs, rng, policy):
    codes, _ = planned_pairs(AutoAugment(policy=policy), rng, 5000)
    allowed = {tuple(CODES[name] for name, _, _ in pair) for pair in pairs_of(policy)}
    whole = (codes != CODES["identity"]).all(0)
    assert whole.any()
    assert {tuple(pair) for pair in codes[:, whole].T} <= allowed


def test_corners_show_the_fill(on_cpu):
    op, x = AutoAugment(policy="svhn", fill=128), torch.zeros(400, 3, 32, 32, dtype=torch.uint8)
    codes = np.full((2, 400), CODES["identity"])
    codes[0] = CODES["rotate"]
    out = op._passes.apply(x, on_cpu(op._passes.plan(codes, np.full((2, 400), 30.0), 32)))
    assert (out[:, :, 0, 0] == 128).all()
    assert (out[:, :, 16, 16] == 0).all()
