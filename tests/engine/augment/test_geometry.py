"""Crop, translate and the flips against torchvision, image by image."""

import numpy as np
import pytest
import torch
import torchvision.transforms.v2.functional as F
from scipy import stats

from engine.augment.geometry import HorizontalFlip, RandomCrop, Translate

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


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize(("reach", "size"), [(0.125, 32), (0.5, 32), (0.1, 28), (0.0, 32)])
def test_translate_equals_torchvisions_affine_shift(pictures, on_cpu, rng, reach, size, dtype):
    x = pictures(16)[..., :size, :size].to(dtype)
    op = Translate(reach=reach)
    drawn = op.draw(rng, 16, size)
    farthest = round(reach * size)
    moved, _ = op.apply(x, TARGETS, on_cpu(drawn))
    for i in range(16):
        shift = [farthest - int(drawn["left"][i]), farthest - int(drawn["top"][i])]
        assert torch.equal(moved[i], F.affine(x[i], angle=0, translate=shift, scale=1, shear=[0.0]))
        assert max(map(abs, shift)) <= farthest


def test_translate_by_two_pixels_with_reflected_borders_is_airbenchs(pictures, on_cpu, rng):
    op = Translate(reach=0.0625, fill="reflect")
    drawn = op.draw(rng, 16, 32)
    crop = RandomCrop(padding=2, fill="reflect")
    x = pictures(16)
    assert torch.equal(op.apply(x, TARGETS, on_cpu(drawn))[0], crop.apply(x, TARGETS, on_cpu(drawn))[0])


@pytest.mark.parametrize("axes", ["both", "horizontal", "vertical"])
def test_translate_moves_along_the_axes_it_is_told(rng, axes):
    drawn = Translate(reach=0.25, axes=axes).draw(rng, 17_000, 32)
    for name, moving in (("top", axes != "horizontal"), ("left", axes != "vertical")):
        counts = np.bincount(drawn[name], minlength=17)
        if moving:
            assert len(counts) == 17 and stats.chisquare(counts).pvalue > 0.01
        else:
            assert counts[8] == 17_000


def mirrored_in(used, epoch, images, step=0):
    """Which of these images of the training set are mirrored, and whether the pixels are."""
    x = torch.arange(32.0).expand(len(images), 3, 32, 32).to(torch.uint8)
    out, _ = used(x, torch.zeros(len(images), dtype=torch.int64), epoch, step, images)
    right_way_round = out[:, 0, 0, 0] < out[:, 0, 0, -1]
    assert torch.equal(
        out, torch.where(right_way_round[:, None, None, None], used.normalize(x), used.normalize(x.flip(-1)))
    )
    return ~right_way_round.numpy()


def test_an_alternating_flip_shows_every_image_the_other_way_round_in_the_next_epoch(pipeline, rng):
    used = pipeline("alternating_flip")
    images = rng.permutation(50_000)[:4000]
    first = mirrored_in(used, 0, images)
    assert stats.binomtest(int(first.sum()), 4000, 0.5).pvalue > 0.01
    for epoch in range(1, 5):
        assert np.array_equal(mirrored_in(used, epoch, images), first ^ (epoch % 2 == 1))


def test_an_alternating_flip_knows_an_image_wherever_and_whenever_it_comes(pipeline, rng):
    """Its coin depends on the run's seed and the image alone: not on order, batch, step, or how many images there are."""
    used = pipeline("random_crop", "alternating_flip")
    alone = pipeline("alternating_flip")
    images = np.array([0, 63, 64, 65, 4095, 49_999, 17])
    first = mirrored_in(alone, 2, images)
    order = rng.permutation(7)
    assert np.array_equal(mirrored_in(alone, 2, images[order], step=390), first[order])
    assert [bool(mirrored_in(alone, 0, images[i : i + 1])[0]) for i in range(7)] == first.tolist()
    many = np.arange(2000)
    coins = {seed: mirrored_in(pipeline("alternating_flip", seed=seed), 0, many) for seed in (7, 8)}
    assert stats.binomtest(int((coins[7] ^ coins[8]).sum()), 2000, 0.5).pvalue > 0.01
    drawn = used.draw(0, 0, 2000, 32, many).on(torch.device("cpu"))[1]["index"].numpy()
    second_place = np.isin(many, drawn)
    assert (
        stats.binomtest(int((coins[7] ^ second_place).sum()), 2000, 0.5).pvalue > 0.01
    )  # each place in the list its own
