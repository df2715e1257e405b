"""The networks of the CIFAR-10 speed records. Jordan 2024, arXiv:2404.00498; code: KellerJordan/cifar10-airbench.

A 2x2 convolution that whitens image patches, three groups of 3x3 convolutions with a max-pool after the first
convolution of each group, global max pooling, and a classifier without bias whose logits are scaled down. Batch norms
have a trainable bias but no trainable weight. In each convolution, as many filters as there are input channels are
initialized as the identity (section 3.3).

- airbench94: 64, 256 and 256 channels, two convolutions per group; 94 % in 3.29 s on an A100.
- airbench95: 128, 384 and 384 channels; 95 % in 10.4 s.
- airbench96: 128, 384 and 512 channels, three convolutions per group, a shortcut over the last two; 96 % in 34.7 s (the
  paper's own version had 512 channels in its second group and took 46.3 s).

The whitening weights are computed from training images (`start_from`) and are not trained. Without images (on the meta
device, or in other uses) that convolution keeps PyTorch's default initialization. Its bias is trained for the first
three epochs of each record, which is 3/8 of the training for airbench94 (the record with Muon, of 8 epochs), 3/15 for
airbench95 and 3/37 for airbench96; no gradient reaches the stem after that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.contract.catalog import Spec, register
from engine.models.options import LogitScale

PATCH: Final = 2  # px per side
EPS: Final = 5e-4  # added to the eigenvalues before the square root


class Whitening(nn.Conv2d):
    """A convolution that decorrelates the patches of natural images; every filter comes with its negative.

    Its weights are frozen; its bias is trained at first, see the `groups` in the marks of the nets.
    """

    bias: Tensor

    def __init__(self, in_channels: int) -> None:
        super().__init__(in_channels, 2 * in_channels * PATCH**2, PATCH)
        self.weight.requires_grad_(False)
        nn.init.zeros_(self.bias)

    @torch.no_grad()
    def start_from(self, images: Tensor) -> None:
        """Set the weights to v / sqrt(lambda + 5e-4), and their negatives, for each eigenvector v of the patches.

        Lambda is the eigenvalue of v in the second-moment matrix of the patches, which is not centered, as in the code
        of the record.

        The sign of an eigenvector is arbitrary, so its entry of largest magnitude is made positive. With the sums in
        float64 on the host, every machine computes the same weights from the same images.

        Args:
            images: (N, in_channels, H, W), normalized.
        """
        patches = F.unfold(images.double().cpu(), PATCH).transpose(1, 2).flatten(0, 1)  # (N * positions, C * 4)
        variances, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
        rows = vectors.T.flip(0)  # largest variance first
        rows *= rows.gather(1, rows.abs().argmax(1, keepdim=True)).sign()
        scaled = rows / (variances.flip(0) + EPS).sqrt()[:, None]
        self.weight.copy_(torch.cat((scaled, -scaled)).view_as(self.weight))


def conv3x3(cin: int, cout: int, start: str) -> nn.Conv2d:
    """A 3x3 convolution without bias; if `start` is "dirac", its first cin filters are initialized as the identity."""
    conv = nn.Conv2d(cin, cout, 3, padding=1, bias=False)
    if start == "dirac" and not conv.weight.is_meta:
        nn.init.dirac_(conv.weight.data[:cin])
    return conv


def norm(features: int, momentum: float) -> nn.BatchNorm2d:
    """Batch norm with a trainable bias and a weight fixed at 1."""
    layer = nn.BatchNorm2d(features, eps=1e-12, momentum=momentum)
    layer.weight.requires_grad_(False)
    return layer


class Group(nn.Module):
    """A convolution, max-pool, norm and GELU, then `depth` - 1 times a convolution, norm and GELU.

    Args:
        shortcut: add the output of the first GELU to that of the last norm, before the last GELU.
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
    """Whitening, GELU, groups of convolutions, global max pooling, classifier.

    Args:
        widths: channels of each group.
        depth: convolutions per group.
        shortcut: see `Group`.
        scale: factor on the logits.
        momentum: momentum of the running statistics of batch norm.
        start: initialization of the convolutions, "dirac" or "torch".
        head: initialization of the classifier, "torch", or "unit" for weights scaled to a standard deviation of 1.
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
        """Compute the whitening weights from normalized training images (N, in_channels, H, W)."""
        self.whiten.start_from(images)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        x = self.features(self.whiten(x))  # (B, widths[-1], 3, 3) for 32 px
        x = F.max_pool2d(x, x.shape[2:])
        return self.head(x.flatten(1)) * self.scale


Depth = Annotated[int, Spec("convolutions per group", ge=1, le=8)]
Width = Annotated[int, Spec("channels of the first group; the other groups scale with it", ge=12, le=512)]
Momentum = Annotated[float, Spec("momentum of batch norm's running statistics", gt=0.0, le=1.0)]
Start = Annotated[
    Literal["dirac", "torch"],
    Spec("initialization of convolutions: partly the identity, or PyTorch's default"),
]
Head = Annotated[
    Literal["torch", "unit"],
    Spec("initialization of the classifier: PyTorch's default, or a standard deviation of 1"),
]


@register(
    "model",
    title="airbench94",
    family="airbench",
    year=2024,
    paper="2404.00498",
    params=1_972_792,
    gmacs=0.1183,
    groups=(("whiten.bias", 1.0, 1.0, 0.375),),
)
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
    """The network of the 94 % record: a whitening stem and six convolutions."""
    widths = (width, 4 * width, 4 * width)
    return AirbenchNet(
        num_classes,
        in_channels,
        widths,
        depth=depth,
        shortcut=False,
        scale=scale,
        momentum=momentum,
        start=start,
        head=head,
    )


@register(
    "model",
    title="airbench95",
    family="airbench",
    year=2024,
    paper="2404.00498",
    params=4_606_520,
    gmacs=0.3017,
    groups=(("whiten.bias", 1.0, 1.0, 0.2),),
)
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
    """The network of the 95 % record: airbench94 with more channels."""
    widths = (width, 3 * width, 3 * width)
    return AirbenchNet(
        num_classes,
        in_channels,
        widths,
        depth=depth,
        shortcut=False,
        scale=scale,
        momentum=momentum,
        start=start,
        head=head,
    )


@register(
    "model",
    title="airbench96",
    family="airbench",
    year=2024,
    paper="2404.00498",
    params=9_918_776,
    gmacs=0.4522,
    groups=(("whiten.bias", 1.0, 1.0, 0.08108108108108109),),
)
def airbench96(
    num_classes: int = 10,
    in_channels: int = 3,
    *,
    width: Width = 128,
    depth: Depth = 3,
    shortcut: Annotated[bool, Spec("add a shortcut from the first feature map of each group to its last")] = True,
    scale: LogitScale = 0.1111111111111111,
    momentum: Momentum = 0.1,
    start: Start = "dirac",
    head: Head = "torch",
) -> AirbenchNet:
    """The network of the 96 % record: three convolutions per group, the last two with a shortcut."""
    widths = (width, 3 * width, 4 * width)
    return AirbenchNet(
        num_classes,
        in_channels,
        widths,
        depth=depth,
        shortcut=shortcut,
        scale=scale,
        momentum=momentum,
        start=start,
        head=head,
    )
