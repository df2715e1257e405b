"""Augmentation needs little memory beside a training step, so a batch is not augmented in parts."""

import pytest
import torch

from engine.augment.pipeline import Pipeline
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve
from tests.engine.peak import peak_bytes

BATCH, PIXELS = 256, 3 * 32 * 32
FLOATS = 6
"""An op may hold so many copies of a batch in fp32, its result included. AugMix, with a mixture of chains of images
beside the images, holds 5.3, RICAP and crop and paste 4.2, CutMix 3, an op on colors 2, and one on bytes 1.3."""
OPS = [part.name for part in catalog().parts("op") if part.name not in ("choice", "with_probability")]


@pytest.mark.parametrize(
    "ops", [*([name] for name in OPS), ["random_crop", "horizontal_flip", "color_jitter", "cutmix"]]
)
def test_a_batch_is_augmented_within_few_copies_of_it(ops: list[str]) -> None:
    """At a batch size of 512, that is 38 MB; the activations of ResNet-18 are 60 times as much in fp32."""
    table = {"epochs": 1, "batch_size": 8, "model": "resnet20", "augmentation": ops, "optimizer": "sgd"}
    recipe = resolve(table, catalog())
    pipeline = Pipeline(recipe.augmentation, seed=1, mean=(0.5,) * 3, std=(0.2,) * 3, num_classes=10)
    images = torch.randint(0, 256, (BATCH, 3, 32, 32), dtype=torch.uint8)
    images, labels = images.contiguous(memory_format=torch.channels_last), torch.zeros(BATCH, dtype=torch.long)
    pipeline(images, labels, 0, 0)  # makes constants
    assert 4 * PIXELS <= peak_bytes(lambda: pipeline(images, labels, 1, 0)) / BATCH <= FLOATS * 4 * PIXELS
