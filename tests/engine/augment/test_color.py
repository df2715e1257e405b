"""Colour jitter and greyscale against torchvision's functional ops on float tensors, and how far both are from PIL."""

import numpy as np
import pytest
import torch
import torchvision.transforms.v2.functional as F
from scipy import stats
from torchvision.transforms import functional as F_v1

from engine.augment.color import BRIGHTNESS, CONTRAST, HUE, ORDERS, SATURATION, ColorJitter, Grayscale

TARGETS = torch.zeros(24, 10)
ADJUST = {
    BRIGHTNESS: F.adjust_brightness,
    CONTRAST: F.adjust_contrast,
    SATURATION: F.adjust_saturation,
    HUE: F.adjust_hue,
}
ALONE = {BRIGHTNESS: "brightness", CONTRAST: "contrast", SATURATION: "saturation", HUE: "hue"}


def amounts_within(rng, limit, n):
    low, high = np.array([[max(0, 1 - limit)]] * 3 + [[-0.5]]), np.array([[1 + limit]] * 3 + [[0.5]])
    return rng.uniform(low, high, (4, n))


def by_torchvision(image, amounts, order, used):
    for which in order:
        if which in used:
            image = ADJUST[which](image, float(amounts[which]))
    return image


def off(**options):
    return ColorJitter(**({"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0} | options))


@pytest.mark.parametrize("which", ALONE)
@pytest.mark.parametrize("limit", [0.4, 2.0])
def test_each_change_alone_equals_torchvision(pictures, on_cpu, rng, which, limit):
    x = pictures(24).float().div(255).contiguous()
    op = off(**{ALONE[which]: 0.5})
    amounts = amounts_within(rng, limit, 24)
    out, _ = op.apply(x.clone(), TARGETS, on_cpu(op.plan(amounts, np.zeros(24, int))))
    expected = torch.stack([ADJUST[which](x[i], float(amounts[which, i])) for i in range(24)])
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=0)
    assert (out - x).abs().max() > 0.05


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("used", [(0, 1, 2), (0, 1, 2, 3), (1, 3), (0, 2)])
def test_every_order_equals_torchvision(pictures, on_cpu, rng, used, layout):
    x = pictures(24).float().div(255).contiguous(memory_format=layout)
    op = off(**{ALONE[which]: 0.4 for which in used})
    amounts = amounts_within(rng, 0.9, 24)
    out, _ = op.apply(x.clone(), TARGETS, on_cpu(op.plan(amounts, np.arange(24))))
    expected = torch.stack([by_torchvision(x[i], amounts[:, i], ORDERS[i], used) for i in range(24)])
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=0)


def test_all_off_changes_nothing(pictures, on_cpu, rng):
    x = pictures(24).float().div(255)
    op = off()
    out, _ = op.apply(x.clone(), TARGETS, on_cpu(op.draw(rng, 24, 32)))
    assert torch.equal(out, x)


@pytest.mark.parametrize(("which", "levels"), [(BRIGHTNESS, 1.0), (CONTRAST, 1.5), (SATURATION, 1.5)])
def test_pil_differs_by_its_rounding_only(pictures, on_cpu, rng, which, levels):
    x = pictures(24)
    op = off(**{ALONE[which]: 0.4})
    amounts = amounts_within(rng, 0.4, 24)
    out, _ = op.apply(x.float().div(255), TARGETS, on_cpu(op.plan(amounts, np.zeros(24, int))))
    change = (F_v1.adjust_brightness, F_v1.adjust_contrast, F_v1.adjust_saturation)[which]
    for i in range(24):
        pil = F_v1.pil_to_tensor(change(F_v1.to_pil_image(x[i]), float(amounts[which, i])))
        assert (out[i] * 255 - pil).abs().max() < levels


def test_pil_turns_hue_in_256_levels(pictures, on_cpu, rng):
    """It holds saturation in bytes too: one level on average for random pixels, more where a colour is dark."""
    x = pictures(24)
    op = off(hue=0.5)
    amounts = amounts_within(rng, 0.4, 24)
    out, _ = op.apply(x.float().div(255), TARGETS, on_cpu(op.plan(amounts, np.zeros(24, int))))
    turned = [F_v1.adjust_hue(F_v1.to_pil_image(x[i]), float(amounts[HUE, i])) for i in range(24)]
    difference = (out * 255 - torch.stack([F_v1.pil_to_tensor(image) for image in turned])).abs()
    assert difference.mean() < 1.5
    assert difference.max() < 20


def test_factors_and_orders_are_uniform(rng):
    op = ColorJitter(brightness=0.4, contrast=0.0, saturation=0.0, hue=0.1)
    drawn = op.draw(rng, 20_000, 32)
    factors = drawn["weights"][:, 0].ravel()
    assert stats.kstest(factors[factors != 1], stats.uniform(0.6, 0.8).cdf).pvalue > 0.01
    assert stats.kstest(drawn["hue"], stats.uniform(-0.1, 0.2).cdf).pvalue > 0.01
    before_hue = int((drawn["weights"][0, 0] != 1).sum())
    assert stats.binomtest(before_hue, 20_000, 0.5).pvalue > 0.01


def test_a_limit_above_one_never_makes_a_negative_factor(rng):
    drawn = ColorJitter(brightness=3.0, contrast=0.0, saturation=0.0).draw(rng, 5000, 32)
    assert drawn["weights"][0, 0].min() >= 0
    assert drawn["weights"][0, 0].max() > 3.9


def test_all_orders_of_the_four_are_drawn_equally_often(rng):
    op = ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)
    weights = op.draw(rng, 24_000, 32)["weights"]  # (6, 3, n): the step at which an image does each change
    done = np.stack(((weights[:, 0] != 1) & (weights[:, 1:] == 0).all(1), weights[:, 2] != 0, weights[:, 1] != 0))
    steps = done.argmax(1)  # (3, n)
    kinds = np.unique(steps, axis=1, return_counts=True)[1]
    assert len(kinds) == 24
    assert stats.chisquare(kinds).pvalue > 0.01


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("probability", [0.0, 0.4, 1.0])
def test_greyscale_equals_torchvision_and_comes_as_often_as_asked(pictures, on_cpu, rng, probability, layout):
    x = (pictures(24).float() / 255).contiguous(memory_format=layout)
    op = Grayscale(probability=probability)
    drawn = op.draw(rng, 24, 32)
    out, _ = op.apply(x.clone(), TARGETS, on_cpu(drawn))
    for i in range(24):
        expected = F.rgb_to_grayscale(x[i], num_output_channels=3) if drawn["gray"][i] else x[i]
        torch.testing.assert_close(out[i], expected, atol=1e-6, rtol=0)
    count = int(op.draw(rng, 10_000, 32)["gray"].sum())
    assert stats.binomtest(count, 10_000, probability).pvalue > 0.01
