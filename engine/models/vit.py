"""Vision transformer. Dosovitskiy et al. 2020, arXiv:2010.11929.

The size is the one that small-image repositories settled on for training from scratch: patches of 4 px (64 tokens at 32
px), width 384, 7 layers. The block is the paper's (figure 1, equations 1 to 4). Weights are initialized as in DeiT,
positions and class token with N(0, 0.02) as well; the paper does not state its own initialization.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import Tensor, nn

from engine.contract.catalog import Spec, register
from engine.models.options import DropPathRate
from engine.models.transformer_layers import Attention, Block, Mlp, PatchEmbed, drop_path_rates, init_transformer


class ViT(nn.Module):
    """Patches, class token and learned positions, encoder blocks, norm, and a linear classifier on the class token.

    Args:
        image_size: side of the square input in px; it determines the number of learned positions.
        blocks: blocks of the encoder, of width `dim`.
    """

    no_decay = ("class_token", "positions")  # see engine.optim.param_groups

    def __init__(
        self, blocks: nn.Sequential, dim: int, num_classes: int, in_channels: int, image_size: int, patch: int = 4
    ) -> None:
        super().__init__()
        tokens = math.ceil(image_size / patch) ** 2
        self.patches = PatchEmbed(in_channels, dim, patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.positions = nn.Parameter(torch.zeros(1, 1 + tokens, dim))
        self.blocks = blocks
        self.norm = nn.LayerNorm(dim, 1e-6)
        self.head = nn.Linear(dim, num_classes)
        init_transformer(self)
        for start in (self.class_token, self.positions):
            nn.init.normal_(start, std=0.02)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        x = self.patches(x)  # (B, N, dim)
        x = torch.cat((self.class_token.expand(x.shape[0], -1, -1), x), dim=1) + self.positions
        x = self.blocks(x)
        return self.head(self.norm(x[:, 0]))


DIM, DEPTH, HEADS = 384, 7, 8


@register(
    "model",
    title="ViT-7/4",
    family="vit",
    year=2020,
    paper="2010.11929",
    params=12_470_026,
    gmacs=0.829,
    aliases=("vision_transformer", "ViT"),
)
def vit(
    num_classes: int = 10,
    in_channels: int = 3,
    image_size: int = 32,
    *,
    dropout: Annotated[float, Spec("dropout rate after attention and in the MLP", ge=0.0, lt=1.0)] = 0.0,
    drop_path: DropPathRate = 0.0,
) -> ViT:
    """Vision transformer for small images: 64 patches of 4 px, width 384, 7 layers, 8 heads."""
    (rates,) = drop_path_rates(drop_path, (DEPTH,))
    blocks = [
        Block(DIM, Attention(DIM, HEADS, dropout=dropout), Mlp(DIM, 4 * DIM, dropout=dropout), rate) for rate in rates
    ]
    return ViT(nn.Sequential(*blocks), DIM, num_classes, in_channels, image_size)


@register(
    "model",
    title="ViT-7/4 (pytorch-cifar-tricks)",
    family="vit",
    year=2020,
    paper="2010.11929",
    params=12_470_026,
    gmacs=0.829,
)
def vit_seed(num_classes: int = 10, in_channels: int = 3, image_size: int = 32) -> ViT:
    """The network behind the 69.02 % of pytorch-cifar-tricks: vit with three mistakes, kept only to reproduce that row.

    The mistakes: a second GELU after the MLP, so that it never lowers its input by more than 0.17; scores divided by
    sqrt(384) instead of sqrt(48), so that attention starts almost uniform; and positions initialized with N(0, 1),
    which drown out the patches. Linear layers use PyTorch's default initialization.
    """
    blocks = [
        Block(
            DIM,
            Attention(DIM, HEADS, scale=DIM**-0.5),
            nn.Sequential(nn.Linear(DIM, 4 * DIM), nn.GELU(), nn.Linear(4 * DIM, DIM), nn.GELU()),
            eps=1e-5,
        )
        for _ in range(DEPTH)
    ]
    model = ViT(nn.Sequential(*blocks), DIM, num_classes, in_channels, image_size)
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            module.reset_parameters()
    for start in (model.class_token, model.positions):
        nn.init.normal_(start)
    return model
