"""MobileNets for 32x32 images: v1 (Howard et al. 2017, arXiv:1704.04861), v2 (Sandler et al. 2018, arXiv:1801.04381)
and v3 (Howard et al. 2019, arXiv:1905.02244).

- v1: 3x3 depthwise convolutions, each followed by a 1x1 convolution, both with norm and ReLU.
- v2: inverted residuals: 1x1 expansion, 3x3 depthwise, 1x1 projection without activation; ReLU6; shortcuts between
  equal shapes.
- v3: the same with searched widths and kernel sizes, hard swish, and squeeze-and-excitation in some blocks.

The stem keeps the resolution, and so does the first block of v2 and v3 that halved it, so 32 px end as 4x4 (v1 ends at
2x2, as in kuangliu/pytorch-cifar). By default, convolutions use He initialization, and the linear layers of v2 and v3
are normal with standard deviation 0.01.

kuangliu's MobileNetV2 has 1x1 projection shortcuts where a block changes the width without striding, a first expansion
by 1, and ReLU: `mobilenet_v2_seed` is that network.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import Init, SqueezeExcite, conv_bn, conv_bn_relu, init_convs
from engine.models.options import DropoutRate, InitOption


class MobileNet(nn.Module):
    """MobileNet v1: depthwise and 1x1 convolutions, global average pooling, linear classifier.

    Args:
        pairs: (width, stride) of each pair of depthwise and 1x1 convolution.
    """

    def __init__(self, pairs: Sequence[tuple[int, int]], num_classes: int, in_channels: int, init: Init) -> None:
        super().__init__()
        self.features = nn.Sequential(conv_bn_relu(in_channels, 32, 3))
        cin = 32
        for width, stride in pairs:
            self.features.extend([conv_bn_relu(cin, cin, 3, stride, groups=cin), conv_bn_relu(cin, width, 1)])
            cin = width
        self.head = nn.Linear(cin, num_classes)
        init_convs(self, init)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        return self.head(self.features(x).mean((2, 3)))


class InvertedResidual(nn.Module):
    """1x1 to `hidden` channels, depthwise `kernel`, gates, 1x1 to `cout`; the input is added where shapes agree.

    (B, cin, H, W) -> (B, cout, ceil(H / stride), ceil(W / stride)).

    Args:
        hidden: channels in the middle; if they equal `cin`, there is no first convolution.
        act: activation class after the first two convolutions.
        gates: module applied before the last convolution.
    """

    def __init__(
        self,
        cin: int,
        cout: int,
        stride: int,
        hidden: int,
        kernel: int,
        act: type[nn.Module],
        gates: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.cin, self.cout = cin, cout
        self.body = nn.Sequential()
        if hidden != cin:
            self.body.extend([conv_bn(cin, hidden, 1), act(inplace=True)])
        self.body.extend([conv_bn(hidden, hidden, kernel, stride, groups=hidden), act(inplace=True)])
        if gates is not None:
            self.body.append(gates)
        self.body.append(conv_bn(hidden, cout, 1))
        self.shortcut: nn.Module | None = nn.Identity() if stride == 1 and cin == cout else None

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) if self.shortcut is None else self.body(x) + self.shortcut(x)


class InvertedNet(nn.Module):
    """MobileNet v2 or v3: stem, inverted residuals, a last 1x1 convolution, global average pooling, classifier.

    Args:
        blocks: inverted residuals, from the channels of the stem on.
        last: channels of the last convolution.
        act: activation class in the stem and after the last convolution.
        head: from (B, last) to logits.
    """

    def __init__(
        self,
        in_channels: int,
        blocks: Sequence[InvertedResidual],
        last: tuple[int, int],
        act: type[nn.Module],
        head: nn.Module,
    ) -> None:
        super().__init__()
        self.stem = conv_bn(in_channels, blocks[0].cin, 3).append(act(inplace=True))
        self.blocks = nn.Sequential(*blocks)
        self.last = conv_bn(*last, 1).append(act(inplace=True))
        self.head = head

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        x = self.last(self.blocks(self.stem(x)))  # (B, last, H / 8, W / 8)
        return self.head(x.mean((2, 3)))


def start(model: nn.Module, init: Init) -> None:
    """Apply `init_convs` and, unless `init` is "torch", initialize linear layers with N(0, 0.01) and zero biases."""
    init_convs(model, init)
    for module in model.modules():
        if isinstance(module, nn.Linear) and init == "he":
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)


def v2_blocks(act: type[nn.Module]) -> list[InvertedResidual]:
    """The blocks of table 2 of the paper (expansion, channels, repeats, stride)."""
    rows = (1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)
    blocks: list[InvertedResidual] = []
    cin = 32
    for expansion, width, repeats, stride in rows:
        for i in range(repeats):
            blocks.append(InvertedResidual(cin, width, stride if i == 0 else 1, expansion * cin, 3, act))
            cin = width
    return blocks


# tables 1 and 2 of the v3 paper: kernel, hidden, channels, squeeze-and-excitation, hard swish, stride
V3_LARGE = (
    (3, 16, 16, False, False, 1),
    (3, 64, 24, False, False, 1),
    (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2),
    (5, 120, 40, True, False, 1),
    (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2),
    (3, 200, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 480, 112, True, True, 1),
    (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 2),
    (5, 960, 160, True, True, 1),
    (5, 960, 160, True, True, 1),
)
V3_SMALL = (
    (3, 16, 16, True, False, 1),
    (3, 72, 24, False, False, 2),
    (3, 88, 24, False, False, 1),
    (5, 96, 40, True, True, 2),
    (5, 240, 40, True, True, 1),
    (5, 240, 40, True, True, 1),
    (5, 120, 48, True, True, 1),
    (5, 144, 48, True, True, 1),
    (5, 288, 96, True, True, 2),
    (5, 576, 96, True, True, 1),
    (5, 576, 96, True, True, 1),
)


def mobilenet_v3(
    rows: Sequence[tuple[int, int, int, bool, bool, int]],
    hidden: int,
    num_classes: int,
    in_channels: int,
    dropout: float,
    init: Init,
) -> InvertedNet:
    """MobileNet v3 with the given blocks and `hidden` units before the classifier."""
    blocks: list[InvertedResidual] = []
    cin = 16
    for kernel, inner, width, excite, swish, stride in rows:
        act = nn.Hardswish if swish else nn.ReLU
        gates = SqueezeExcite(inner, eighths(inner // 4), gate=nn.Hardsigmoid()) if excite else None
        blocks.append(InvertedResidual(cin, width, stride, inner, kernel, act, gates))
        cin = width
    head = nn.Sequential(
        nn.Linear(6 * cin, hidden), nn.Hardswish(inplace=True), nn.Dropout(dropout), nn.Linear(hidden, num_classes)
    )
    model = InvertedNet(in_channels, blocks, (cin, 6 * cin), nn.Hardswish, head)
    start(model, init)
    return model


def eighths(channels: int) -> int:
    """The nearest multiple of 8, at least 8 and at least 0.9 * `channels`, as the paper's code rounds."""
    rounded = max(8, (channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


@register(
    "model",
    title="MobileNet",
    family="mobilenet",
    year=2017,
    paper="1704.04861",
    params=3_217_226,
    aliases=("MobileNet",),
    gmacs=0.04635,
)
def mobilenet(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> MobileNet:
    """MobileNet v1: alternating depthwise and 1x1 convolutions."""
    pairs = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
    return MobileNet(pairs, num_classes, in_channels, init)


@register(
    "model",
    title="MobileNet v2",
    family="mobilenet",
    year=2018,
    paper="1801.04381",
    params=2_236_682,
    aliases=("MobileNetV2",),
    gmacs=0.08798,
)
def mobilenet_v2(
    num_classes: int = 10, in_channels: int = 3, *, dropout: DropoutRate = 0.2, init: InitOption = "he"
) -> InvertedNet:
    """MobileNet v2: inverted residuals with linear bottlenecks."""
    head = nn.Sequential(nn.Dropout(dropout), nn.Linear(1280, num_classes))
    model = InvertedNet(in_channels, v2_blocks(nn.ReLU6), (320, 1280), nn.ReLU6, head)
    start(model, init)
    return model


@register(
    "model",
    title="MobileNet v2 with projection shortcuts",
    family="mobilenet",
    year=2018,
    paper="1801.04381",
    params=2_296_922,
    aliases=("mobilenetv2",),
    gmacs=0.09115,
)
def mobilenet_v2_seed(num_classes: int = 10, in_channels: int = 3) -> InvertedNet:
    """MobileNet v2 as in kuangliu/pytorch-cifar: projection shortcuts, ReLU, PyTorch's default initialization."""
    blocks = v2_blocks(nn.ReLU)
    for block in blocks:
        if block.shortcut is None and not any(m.stride == (2, 2) for m in block.modules() if isinstance(m, nn.Conv2d)):
            block.shortcut = conv_bn(block.cin, block.cout, 1)
    blocks[0].body = nn.Sequential(conv_bn_relu(32, 32, 1), *blocks[0].body)
    return InvertedNet(in_channels, blocks, (320, 1280), nn.ReLU, nn.Linear(1280, num_classes))


@register(
    "model",
    title="MobileNet v3, small",
    family="mobilenet",
    year=2019,
    paper="1905.02244",
    params=1_528_106,
    gmacs=0.01751,
)
def mobilenet_v3_small(
    num_classes: int = 10, in_channels: int = 3, *, dropout: DropoutRate = 0.2, init: InitOption = "he"
) -> InvertedNet:
    """MobileNet v3, small: searched inverted residuals with hard swish and squeeze-and-excitation."""
    return mobilenet_v3(V3_SMALL, 1024, num_classes, in_channels, dropout, init)


@register(
    "model",
    title="MobileNet v3, large",
    family="mobilenet",
    year=2019,
    paper="1905.02244",
    params=4_214_842,
    gmacs=0.06646,
)
def mobilenet_v3_large(
    num_classes: int = 10, in_channels: int = 3, *, dropout: DropoutRate = 0.2, init: InitOption = "he"
) -> InvertedNet:
    """MobileNet v3, large: searched inverted residuals with hard swish and squeeze-and-excitation."""
    return mobilenet_v3(V3_LARGE, 1280, num_classes, in_channels, dropout, init)
