"""Initial weights that the recipe chooses instead of the model.

The weights of convolutions and linear layers are drawn anew, and their biases are set to zero, as in the papers. Norms,
embeddings and scales stay as the model initializes them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor, nn

RELU_GAIN: Final = math.sqrt(2.0)  # a ReLU halves the mean square of its input

RULES: Final[dict[str, Callable[[Tensor], Tensor]]] = {
    "kaiming": lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu"),  # He et al. 2015, eq. 10
    "xavier": nn.init.xavier_uniform_,  # Glorot and Bengio 2010, eq. 16
    "orthogonal": lambda weight: nn.init.orthogonal_(weight, RELU_GAIN),  # Saxe et al. 2013, arXiv:1312.6120
}


def reinit(model: nn.Module, rule: str) -> None:
    """Draw the model's weights anew from torch's random number generator.

    Args:
        rule: `kaiming` (normal, variance 2 / fan-in; arXiv:1502.01852), `xavier` (uniform, variance 2 / (fan-in +
            fan-out)), `orthogonal` (gain sqrt 2) or `dirac`. With `dirac`, as many filters of each convolution as it
            has input channels become the identity, and the rest stay as the model has them (arXiv:1706.00388; torch's
            own `dirac_` would leave the rest at zero); linear layers and biases are not touched.
    """
    for module in model.modules():
        if not isinstance(module, nn.Linear | nn.modules.conv._ConvNd) or module.weight.is_meta:
            continue
        with torch.no_grad():
            if rule != "dirac":
                RULES[rule](module.weight)
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, nn.modules.conv._ConvNd):
                identity = nn.init.dirac_(torch.empty_like(module.weight), module.groups)
                filters = identity.flatten(1).any(1)
                module.weight[filters] = identity[filters]
