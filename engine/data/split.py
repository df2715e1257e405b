"""Which training images a run sees and in which order, and the statistics of their pixels. NumPy only.

Every draw uses the raw words of a Philox generator. NumPy guarantees that these never change, while the streams of
methods such as `Generator.permutation` may (NEP 19), and the order must stay the same as long as a checkpoint exists.
"""

from __future__ import annotations

from typing import Final

import numpy as np

ORDER: Final = 0x6F72646572  # separates the orders of epochs from splits with the same seed
SPLIT: Final = 0x73706C6974


def permutation(n: int, *key: int) -> np.ndarray:
    """A permutation of 0..n-1, int64 (n,), determined by the non-negative integers in `key`."""
    words = np.random.Philox(np.random.SeedSequence(key)).random_raw(n)
    return np.argsort(words, kind="stable")


def epoch_order(seed: int, epoch: int, n: int) -> np.ndarray:
    """The order in which an epoch visits n images, as indices, int64 (n,)."""
    return permutation(n, ORDER, seed, epoch)


def stratified(labels: np.ndarray, *, fraction: float, holdout: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Choose which images to train on and which to hold out, the same share of every class.

    First `fraction` of all images is selected, then `holdout` of those is held out; the rest is never used. With the
    same seed, a larger fraction contains every smaller one.

    Args:
        labels: integers (N,).
        fraction: in (0, 1]; at least one image per class is selected.
        holdout: in [0, 1); at least one image per class remains for training.

    Returns:
        Two sorted, disjoint index arrays, int64: training and hold-out.
    """
    train, aside = [], []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        members = members[permutation(len(members), SPLIT, seed, int(label))]
        kept = max(1, round(fraction * len(members)))
        held = min(round(holdout * kept), kept - 1)
        train.append(members[: kept - held])
        aside.append(members[kept - held : kept])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(aside))


def channel_statistics(images: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and (population) standard deviation of each channel over all pixels, for pixels in 0..1.

    Args:
        images: uint8 (N, H, W, C). Counting each of the 256 values first makes the computation exact and fast.
    """
    counts = np.stack([np.bincount(images[..., c].ravel(), minlength=256) for c in range(images.shape[-1])])
    share = counts / counts.sum(axis=1, keepdims=True)
    value = np.arange(256) / 255
    mean = share @ value
    variance = (share * (value - mean[:, None]) ** 2).sum(axis=1)
    return tuple(map(float, mean)), tuple(map(float, np.sqrt(variance)))
