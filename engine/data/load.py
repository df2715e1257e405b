"""Load the data set of a recipe as tensors; all trainers get their images here."""

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
    """The data of a run. `mean` and `std` are per channel, for pixels in 0..1."""

    name: str
    train: Split
    holdout: Split | None
    test: Split
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fingerprint: str
    """SHA-256 of the whole data set, before slicing, fraction and hold-out."""

    @property
    def channels(self) -> int:
        """The number of channels of every image: 3 for color, 1 for grayscale."""
        return int(self.train.images.shape[1])

    @property
    def image_size(self) -> int:
        """The width and height of every image in pixels."""
        return int(self.train.images.shape[-1])


def load(config: DataConfig, data_dir: str, say: Say, parts: Catalog | None = None) -> DataSet:
    """Download a data set if it is missing, verify it, read it (from the cache if possible), and split it.

    With `normalize = "train"`, mean and standard deviation are those of the whole training set, regardless of slice,
    fraction and hold-out. They contain no labels and no test images, and runs with different fractions stay comparable.
    Training images are chosen in this order: the slice, then the fraction of the slice, then the hold-out of that.

    Args:
        data_dir: the data folder; "" stands for $CIFAR_TUI_DATA or else the user's default folder.
        say: receives phases ("fetching", "preparing data") with a note.
        parts: where data sets are looked up; the engine's own catalog by default.

    Raises:
        DataError: the data set is missing and cannot be downloaded, or is damaged.
        BadInput: the data set is unknown, or a slice or the hold-out contains no image.
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
        raise BadInput(f"data.holdout = {config.holdout:g} of {len(chosen)} images holds out none; use a larger value")
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
    """The number of images that a slice takes of `images`. Raises BadInput if it is 0."""
    count = images if part == "all" else round(float(part.removeprefix("first:")) * images)
    if not count:
        raise BadInput(f"data.{field} = {part} of {images} images selects none; use a larger value")
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
