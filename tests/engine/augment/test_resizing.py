"""Progressive resizing: which size when, and what the pixels of a smaller image are."""

import numpy as np
import pytest
import torch
from torch import nn

from engine.augment.resizing import Resizing
from engine.contract.errors import BadInput
from engine.contract.recipe.schema import ResizingConfig


def resizing(
    start: int, until: float = 0.5, increment: int = 4, full: int = 32, steps: int = 100, **crop: float
) -> Resizing:
    return Resizing(ResizingConfig(start=start, until=until, increment=increment, **crop), full, steps)


@pytest.mark.parametrize(
    ("config", "sizes"),
    [
        ((20, 0.6, 4), {20: 20, 24: 20, 28: 20, 32: 40}),
        ((24, 0.5, 8), {24: 50, 32: 50}),
        ((20, 0.6, 5), {20: 20, 25: 20, 30: 20, 32: 40}),
        ((16, 1.0, 100), {16: 100}),
        ((0, 0.5, 4), {32: 100}),
    ],
)
def test_sizes_grow_in_equally_long_stages(config, sizes):
    seen = [resizing(*config).size(done) for done in range(100)]
    assert seen == [size for size, count in sizes.items() for _ in range(count)]
    changes = [done for done in range(100) if resizing(*config).changes(done)]
    assert changes == [done for done in range(1, 100) if seen[done] != seen[done - 1]]


@pytest.mark.parametrize(
    ("start", "crop", "sizes"),
    [
        (20, {"crop": 28}, {20: 30, 26: 30, 28: 30, 32: 10}),
        (20, {"crop": 24, "crop_until": 1.0}, {20: 30, 26: 30, 24: 40}),
        (0, {"crop": 28, "crop_until": 0.5}, {28: 50, 32: 50}),
    ],
)
def test_images_are_cropped_after_they_were_resized(start, crop, sizes):
    config = resizing(start, 0.6, 6, **crop)
    assert [config.size(done) for done in range(100)] == [size for size, count in sizes.items() for _ in range(count)]


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize(("crop", "first"), [(28, 2), (27, 2), (12, 10)])
def test_a_crop_is_the_central_part_of_the_image(crop, first, layout):
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)).contiguous(memory_format=layout)
    part = resizing(0, crop=crop).apply(x, 0)
    assert part.is_contiguous(memory_format=layout)
    np.testing.assert_array_equal(part.numpy(), x.numpy()[:, :, first : first + crop, first : first + crop])


@pytest.mark.parametrize("steps", [1, 3, 7, 97])
def test_sizes_never_shrink_or_exceed_the_full_size(steps):
    seen = [resizing(20, 0.6, 5, steps=steps).size(done) for done in range(steps)]
    assert seen == sorted(seen) and seen[0] == 20 and seen[-1] <= 32


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize(("full", "start"), [(32, 16), (32, 24), (28, 20)])
def test_a_pixel_is_the_mean_of_the_area_that_it_covers(full, start, layout):
    """By the definition of adaptive average pooling, pixel by pixel: rows floor(i F / S) to ceil((i + 1) F / S)."""
    x = torch.rand(2, 3, full, full, generator=torch.Generator().manual_seed(0)).contiguous(memory_format=layout)
    small = resizing(start, full=full).apply(x, 0)
    assert small.is_contiguous(memory_format=layout)
    rows = [range(i * full // start, -(-(i + 1) * full // start)) for i in range(start)]
    expected = np.array([[x.numpy()[:, :, r][:, :, :, c].mean((2, 3)) for c in rows] for r in rows])  # (S, S, 2, 3)
    np.testing.assert_allclose(small.numpy(), expected.transpose(2, 3, 0, 1), rtol=1e-5)


def test_images_of_full_size_are_left_alone():
    x = torch.rand(2, 3, 32, 32)
    assert resizing(20).apply(x, 50) is x
    assert resizing(0).apply(x, 0) is x


@pytest.mark.parametrize(("setting", "start", "crop"), [("start", 32, 0), ("crop", 20, 32), ("crop", 0, 40)])
def test_a_size_that_is_not_smaller_is_refused(setting, start, crop):
    with pytest.raises(BadInput, match=rf"resizing\.{setting} = {crop or start}: the images have 32 px"):
        resizing(start, crop=crop).check(nn.Flatten(), torch.zeros(2, 3, 32, 32))


def test_a_model_that_takes_one_size_only_is_refused_and_left_as_it_was():
    model = nn.Sequential(nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(3072, 10))
    with pytest.raises(BadInput, match=r"resizing\.start = 20: the model does not accept images of 20 px; mat1 and"):
        resizing(20).check(model, torch.zeros(2, 3, 32, 32))
    assert model.training and model[0].num_batches_tracked == 0
    with pytest.raises(BadInput, match=r"resizing\.crop = 28: the model does not accept images of 28 px; mat1 and"):
        resizing(0, crop=28).check(model, torch.zeros(2, 3, 32, 32))
    resizing(0).check(model, torch.zeros(2, 3, 32, 32))
