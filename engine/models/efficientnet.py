"""EfficientNet-B0 for 32x32 images. Tan & Le 2019, arXiv:1905.11946.

The inverted residuals of MobileNet v2 with searched kernel sizes, SiLU, and squeeze-and-excitation with a quarter of
each block's input channels (table 1). During training, residual bodies are dropped for single images ("drop connect"),
with a rate that grows linearly with depth to 0.2, and dropout of 0.2 precedes the classifier. The stem and the second
stage keep the resolution, so 32 px end as 4x4. Convolutions use He initialization by default.

kuangliu/pytorch-cifar has neither the last 1x1 convolution nor a working drop connect, and halves the resolution once
more: `efficientnet_b0_seed` is that network (its own count of 3,599,686 includes 1,088 parameters that it never uses).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from torch import Tensor, nn

from engine.contract.catalog import Spec, register
from engine.models.layers import Init, SqueezeExcite, conv_bn, init_convs
from engine.models.mobilenet import InvertedResidual
from engine.models.options import DropoutRate, InitOption
from engine.models.transformer_layers import DropPath

# table 1: expansion, channels, repeats, kernel size
B0 = (1, 16, 1, 3), (6, 24, 2, 3), (6, 40, 2, 5), (6, 80, 3, 3), (6, 112, 3, 5), (6, 192, 4, 5), (6, 320, 1, 3)


class EfficientNet(nn.Module):
    """Stem of 32 channels, the blocks of B0, a last 1x1 convolution, global average pooling, linear classifier.

    Args:
        strides: stride of the first block of each of the seven stages.
        last: channels of the last convolution; 0 leaves it out.
        dropout: dropout rate before the classifier.
        drop_path: drop-path rate, which grows linearly with depth from 0 in the first block.
    """

    def __init__(
        self,
        strides: Sequence[int],
        last: int,
        num_classes: int,
        in_channels: int,
        dropout: float,
        drop_path: float,
        init: Init,
    ) -> None:
        super().__init__()
        self.stem = conv_bn(in_channels, 32, 3).append(nn.SiLU(inplace=True))
        self.blocks = nn.Sequential()
        cin, total = 32, sum(repeats for _, _, repeats, _ in B0)
        for (expansion, width, repeats, kernel), stride in zip(B0, strides, strict=True):
            for i in range(repeats):
                gates = SqueezeExcite(expansion * cin, cin // 4, nn.SiLU(inplace=True))
                block = InvertedResidual(cin, width, stride if i == 0 else 1, expansion * cin, kernel, nn.SiLU, gates)
                if block.shortcut is not None:
                    block.body.append(DropPath(drop_path * len(self.blocks) / total))
                self.blocks.append(block)
                cin = width
        self.last = conv_bn(cin, last, 1).append(nn.SiLU(inplace=True)) if last else nn.Identity()
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(last or cin, num_classes))
        init_convs(self, init)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        x = self.last(self.blocks(self.stem(x)))  # (B, last, H / 8, W / 8)
        return self.head(x.mean((2, 3)))


@register(
    "model",
    title="EfficientNet-B0",
    family="efficientnet",
    year=2019,
    paper="1905.11946",
    params=4_020_358,
    aliases=("EfficientNetB0",),
    gmacs=0.1162,
)
def efficientnet_b0(
    num_classes: int = 10,
    in_channels: int = 3,
    *,
    dropout: DropoutRate = 0.2,
    drop_path: Annotated[
        float, Spec("drop-path rate, growing linearly with depth from 0 in the first block", ge=0.0, lt=1.0)
    ] = 0.2,
    init: InitOption = "he",
) -> EfficientNet:
    """EfficientNet-B0 with a 3x3 stem that keeps the resolution."""
    return EfficientNet((1, 1, 2, 2, 1, 2, 1), 1280, num_classes, in_channels, dropout, drop_path, init)


@register(
    "model",
    title="EfficientNet-B0 without the last convolution",
    family="efficientnet",
    year=2019,
    paper="1905.11946",
    params=3_598_598,
    aliases=("efficientnetb0",),
    gmacs=0.03033,
)
def efficientnet_b0_seed(num_classes: int = 10, in_channels: int = 3) -> EfficientNet:
    """EfficientNet-B0 as in kuangliu/pytorch-cifar: 320 channels at the end, no drop connect, PyTorch's defaults."""
    return EfficientNet((1, 2, 2, 2, 1, 2, 1), 0, num_classes, in_channels, 0.2, 0.0, "torch")
