"""Cutout and random erasing: torchvision's erase for the pixels, the papers' algorithms for the boxes."""

import numpy as np
import pytest
import torch
import torchvision.transforms.v2.functional as F
from scipy import stats
from torchvision.transforms import RandomErasing as TorchvisionErasing

from engine.augment.erase import Cutout, RandomErasing, noise

MEAN = (0.49, 0.48, 0.45)
TARGETS = torch.zeros(16, 10)
FILLS = {"mean": torch.tensor(MEAN)[:, None, None], "black": torch.zeros(3, 1, 1)}


def by_torchvision(image, boxes, value):
    """Every box (left, top, right, bottom) of one image covered by torchvision's own function."""
    for left, top, right, bottom in boxes.tolist():
        image = F.erase(image, top, left, bottom - top, right - left, value)
    return image


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("op", [Cutout, RandomErasing])
def test_what_is_covered_equals_torchvisions_erase(pictures, on_cpu, rng, op, fill, layout):
    x = (pictures(16).float() / 255).contiguous(memory_format=layout)
    used = op(MEAN, fill=fill, probability=0.8, **({"holes": 3, "length": 9} if op is Cutout else {}))
    drawn = used.draw(rng, 16, 32)
    expected = torch.stack([by_torchvision(x[i], drawn["box"][:, :, i].T, FILLS[fill]) for i in range(16)])
    out, y = used.apply(x.clone(memory_format=torch.preserve_format), TARGETS, on_cpu(drawn))
    assert torch.equal(out, expected)
    assert 0 < (expected != x).any((1, 2, 3)).sum() < 16
    assert y is TARGETS


def test_noise_covers_the_box_and_nothing_else(pictures, on_cpu, rng):
    x = pictures(16).float() / 255
    op = Cutout(MEAN, fill="noise", length=12)
    drawn = op.draw(rng, 16, 32)
    out, _ = op.apply(x.clone(), TARGETS, on_cpu(drawn))
    for i in range(16):
        left, top, right, bottom = drawn["box"][:, 0, i]
        hole = torch.zeros(32, 32, dtype=torch.bool)
        hole[top:bottom, left:right] = True
        assert torch.equal(out[i][:, ~hole], x[i][:, ~hole])
        assert len(out[i][:, hole].T.unique(dim=0)) == hole.sum()  # no two pixels alike


@pytest.mark.parametrize(("fill", "level"), [("mean", 0.0), ("black", (0 - 0.49) / 0.25)])
def test_after_normalisation_the_mean_is_zero_as_in_the_authors_code(pictures, pipeline, fill, level):
    out, _ = pipeline(("cutout", {"fill": fill}))(pictures(16), torch.arange(16) % 10, 0, 0)
    plain, _ = pipeline()(pictures(16), torch.arange(16) % 10, 0, 0)
    covered = (out != plain)[:, 0]
    assert 16 * 8 * 8 <= covered.sum() <= 16 * 16 * 16
    torch.testing.assert_close(out[:, 0][covered], torch.tensor(level).expand(int(covered.sum())), atol=1e-6, rtol=0)


