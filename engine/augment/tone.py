"""Changes of tone on bytes, each image by its own amount. Automatic policies consist of these and of `affine.py`.

Every kernel maps images (B, C, H, W) uint8, preferably channels-last, and `amount`, one row per image, to new images.
All of them repeat torchvision's arithmetic on uint8 tensors step by step, including float32 rounding, so that eager
results on a CPU are bit-identical.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.augment.color import GRAY


def brightness(x: Tensor, amount: Tensor) -> Tensor:
    """Blend with black. amount (B, 2): the weight of the image, and one minus that weight."""
    return to_bytes(rows(x).mul_(amount[:, :1, None]), x)


def contrast(x: Tensor, amount: Tensor) -> Tensor:
    """Blend with the mean gray level of the image; amount as for `brightness`."""
    mean = gray(x).mean((1, 2), keepdim=True)
    return to_bytes(rows(x).mul_(amount[:, :1, None]).add_(mean * amount[:, 1:, None]), x)


def saturation(x: Tensor, amount: Tensor) -> Tensor:
    """Blend with the grayscale image; amount as for `brightness`. Images with one channel stay unchanged."""
    if x.shape[1] == 1:
        return x
    colors = x.to(torch.float32, memory_format=torch.contiguous_format)
    other = gray(colors).mul_(amount[:, 1:, None])
    mixed = colors.mul_(amount[:, :1, None, None]).add_(other[:, None]).clamp_(0, 255)
    return mixed.to(torch.int16).to(torch.uint8).contiguous(memory_format=torch.channels_last)


def sharpness(x: Tensor, amount: Tensor) -> Tensor:
    """Blend with the image smoothed by (1 1 1, 1 5 1, 1 1 1) / 13 except at its edges; amount as for `brightness`."""
    channels, height, width = x.shape[1:]
    if min(height, width) < 3:
        return x
    own = rows(x)  # (B, H, W C)
    three = own[:, :-2] + own[:, 1:-1] + own[:, 2:]
    step, end = channels, width * channels
    nine = three[:, :, : end - 2 * step] + three[:, :, step : end - step] + three[:, :, 2 * step :]
    inner = own[:, 1:-1, step : end - step]
    smooth = own.clone()
    # A sum of bytes is exact, and a 13th of it is never halfway between integers, so rounding does not depend on order.
    smooth[:, 1:-1, step : end - step] = nine.add_(inner, alpha=4).mul_(1 / 13).round_()
    return to_bytes(own.mul_(amount[:, :1, None]).add_(smooth.mul_(amount[:, 1:, None])), x)


def posterize(x: Tensor, amount: Tensor) -> Tensor:
    """Keep the highest bits of each value. amount (B,): a mask of the bits to keep."""
    return x & amount.to(torch.uint8)[:, None, None, None]


def solarize(x: Tensor, amount: Tensor) -> Tensor:
    """Invert the values that are at least amount (B,); an amount of 0 inverts all of them."""
    return x ^ (x >= amount.to(torch.uint8)[:, None, None, None]).to(torch.uint8).mul_(255)


def autocontrast(x: Tensor, amount: Tensor) -> Tensor:
    """Stretch each channel to the whole range [0, 255]; amount is not used."""
    channels, _, width = x.shape[1:]
    values = rows(x)
    # Rows first, then pixels: a reduction over three interleaved channels is not vectorized.
    low = values.amin(1).view(-1, width, channels).amin(1)  # (B, C)
    span = values.amax(1).view(-1, width, channels).amax(1).sub_(low)
    flat = span == 0  # a channel with one value stays unchanged
    scale = (255 / span).masked_fill_(flat, 1)
    low, scale = (each[:, None].repeat(1, 1, width) for each in (low.masked_fill_(flat, 0), scale))  # (B, 1, W C)
    return to_bytes(values.sub_(low).mul_(scale), x)


def equalize(x: Tensor, amount: Tensor) -> Tensor:
    """Equalize the histogram of each channel of each image; amount is not used.

    As in PIL, the step of the lookup table is the number of pixels below the highest value, divided by 255.
    """
    images, channels, height, width = x.shape
    tables, pixels = images * channels, height * width
    levels = x.permute(0, 2, 3, 1).flatten(1).to(torch.int32)  # (B, H W C)
    table = torch.arange(channels, device=x.device, dtype=torch.int32).mul_(256).repeat(pixels)
    image = torch.arange(images, device=x.device, dtype=torch.int32).mul_(256 * channels)
    place = (levels + table).add_(image[:, None]).view(-1)  # index of each pixel's level in the concatenated tables
    ones = torch.ones(1, dtype=torch.int32, device=x.device).expand(place.shape)
    counts = torch.zeros(tables * 256, dtype=torch.int32, device=x.device).index_add_(0, place, ones).view(tables, 256)
    upto = counts.cumsum(1, dtype=torch.int32)
    below_highest = upto.masked_fill(upto == pixels, 0).amax(1, keepdim=True)
    step = below_highest.div_(255, rounding_mode="floor")  # (tables, 1)
    half = step.div(2, rounding_mode="floor")
    lookup = upto.sub_(counts).add_(half).div(step).floor_().clamp_(max=255)  # exact for such small numbers
    same = torch.arange(256, device=x.device, dtype=torch.float32)
    lookup = torch.where(step == 0, same, lookup).to(torch.uint8)
    return lookup.view(-1).index_select(0, place).view(images, height, width, channels).permute(0, 3, 1, 2)


def rows(x: Tensor) -> Tensor:
    """Copy images (B, C, H, W) to floats (B, H, W * C), in the memory order of channels-last."""
    return x.permute(0, 2, 3, 1).flatten(2).to(torch.float32)


def gray(x: Tensor) -> Tensor:
    """Integer gray levels (B, H, W), float32, of x (B, C, H, W): truncated, as torchvision does on bytes."""
    if x.shape[1] == 1:
        return x[:, 0].to(torch.float32)
    red, green, blue = x.unbind(1)
    return (red * GRAY[0] + green * GRAY[1]).add_(blue * GRAY[2]).floor_()


def to_bytes(values: Tensor, like: Tensor) -> Tensor:
    """Convert floats (B, H, W * C), which are overwritten, to bytes in the shape of `like` (B, C, H, W), channels-last.

    The conversion goes through 16 bits, which is three times as fast on a CPU as a direct one to 8 bits.
    """
    height, width = like.shape[2:]
    cut = values.clamp_(0, 255).to(torch.int16).to(torch.uint8)
    return cut.view(-1, height, width, like.shape[1]).permute(0, 3, 1, 2)
