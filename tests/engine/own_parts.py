"""Parts that only tests need."""

from typing import Annotated

import torch
from torch import Tensor, nn

from engine.contract.catalog import Spec, register


@register("model", title="A linear model behind dropout and batch norm", params=30_766)
def dropout_net(
    num_classes: int = 10, *, drop: Annotated[float, Spec("chance that a pixel is dropped", ge=0.0, lt=1.0)] = 0.3
) -> nn.Module:
    """Draws random numbers in every step, and keeps statistics."""
    return nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(drop), nn.Flatten(), nn.Linear(3072, num_classes))


@register("model", title="A linear model that looks at a number on the host", params=30_760)
class waiting_net(nn.Module):
    """Reads its input back from the device in every step, so that no CUDA graph can be made of it."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(num_classes))
        self.linear = nn.Linear(3072, num_classes, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if not float(x.abs().max()) < 1e9:
            raise ValueError("the images are not normalised")
        return self.linear(x.flatten(1)) + self.bias


@register("loss", title="A loss that becomes NaN")
def explodes(
    logits: Tensor, targets: Tensor, *, above: Annotated[float, Spec("the norm of the logits where it does")] = 0.0
) -> Tensor:
    """Cross entropy, or NaN as soon as the logits have a norm above the limit."""
    loss = nn.functional.cross_entropy(logits, targets)
    return torch.where(logits.detach().norm() > above, loss * float("nan"), loss)


@register("model", title="A norm of means", params=0)
def pixel_norm_net(num_classes: int = 10, in_channels: int = 3) -> nn.Module:
    """A net whose batch norm sees one pixel, which its mark does not say."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(in_channels), nn.Flatten(), nn.Linear(3, num_classes))


@register("model", title="Three convolutions with batch norm", params=33_946)
def three_convs(num_classes: int = 10, in_channels: int = 3) -> nn.Module:
    """A thousand images a second on one core, and enough to learn shapes."""
    layers: list[nn.Module] = []
    for cin, cout in ((in_channels, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(cin, cout, 3, 2, 1, bias=False), nn.BatchNorm2d(cout), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(1024, num_classes))