@pytest.mark.parametrize("length", [1, 8, 16, 24])
def test_cutout_places_its_holes_as_the_authors_code(rng, length):
    """Centre y uniform in 0..31, from clip(y - length // 2) to clip(y + length // 2); an odd length keeps its pixel."""
    box = Cutout(MEAN, length=length).draw(rng, 20_000, 32)["box"][:, 0]  # (4, n)
    centre = np.arange(32)
    low, high = (centre - length // 2).clip(0), (centre + (length + 1) // 2).clip(0, 32)
    for first, last in ((0, 2), (1, 3)):
        found = box[first] * 33 + box[last]
        places, odds = np.unique(low * 33 + high, return_counts=True)
        counts = np.array([(found == place).sum() for place in places])
        assert counts.sum() == 20_000
        assert stats.chisquare(counts, odds / 32 * 20_000).pvalue > 0.01
    assert stats.spearmanr(box[0], box[1]).pvalue > 0.01


@pytest.mark.parametrize("op", [Cutout, RandomErasing])
@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_probability_is_that_of_being_erased(rng, op, probability):
    box = op(MEAN, probability=probability).draw(rng, 50_000, 32)["box"][:, 0]
    erased = int(((box[2] > box[0]) & (box[3] > box[1])).sum())
    assert stats.binomtest(erased, 50_000, probability).pvalue > 0.01


@pytest.mark.parametrize("size", [32, 28])
def test_rectangles_are_distributed_as_torchvisions(rng, size):
    image = torch.empty(3, size, size)
    torch.manual_seed(0)
    params = [TorchvisionErasing.get_params(image, (0.02, 0.4), (0.3, 1 / 0.3), [0.0]) for _ in range(5000)]
    top, left, height, width = np.array([found[:4] for found in params]).T
    box = RandomErasing(MEAN, probability=1.0, area_max=0.4).draw(rng, 20_000, size)["box"][:, 0]
    ours = {"left": box[0], "top": box[1], "width": box[2] - box[0], "height": box[3] - box[1]}
    theirs = {"left": left, "top": top, "width": width, "height": height}
    for name, values in ours.items():
        table = [np.bincount(some // 4, minlength=size // 4 + 1) for some in (values, theirs[name])]
        seen = np.array(table)[:, np.sum(table, 0) > 20]
        assert stats.chi2_contingency(seen).pvalue > 0.01, name
    assert stats.ks_2samp(ours["width"] * ours["height"], width * height).pvalue > 0.01


def test_the_aspect_ratio_is_drawn_as_the_paper_or_as_torchvision_does(rng):
    """On an image so large, and for areas so small, that nothing is rounded or drawn twice."""
    low = np.log(0.3)
    for draw, law in (("log-uniform", stats.uniform(low, -2 * low)), ("uniform", stats.uniform(0.3, 1 / 0.3 - 0.3))):
        op = RandomErasing(MEAN, probability=1.0, area_max=0.1, aspect_draw=draw)
        box = op.draw(rng, 5000, 4096)["box"][:, 0]
        width, height = box[2:] - box[:2]
        aspect = np.log(height / width) if draw == "log-uniform" else height / width
        assert stats.kstest(aspect, law.cdf).pvalue > 0.01
        assert stats.kstest(width * height / 4096**2, stats.uniform(0.02, 0.08).cdf).pvalue > 0.01
        assert (box[2:] <= 4096).all() and (box[:2] >= 0).all()


def test_a_rectangle_that_never_fits_leaves_the_image_whole(pictures, on_cpu, rng):
    x = pictures(16).float() / 255
    op = RandomErasing(MEAN, probability=1.0, area_min=1.0, area_max=1.0)
    out, _ = op.apply(x.clone(), TARGETS, on_cpu(op.draw(rng, 16, 32)))
    assert torch.equal(out, x)


def test_noise_is_uniform_bytes_and_of_each_key_its_own():
    key = torch.cat([torch.arange(50), torch.tensor([2**31, 2**32 - 1])])
    noisy = (noise(key, 1024, 3) * 255).double().numpy()  # (keys, channels, pixels)
    values = noisy.round()
    assert np.abs(noisy - values).max() < 1e-4 and (values.min(), values.max()) == (0, 255)
    alone, neighbours, across = [], [], []
    for rows in values.reshape(-1, 3, 1024) // 32:
        for row, other in zip(rows, np.roll(rows, 1, 0), strict=True):
            alone.append(stats.chisquare(np.bincount(row.astype(int), minlength=8)).pvalue)
            for pair, found in (((row[:-1], row[1:]), neighbours), ((row, other), across)):
                found.append(stats.chisquare(np.histogram2d(*pair, bins=(range(9), range(9)))[0].ravel()).pvalue)
    for found in (alone, neighbours, across):
        assert stats.kstest(found, stats.uniform.cdf).pvalue > 0.01
    between = np.corrcoef(values[:, 0])[np.triu_indices(len(key), 1)] * 32
    assert stats.kstest(between, stats.norm.cdf).pvalue > 0.01
    assert torch.equal(noise(key[2:3], 50, 3), noise(key, 50, 3)[2:3])
