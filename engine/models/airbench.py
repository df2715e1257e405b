"""The nets of the CIFAR-10 speed records. Jordan 2024, arXiv:2404.00498; code: KellerJordan/cifar10-airbench.

A 2x2 convolution that whitens patches, three groups of 3x3 convolutions with a max-pool after each group's first one,
the largest value of each last map, and a classifier without bias whose logits are scaled down. Norms have a bias but no
trainable weight. As many filters of each convolution as it has input channels start as the identity (section 3.3).

- airbench94: 64, 256 and 256 channels, two convolutions a group; 94 % in 3.29 s on an A100.
- airbench95: 128, 384 and 384 channels; 95 % in 10.4 s.
- airbench96: 128, 384 and 512 channels, three convolutions a group, a shortcut over the last two; 96 % in 34.7 s (the
  paper's own had 512 channels in its second group and took 46.3 s).

The whitening weights come from training images (`start_from`) and stay; without them (on the meta device, or for other
uses) the convolution keeps PyTorch's start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.contract.catalog import Spec, register
from engine.models.options import LogitScale

PATCH: Final = 2  # pixels a side
EPS: Final = 5e-4  # added to the variances before their roots are divided by


class Whitening(nn.Conv2d):
    """A convolution whose outputs are uncorrelated over the patches of natural images, each with both signs.

    Its weights do not train; its bias does.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__(in_channels, 2 * in_channels * PATCH**2, PATCH)
        self.weight.requires_grad_(False)
        nn.init.zeros_(self.bias)

    @torch.no_grad()
    def start_from(self, images: Tensor) -> None:
        """Set the weights to v / sqrt(lambda + 5e-4) and their negatives, for all eigenvectors v of the patches.

        Lambda is the eigenvalue of v in the patches' second moment, which is not centred, as in the record's code.

        An eigenvector's sign is anyone's choice, so the entry of largest magnitude is made positive: with the sums in
        float64 on the host, every machine gets the same weights from the same images.

        Args:
            images: (N, in_channels, H, W), normalised.
        """
        patches = F.unfold(images.double().cpu(), PATCH).transpose(1, 2).flatten(0, 1)  # (N * places, C * 4)
        variances, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
        rows = vectors.T.flip(0)  # largest variance first
        rows *= rows.gather(1, rows.abs().argmax(1, keepdim=True)).sign()
        scaled = rows / (variances.flip(0) + EPS).sqrt()[:, None]
        self.weight.copy_(torch.cat((scaled, -scaled)).view_as(self.weight))


def conv3x3(cin: int, cout: int, start: str) -> nn.Conv2d:
    """Without bias; the first cin of its filters are the identity where `start` is "dirac"."""
    conv = nn.Conv2d(cin, cout, 3, padding=1, bias=False)
    if start == "dirac" and not conv.weight.is_meta:
        nn.init.dirac_(conv.weight.data[:cin])
    return conv


def norm(features: int, momentum: float) -> nn.BatchNorm2d:
    """Batch norm with a bias and a weight that stays 1."""
    layer = nn.BatchNorm2d(features, eps=1e-12, momentum=momentum)
    layer.weight.requires_grad_(False)
    return layer


class Group(nn.Module):
    """Convolution, max-pool, then norm and GELU with `depth` - 1 more convolutions between them.

    Args:
        shortcut: add what the first convolution made to what the last one made, before the last GELU.
    """

    def __init__(self, cin: int, width: int, depth: int, shortcut: bool, momentum: float, start: str) -> None:
        super().__init__()
        self.shortcut = shortcut
        self.first = nn.Sequential(conv3x3(cin, width, start), nn.MaxPool2d(2), norm(width, momentum), nn.GELU())
        body: list[nn.Module] = []
        for _ in range(depth - 1):
            body += [conv3x3(width, width, start), norm(width, momentum), nn.GELU()]
        self.body = nn.Sequential(*body[:-1])
        self.last = nn.GELU() if body else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:  # (B, cin, H, W) -> (B, width, H / 2, W / 2)
        x = self.first(x)
        return self.last(self.body(x) + x if self.shortcut else self.body(x))


