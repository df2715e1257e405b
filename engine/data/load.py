"""From a recipe's data settings to tensors: the one door through which a trainer gets its images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.recipe.schema import DataConfig
from engine.data.arrays import Arrays, Say
from engine.data.split import channel_statistics, stratified


@dataclass(frozen=True)
class Split:
    """Images uint8 (N, C, H, W), channels-last in memory, and labels int64 (N,)."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class DataSet:
    """All that a run needs of its data. `mean` and `std` are per channel, for pixels in 0..1."""

    name: str
    train: Split
    holdout: Split | None
    test: Split
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fingerprint: str
    """SHA-256 of the whole data set, before slices, fraction and hold-out."""

    @property
    def channels(self) -> int:
        """Of every image: 3 for color, 1 for gray."""
        return int(self.train.images.shape[1])

    @property
    def image_size(self) -> int:
        """The side of every image in pixels."""
        return int(self.train.images.shape[-1])


def load(config: DataConfig, data_dir: str, say: Say, parts: Catalog | None = None) -> DataSet:
    """Fetch if need be, verify, read (from the cache when there is one), split and measure a data set.

    With `normalize = "train"` the statistics are those of the whole training set, whatever slice, fraction and holdout
    say: they hold no label and no test image, and runs with different fractions stay comparable. Training images are
    chosen in this order: the slice, of that the fraction, of that the hold-out.

    Args:
        data_dir: "" stands for $CIFAR_TUI_DATA, else the user's own data folder.
        say: hears phases ("fetching", "preparing data") with a note.
        parts: where data sets are looked up; the engine's own when left out.

    Raises:
        DataError: where the data set is missing and cannot be fetched, or is damaged.
        BadInput: for an unknown data set, or a slice or hold-out too small to hold an image.
    """
    parts = parts or catalog()
    part = parts.get("dataset", config.name)
    say("preparing data", part.title)
    arrays: Arrays = parts.load(part)(data_dir, say)
    first = _first("train_slice", config.train_slice, len(arrays.train_labels))
    chosen, aside = stratified(
        arrays.train_labels[:first], fraction=config.fraction, holdout=config.holdout, seed=config.split_seed
    )
    if config.holdout > 0 and not len(aside):
        raise BadInput(f"data.holdout = {config.holdout:g} of {len(chosen)} images keeps none aside; make it larger")
    tested = np.arange(_first("test_slice", config.test_slice, len(arrays.test_labels)))
    mean, std = _statistics(config, arrays)
    return DataSet(
        name=part.name,
        train=_split(arrays.train_images, arrays.train_labels, chosen),
        holdout=_split(arrays.train_images, arrays.train_labels, aside) if len(aside) else None,
        test=_split(arrays.test_images, arrays.test_labels, tested),
        classes=arrays.classes,
        mean=mean,
        std=std,
        fingerprint=arrays.fingerprint,
    )


def _first(field: str, part: str, images: int) -> int:
    """How many of so many images a slice takes."""
    count = images if part == "all" else round(float(part.removeprefix("first:")) * images)
    if not count:
        raise BadInput(f"data.{field} = {part} of {images} images keeps none; make it larger")
    return count


def _statistics(config: DataConfig, arrays: Arrays) -> tuple[tuple[float, ...], tuple[float, ...]]:
    channels = arrays.train_images.shape[-1]
    match config.normalize:
        case "none":
            return (0.0,) * channels, (1.0,) * channels
        case "given":
            return config.mean, config.std
        case which:
            return channel_statistics(arrays.train_images if which == "train" else arrays.test_images)


def _split(images: np.ndarray, labels: np.ndarray, chosen: np.ndarray) -> Split:
    if len(chosen) < len(labels):
        images, labels = images[chosen], labels[chosen]
    return Split(torch.from_numpy(images).permute(0, 3, 1, 2), torch.from_numpy(labels.astype(np.int64)))
