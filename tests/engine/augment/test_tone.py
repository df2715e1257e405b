"""Changes of tone on bytes against torchvision, image by image."""

import numpy as np
import pytest
import torch
import torchvision.transforms.functional as F

from engine.augment.passes import TONES, arguments

TWINS = {
    "brightness": lambda x, amount: F.adjust_brightness(x, 1 + amount),
    "color": lambda x, amount: F.adjust_saturation(x, 1 + amount),
    "contrast": lambda x, amount: F.adjust_contrast(x, 1 + amount),
    "sharpness": lambda x, amount: F.adjust_sharpness(x, 1 + amount),
    "posterize": lambda x, amount: F.posterize(x, int(amount)),
    "solarize": F.solarize,
    "invert": lambda x, amount: F.invert(x),
    "autocontrast": lambda x, amount: F.autocontrast(x),
    "equalize": lambda x, amount: F.equalize(x),
}
BLENDS = ("brightness", "color", "contrast", "sharpness")


def amounts_of(name, n):
    """Everything that any policy may ask of an operation."""
    if name in BLENDS:
        return np.linspace(-0.99, 0.99, n)
    return {"posterize": np.arange(n) % 9, "solarize": np.linspace(0, 255, n)}.get(name, np.zeros(n))


def natural(x):
    """Images whose neighbouring pixels are alike, with few levels and not all of the range."""
    return torch.nn.functional.avg_pool2d(x.float(), 5, 1, 2).mul(0.8).to(torch.uint8)


def changed(name, x, amount, on_cpu):
    kernel = TONES["solarize" if name == "invert" else name]
    return kernel(x, on_cpu({"rows": arguments(name, amount, 32)})["rows"])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("look", ["noise", "natural"])
@pytest.mark.parametrize("name", TWINS)
def test_each_operation_equals_torchvision_to_the_last_bit(pictures, on_cpu, name, look, channels):
    x = pictures(40)[:, :channels]
    x = (natural(x) if look == "natural" else x).contiguous(memory_format=torch.channels_last)
    before, amount = x.clone(), amounts_of(name, 40)
    out = changed(name, x, amount, on_cpu)
    for i in range(40):
        assert torch.equal(out[i], TWINS[name](x[i], float(amount[i]))), (i, amount[i])
    assert torch.equal(x, before)
    assert out.permute(0, 2, 3, 1).is_contiguous()


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (28, 28)])
@pytest.mark.parametrize("name", TWINS)
def test_any_size_is_taken(on_cpu, name, shape):
    x = torch.randint(0, 256, (7, 3, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    amount = amounts_of(name, 7)
    out = changed(name, x, amount, on_cpu)
    for i in range(7):
        assert torch.equal(out[i], TWINS[name](x[i], float(amount[i])))


@pytest.mark.parametrize("name", TWINS)
def test_pil_differs_by_one_level_at_most(pictures, on_cpu, name):
    """Its grey levels are rounded, not cut, and its blends are cut in another order."""
    x = natural(pictures(24))
    amount = np.linspace(1, 8, 24) if name == "posterize" else amounts_of(name, 24)  # PIL cannot keep 0 bits
    out = changed(name, x, amount, on_cpu)
    for i in range(24):
        pil = F.pil_to_tensor(TWINS[name](F.to_pil_image(x[i]), float(amount[i])))
        assert (out[i].int() - pil.int()).abs().max() <= 1