class AirbenchNet(nn.Module):
    """Whitening, GELU, groups, the largest value of each map, classifier.

    Args:
        widths: channels of each group.
        depth: convolutions of each group.
        shortcut: see `Group`.
        scale: what the logits are multiplied by.
        momentum: how far batch-norm statistics move with each batch.
        start: "dirac" or "torch", how the convolutions start.
        head: "torch", or "unit" for weights scaled to a standard deviation of 1.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        widths: Sequence[int],
        *,
        depth: int,
        shortcut: bool,
        scale: float,
        momentum: float,
        start: str,
        head: str,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.whiten = Whitening(in_channels)
        inputs = (self.whiten.out_channels, *widths[:-1])
        groups = [
            Group(cin, width, depth, shortcut, momentum, start) for cin, width in zip(inputs, widths, strict=True)
        ]
        self.features = nn.Sequential(nn.GELU(), *groups)
        self.head = nn.Linear(widths[-1], num_classes, bias=False)
        if head == "unit" and not self.head.weight.is_meta:
            self.head.weight.data /= self.head.weight.data.std()

    def start_from(self, images: Tensor) -> None:
        """Take the whitening weights from normalised training images (N, in_channels, H, W)."""
        self.whiten.start_from(images)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        x = self.features(self.whiten(x))  # (B, widths[-1], 3, 3) for 32 px
        x = F.max_pool2d(x, x.shape[2:])
        return self.head(x.flatten(1)) * self.scale


Depth = Annotated[int, Spec("convolutions in each group", ge=1, le=8)]
Width = Annotated[int, Spec("channels of the first group, to which the others keep their proportion", ge=12, le=512)]
Momentum = Annotated[float, Spec("how far batch-norm statistics move with each batch", gt=0.0, le=1.0)]
Start = Annotated[Literal["dirac", "torch"], Spec("how convolutions start: partly as the identity, or PyTorch's way")]
Head = Annotated[Literal["torch", "unit"], Spec("how the classifier starts: PyTorch's way, or with a deviation of 1")]


@register("model", title="airbench94", family="airbench", year=2024, paper="2404.00498", params=1_972_792, gmacs=0.1183)
def airbench94(
    num_classes: int = 10,
    in_channels: int = 3,
    *,
    width: Width = 64,
    depth: Depth = 2,
    scale: LogitScale = 0.1111111111111111,
    momentum: Momentum = 0.4,
    start: Start = "dirac",
    head: Head = "torch",
) -> AirbenchNet:
    """The net of the 94 % record: a whitening stem and six convolutions."""
    widths = (width, 4 * width, 4 * width)
    norms = {"momentum": momentum, "start": start, "head": head}
    return AirbenchNet(num_classes, in_channels, widths, depth=depth, shortcut=False, scale=scale, **norms)


@register("model", title="airbench95", family="airbench", year=2024, paper="2404.00498", params=4_606_520, gmacs=0.3017)
def airbench95(
    num_classes: int = 10,
    in_channels: int = 3,
    *,
    width: Width = 128,
    depth: Depth = 2,
    scale: LogitScale = 0.1111111111111111,
    momentum: Momentum = 0.4,
    start: Start = "dirac",
    head: Head = "torch",
) -> AirbenchNet:
    """The net of the 95 % record: airbench94 with more channels."""
    widths = (width, 3 * width, 3 * width)
    norms = {"momentum": momentum, "start": start, "head": head}
    return AirbenchNet(num_classes, in_channels, widths, depth=depth, shortcut=False, scale=scale, **norms)


@register("model", title="airbench96", family="airbench", year=2024, paper="2404.00498", params=9_918_776, gmacs=0.4522)
def airbench96(
    num_classes: int = 10,
    in_channels: int = 3,
    *,
    width: Width = 128,
    depth: Depth = 3,
    shortcut: Annotated[bool, Spec("add the first map of each group to its last")] = True,
    scale: LogitScale = 0.1111111111111111,
    momentum: Momentum = 0.1,
    start: Start = "dirac",
    head: Head = "torch",
) -> AirbenchNet:
    """The net of the 96 % record: three convolutions in each group, the last two behind a shortcut."""
    widths = (width, 3 * width, 4 * width)
    norms = {"momentum": momentum, "start": start, "head": head}
    return AirbenchNet(num_classes, in_channels, widths, depth=depth, shortcut=shortcut, scale=scale, **norms)
