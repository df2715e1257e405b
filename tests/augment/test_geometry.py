"""Crop and flip against torchvision, image by image."""

import numpy as np
import pytest
import torch
import torchvision.transforms.v2.functional as F
from scipy import stats

from engine.augment.geometry import HorizontalFlip, RandomCrop

TARGETS = torch.zeros(16, 10)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize(
    ("padding", "fill"), [(4, "zero"), (4, "reflect"), (1, "reflect"), (16, "zero"), (0, "reflect")]
)
def test_crop_equals_torchvision_pad_and_crop(pictures, on_cpu, rng, padding, fill, dtype, layout):
    x = pictures(16).to(dtype).contiguous(memory_format=layout)
    op = RandomCrop(padding=padding, fill=fill)
    drawn = op.draw(rng, 16, 32)
    cut, _ = op.apply(x, TARGETS, on_cpu(drawn))
    mode = {"zero": "constant", "reflect": "reflect"}[fill]
    for i in range(16):
        padded = F.pad(x[i].float(), [padding] * 4, padding_mode=mode).to(dtype)
        assert torch.equal(cut[i], F.crop(padded, int(drawn["top"][i]), int(drawn["left"][i]), 32, 32))


@pytest.mark.parametrize("height, width, channels", [(8, 8, 1), (12, 20, 3), (5, 5, 4)])
def test_crop_takes_any_shape(on_cpu, rng, height, width, channels):
    x = torch.rand(3, channels, height, width)
    op = RandomCrop(padding=2)
    drawn = op.draw(rng, 3, height)
    cut, _ = op.apply(x, TARGETS, on_cpu(drawn))
    for i in range(3):
        expected = F.crop(F.pad(x[i], [2] * 4), int(drawn["top"][i]), int(drawn["left"][i]), height, width)
        assert torch.equal(cut[i], expected)


def test_crop_offsets_are_uniform_over_every_place(rng):
    drawn = RandomCrop(padding=4).draw(rng, 81_000, 32)
    places = np.bincount(drawn["top"] * 9 + drawn["left"], minlength=81)
    assert len(places) == 81
    assert stats.chisquare(places).pvalue > 0.01


def test_flip_equals_torchvision_hflip(pictures, on_cpu, rng):
    x = pictures(16)
    before = x.clone()
    op = HorizontalFlip()
    drawn = op.draw(rng, 16, 32)
    flipped, _ = op.apply(x, TARGETS, on_cpu(drawn))
    assert 0 < len(drawn["index"]) < 16
    for i in range(16):
        assert torch.equal(flipped[i], F.hflip(x[i]) if i in drawn["index"] else x[i])
    assert torch.equal(x, before)
    assert flipped.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_flip_happens_as_often_as_asked(rng, probability):
    count = len(HorizontalFlip(probability=probability).draw(rng, 10_000, 32)["index"])
    assert stats.binomtest(count, 10_000, probability).pvalue > 0.01
