"""Pre-activation residual networks for 32x32 images. He et al. 2016, arXiv:1603.05027.

Batch norm and ReLU precede each convolution, so that the path of shortcuts from stem to head is left untouched; the
last sum is normalized and activated once more before the pooling (the paper's appendix). 3x3 stem and no max-pool, as
in `engine.models.resnet`. A block that changes the shape activates its input before it splits into body and projection,
and the projection has no batch norm of its own.

kuangliu/pytorch-cifar and its descendants leave out the last batch norm and ReLU: `preact_resnet18_seed` is that
network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import Init, conv, init_convs, norm_relu
from engine.models.options import InitOption


class PreActivation(nn.Module):
    """x + body(relu(norm(x))), or project(a) + body(a) with a = relu(norm(x)) where the shape changes.

    Args:
        body: applied to activated maps; (B, cin, H, W) -> (B, cout, H / stride, W / stride).
    """

    def __init__(self, body: nn.Sequential, cin: int, cout: int, stride: int) -> None:
        super().__init__()
        self.cout = cout
        self.norm = norm_relu(cin)
        self.body = body
        self.project = conv(cin, cout, 1, stride) if stride > 1 or cin != cout else None

    def forward(self, x: Tensor) -> Tensor:  # (B, cin, H, W) -> (B, cout, H / stride, W / stride)
        active = self.norm(x)
        shortcut = x if self.project is None else self.project(active)
        return self.body(active) + shortcut


class PreActBasic(PreActivation):
    """Two 3x3 convolutions with `dropout` in between (Zagoruyko & Komodakis 2016, arXiv:1605.07146, figure 1d)."""

    def __init__(self, cin: int, width: int, stride: int, dropout: float = 0.0) -> None:
        body = nn.Sequential(conv(cin, width, 3, stride), norm_relu(width))
        if dropout > 0:
            body.append(nn.Dropout(dropout))
        body.append(conv(width, width, 3))
        super().__init__(body, cin, width, stride)


class PreActBottleneck(PreActivation):
    """1x1 down to `width`, 3x3 with the stride, 1x1 up to four times `width`."""

    def __init__(self, cin: int, width: int, stride: int) -> None:
        body = nn.Sequential(
            conv(cin, width, 1),
            norm_relu(width),
            conv(width, width, 3, stride),
            norm_relu(width),
            conv(width, 4 * width, 1),
        )
        super().__init__(body, cin, 4 * width, stride)


class PreActResNet(nn.Module):
    """3x3 stem without norm, stages of pre-activation blocks, final norm and ReLU, average pooling, classifier.

    Args:
        block: makes a PreActivation from (cin, width, stride).
        depths: blocks in each stage; every stage but the first halves the resolution in its first block.
        widths: channels of the stem, then the `width` of each stage.
        last_norm: whether the last sum is normalized and activated.
    """

    def __init__(
        self,
        block: Callable[[int, int, int], PreActivation],
        depths: Sequence[int],
        widths: Sequence[int],
        num_classes: int,
        in_channels: int = 3,
        init: Init = "he",
        last_norm: bool = True,
    ) -> None:
        super().__init__()
        cin = widths[0]
        self.stem: nn.Module = conv(in_channels, cin, 3)
        self.stages = nn.Sequential()
        for stage, (depth, width) in enumerate(zip(depths, widths[1:], strict=True)):
            blocks = nn.Sequential()
            for i in range(depth):
                made = block(cin, width, 2 if stage > 0 and i == 0 else 1)
                blocks.append(made)
                cin = made.cout
            self.stages.append(blocks)
        self.norm = norm_relu(cin) if last_norm else nn.Identity()
        self.head = nn.Linear(cin, num_classes)
        init_convs(self, init)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        x = self.norm(self.stages(self.stem(x)))  # (B, C, H / 8, W / 8) with four stages
        return self.head(x.mean((2, 3)))


WIDTHS = (64, 64, 128, 256, 512)


@register(
    "model",
    title="PreAct ResNet-18",
    family="preact_resnet",
    year=2016,
    paper="1603.05027",
    params=11_172_170,
    gmacs=0.5554,
    aliases=("PreActResNet18",),
)
def preact_resnet18(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> PreActResNet:
    """ResNet-18 with batch norm and ReLU before each convolution."""
    return PreActResNet(PreActBasic, (2, 2, 2, 2), WIDTHS, num_classes, in_channels, init)


@register(
    "model",
    title="PreAct ResNet-34",
    family="preact_resnet",
    year=2016,
    paper="1603.05027",
    params=21_280_330,
    gmacs=1.159,
    aliases=("PreActResNet34",),
)
def preact_resnet34(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> PreActResNet:
    """ResNet-34 with batch norm and ReLU before each convolution."""
    return PreActResNet(PreActBasic, (3, 4, 6, 3), WIDTHS, num_classes, in_channels, init)


@register(
    "model",
    title="PreAct ResNet-50",
    family="preact_resnet",
    year=2016,
    paper="1603.05027",
    params=23_513_162,
    gmacs=1.298,
    aliases=("PreActResNet50",),
)
def preact_resnet50(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> PreActResNet:
    """ResNet-50 with bottleneck blocks, and batch norm and ReLU before each convolution."""
    return PreActResNet(PreActBottleneck, (3, 4, 6, 3), WIDTHS, num_classes, in_channels, init)


@register(
    "model",
    title="PreAct ResNet-101",
    family="preact_resnet",
    year=2016,
    paper="1603.05027",
    params=42_505_290,
    gmacs=2.51,
    aliases=("PreActResNet101",),
)
def preact_resnet101(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> PreActResNet:
    """ResNet-101 with bottleneck blocks, and batch norm and ReLU before each convolution."""
    return PreActResNet(PreActBottleneck, (3, 4, 23, 3), WIDTHS, num_classes, in_channels, init)


@register(
    "model",
    title="PreAct ResNet-152",
    family="preact_resnet",
    year=2016,
    paper="1603.05027",
    params=58_148_938,
    gmacs=3.722,
    aliases=("PreActResNet152",),
)
def preact_resnet152(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> PreActResNet:
    """ResNet-152 with bottleneck blocks, and batch norm and ReLU before each convolution."""
    return PreActResNet(PreActBottleneck, (3, 8, 36, 3), WIDTHS, num_classes, in_channels, init)


@register(
    "model",
    title="PreAct ResNet-18 without the last norm",
    family="preact_resnet",
    year=2016,
    paper="1603.05027",
    params=11_171_146,
    gmacs=0.5554,
    aliases=("preact_resnet",),
)
def preact_resnet18_seed(num_classes: int = 10, in_channels: int = 3) -> PreActResNet:
    """PreAct ResNet-18 as in kuangliu/pytorch-cifar: no last batch norm and ReLU, PyTorch's default initialization."""
    return PreActResNet(PreActBasic, (2, 2, 2, 2), WIDTHS, num_classes, in_channels, "torch", last_norm=False)
