"""Moved images against torchvision, image by image."""

import math

import numpy as np
import pytest
import torch
import torchvision.transforms.functional as F
from scipy import stats
from torchvision.transforms import InterpolationMode, RandomRotation

from engine.augment.affine import Rotate, bilinear, inverse, nearest, positions


def moved(x, name, amount, corner=0, **options):
    """What torchvision's policies do with one image whose upper left corner lies at (corner, corner)."""
    if name == "rotate":
        return F.rotate(x, amount, **options)
    along, change = int(name.endswith("_y")), {"translate": [0, 0], "shear": [0.0, 0.0]}
    if name.startswith("shear"):
        change["shear"][along] = math.degrees(math.atan(amount))
        options["center"] = [corner, corner]
    else:
        change["translate"][along] = int(amount)
    return F.affine(x, angle=0.0, scale=1.0, **change, **options)


LARGEST = {"shear_x": 0.99, "shear_y": 0.99, "translate_x": 32.0, "translate_y": 32.0, "rotate": 135.0}


def cases(pictures, name, size, n=11):
    amount = np.concatenate((np.linspace(0, LARGEST[name], n), -np.linspace(0, LARGEST[name], n)))
    x = pictures(2 * n)[:, :, :size, :size].contiguous(memory_format=torch.channels_last)
    return x, amount, torch.from_numpy(inverse(name, amount, size)).float()


def halfway(matrices, size):
    """Pixels (B, H, W) that come from the middle between two others, where rounding errors decide."""
    places = torch.stack(positions(matrices.double(), size, size))
    return ((places % 1 - 0.5).abs() < 1e-4).any(0)


@pytest.mark.parametrize(("size", "fill"), [(28, 0), (32, 128)])
@pytest.mark.parametrize("name", LARGEST)
def test_the_nearest_pixel_is_torchvisions(pictures, name, size, fill):
    x, amount, matrices = cases(pictures, name, size)
    out, doubtful = nearest(x, matrices, fill), halfway(matrices, size)
    expected = [moved(image, name, float(v), fill=[float(fill)] * 3) for image, v in zip(x, amount, strict=True)]
    differs = (out != torch.stack(expected)).any(1)
    assert not (differs & ~doubtful).any()
    assert doubtful.float().mean() < 0.05
    assert out.permute(0, 2, 3, 1).is_contiguous()


@pytest.mark.parametrize("fill", [0, 128])
@pytest.mark.parametrize("name", LARGEST)
def test_the_blend_of_four_is_torchvisions_on_an_image_with_a_wide_border(pictures, name, fill):
    """Given a fill, torchvision counts the border twice where it is blended in; a real border shows what is right."""
    x, amount, matrices = cases(pictures, name, 32)
    out = bilinear(x, matrices, fill)
    for image, v, own in zip(F.pad(x, [32] * 4, fill), amount, out, strict=True):
        wide = moved(image, name, float(v), corner=32, interpolation=InterpolationMode.BILINEAR)
        difference = (own.int() - F.center_crop(wide, [32, 32]).int()).abs()
        assert difference.max() <= 1  # where a value lies between two levels
        assert difference.float().mean() < 5e-3


@pytest.mark.parametrize("kernel", [nearest, bilinear])
def test_floats_are_moved_like_bytes(pictures, kernel):
    x, _, matrices = cases(pictures, "rotate", 32)
    floats = kernel(x.float().div(255).contiguous(), matrices, 128 / 255).mul(255).round()
    assert (floats - kernel(x, matrices, 128).float()).abs().max() <= (1 if kernel is bilinear else 0)


@pytest.mark.parametrize(("direction", "low"), [("both", -20.0), ("positive", 0.0)])
def test_angles_are_uniform(rng, direction, low):
    inverse = Rotate(degrees=20.0, direction=direction).draw(rng, 5000, 32)["inverse"]
    angles = np.degrees(np.arcsin(inverse[:, 1, 0]))
    assert stats.kstest(angles, stats.uniform(low, 20.0 - low).cdf).pvalue > 0.01
    if direction == "both":
        theirs = [RandomRotation.get_params([-20.0, 20.0]) for _ in range(5000)]
        assert stats.ks_2samp(angles, theirs).pvalue > 0.01


def test_each_image_turns_by_its_own_angle(pictures, on_cpu, rng):
    x, op = pictures(12), Rotate(degrees=40.0, fill=7)
    drawn = op.draw(rng, 12, 32)
    out, _ = op.apply(x, torch.zeros(12, 10), on_cpu(drawn))
    for i in range(12):
        angle = float(np.degrees(np.arcsin(drawn["inverse"][i, 1, 0])))
        assert (out[i] != F.rotate(x[i], angle, fill=[7.0] * 3)).float().mean() < 0.01
