"""LeNet-5 as it is used on CIFAR today. LeCun et al. 1998, "Gradient-based learning applied to document recognition".

Departures from the paper: ReLU instead of tanh, plain max-pooling instead of trainable subsampling, full connections
between the maps of the first and second layer, and a linear classifier instead of RBF units. All layers use PyTorch's
default initialization.
"""

from __future__ import annotations

from torch import Tensor, nn

from engine.contract.catalog import register


class LeNet(nn.Module):
    """Two 5x5 convolutions with max-pooling, then three linear layers on the flattened map.

    Args:
        image_size: side of the square input in px, 16 or more. The first linear layer is as large as the remaining map,
            5x5 at 32 px and 4x4 at 28 px.
    """

    def __init__(self, num_classes: int, in_channels: int, image_size: int) -> None:
        super().__init__()
        side = ((image_size - 4) // 2 - 4) // 2
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 6, 5),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        )
        self.head = nn.Sequential(
            nn.Linear(16 * side * side, 120),
            nn.ReLU(inplace=True),
            nn.Linear(120, 84),
            nn.ReLU(inplace=True),
            nn.Linear(84, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        return self.head(self.features(x).flatten(1))


@register("model", title="LeNet-5", family="lenet", year=1998, paper="10.1109/5.726791", params=62_006, gmacs=0.00065)
def lenet(num_classes: int = 10, in_channels: int = 3, image_size: int = 32) -> LeNet:
    """LeNet-5 with ReLU and max-pooling: the smallest model here."""
    return LeNet(num_classes, in_channels, image_size)
