"""BoTNet: its attention against timm's, its size against ResNet-50's and the paper's."""

import pytest
import torch
import torchvision
from timm.layers.bottleneck_attn import BottleneckAttn
from torch import nn

from engine.models.botnet import RelativeAttention, botnet
from tests.engine.models.shapes import on_meta


@pytest.mark.parametrize("side", [3, 8])
def test_timm_weights_give_the_same_attention(side: int) -> None:
    """With `scale_pos_embed`, as in the authors' code: positions meet the query when it is already scaled."""
    torch.manual_seed(0)
    theirs = BottleneckAttn(24, feat_size=(side, side), num_heads=3, scale_pos_embed=True).double()
    ours = RelativeAttention(24, 3, side).double()
    ours.load_state_dict(
        {
            "qkv.weight": theirs.qkv.weight,
            "down": theirs.pos_embed.height_rel,
            "right": theirs.pos_embed.width_rel,
        }
    )
    x = torch.randn(2, 24, side, side, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x))


def test_parameters_are_resnet50s_with_attention_for_three_convolutions() -> None:
    with on_meta():
        model = botnet(1000)
        resnet = sum(p.numel() for p in torchvision.models.resnet50().parameters())
    stem = 3 * 64 * (7 * 7 - 3 * 3)
    attention = 3 * (512 * 512 * (9 - 3) - 2 * (2 * 8 - 1) * 128)
    assert resnet == 25_557_032
    assert sum(p.numel() for p in model.parameters()) == resnet - stem - attention
    assert round((resnet - attention) / 1e6, 1) == 20.8  # the paper's BoTNet-50


def test_all_attention_runs_over_the_same_64_cells() -> None:
    with on_meta():
        model = botnet()
        maps = model.stages(model.stem(torch.zeros(1, 3, 32, 32)))
    sides = [m.side for m in model.modules() if isinstance(m, RelativeAttention)]
    assert sides == [8, 8, 8]
    assert maps.shape == (1, 2048, 8, 8)
    assert not any(isinstance(m, nn.AvgPool2d) for m in model.modules())
