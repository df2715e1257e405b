"""Which images a run sees, in which order, and their statistics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.split import channel_statistics, epoch_order, permutation, stratified

LABELS = np.random.default_rng(3).permutation(np.repeat(np.arange(10, dtype=np.uint8), 200))


@settings(deadline=None, max_examples=40)
@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=8),
    fraction=st.floats(0.01, 1.0),
    holdout=st.floats(0.0, 0.95),
    seed=st.integers(0, 2**63 - 1),
)
def test_parts_are_sorted_disjoint_and_of_the_same_share_in_every_class(sizes, fraction, holdout, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    train, aside = stratified(labels, fraction=fraction, holdout=holdout, seed=seed)
    both = np.concatenate([train, aside])
    assert len(np.unique(both)) == len(both)
    for part in (train, aside):
        assert np.array_equal(part, np.sort(part)) and part.dtype == np.int64
    for label, size in enumerate(sizes):
        kept = (labels[both] == label).sum()
        assert abs(kept - fraction * size) <= 1
        assert (labels[train] == label).sum() >= 1
        assert abs((labels[aside] == label).sum() - holdout * kept) <= 1


def test_everything_is_the_default():
    train, aside = stratified(LABELS, fraction=1.0, holdout=0.0, seed=0)
    assert np.array_equal(train, np.arange(2000)) and len(aside) == 0


def test_a_tenth_is_twenty_of_each_of_two_hundred_and_a_fifth_of_it_goes_aside():
    train, aside = stratified(LABELS, fraction=0.1, holdout=0.2, seed=5)
    assert np.bincount(LABELS[train]).tolist() == [16] * 10
    assert np.bincount(LABELS[aside]).tolist() == [4] * 10


def test_the_seed_alone_decides_and_a_larger_fraction_contains_a_smaller_one():
    first, _ = stratified(LABELS, fraction=0.1, holdout=0.0, seed=5)
    again, _ = stratified(LABELS, fraction=0.1, holdout=0.0, seed=5)
    other, _ = stratified(LABELS, fraction=0.1, holdout=0.0, seed=6)
    larger, _ = stratified(LABELS, fraction=0.3, holdout=0.0, seed=5)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert set(first) < set(larger)


@pytest.mark.parametrize("n", [1, 2, 1000])
def test_an_epoch_visits_every_image_once(n):
    assert np.array_equal(np.sort(epoch_order(7, 3, n)), np.arange(n))


def test_orders_differ_between_epochs_and_seeds_and_do_not_repeat_a_split():
    orders = {tuple(epoch_order(seed, epoch, 50)) for seed in range(4) for epoch in range(4)}
    assert len(orders) == 16
    assert tuple(permutation(50, 0, 0)) not in orders


def test_orders_are_the_same_on_every_machine_and_for_every_version_of_numpy():
    assert epoch_order(0, 0, 8).tolist() == [4, 2, 7, 0, 6, 5, 1, 3]
    assert epoch_order(2**63 - 1, 41, 8).tolist() == [1, 4, 6, 7, 5, 2, 3, 0]


def test_every_place_in_an_epoch_is_equally_likely():
    places = np.array([epoch_order(seed, 1, 10).argsort() for seed in range(2000)])  # (seeds, image)
    counts = np.stack([np.bincount(column, minlength=10) for column in places.T])
    assert abs(counts - 200).max() < 60  # 4.5 standard deviations of a binomial


def test_statistics_are_those_of_numpy_over_all_pixels():
    images = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    images[..., 1] //= 3
    mean, std = channel_statistics(images)
    pixels = images.reshape(-1, 3).astype(np.float64) / 255
    assert np.allclose(mean, pixels.mean(0), rtol=1e-12) and np.allclose(std, pixels.std(0), rtol=1e-9)


def test_a_constant_channel_has_no_spread():
    _, std = channel_statistics(np.full((2, 4, 4, 3), 200, np.uint8))
    assert max(std) < 1e-12
