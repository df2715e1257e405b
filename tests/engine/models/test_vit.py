"""ViT against timm's, and what the published row's net does otherwise."""

import pytest
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from engine.models.transformer_layers import Attention, Block, DropPath, Mlp
from engine.models.vit import ViT, vit, vit_seed
from tests.engine.models.shapes import on_meta


@pytest.mark.parametrize("builder", [vit, vit_seed])
def test_parameters_equal_the_published_build(builder) -> None:
    """12,470,026: pprp/pytorch-cifar-tricks a85b050; timm's with the same sizes has as many."""
    with on_meta():
        timms = VisionTransformer(32, 4, embed_dim=384, depth=7, num_heads=8, num_classes=10)
        model = builder()
    assert sum(p.numel() for p in model.parameters()) == 12_470_026
    assert sum(p.numel() for p in timms.parameters()) == 12_470_026


@pytest.mark.parametrize("size", [32, 28])
def test_timm_weights_give_the_same_logits(assert_same_logits, size: int) -> None:
    reference = VisionTransformer(size, 4, embed_dim=24, depth=3, num_heads=2, num_classes=10)
    blocks = nn.Sequential(*(Block(24, Attention(24, 2), Mlp(24, 96)) for _ in range(3)))
    assert_same_logits(ViT(blocks, 24, 10, 3, size), reference, size)


def test_an_image_that_does_not_divide_has_a_token_more_per_side() -> None:
    with on_meta():
        assert vit(10, 1, 30).positions.shape == (1, 1 + 8 * 8, 384)
        assert vit(10, 1, 28).positions.shape == (1, 1 + 7 * 7, 384)


def test_drop_path_grows_linearly_with_depth() -> None:
    with on_meta():
        rates = [m.rate for m in vit(drop_path=0.3).modules() if isinstance(m, DropPath)]
    assert rates == pytest.approx([0.3 * i / 6 for i in range(7) for _ in range(2)])


def test_the_published_net_attends_almost_uniformly_and_ends_its_mlp_in_a_gelu() -> None:
    with on_meta():
        slipped, right = vit_seed(), vit()
    assert {m.scale for m in slipped.modules() if isinstance(m, Attention)} == {384**-0.5}
    assert {m.scale for m in right.modules() if isinstance(m, Attention)} == {None}  # 1 / sqrt(width of a head)
    assert all(isinstance(block.mlp[1][3], nn.GELU) for block in slipped.blocks)
    assert all(isinstance(block.mlp[1][3], nn.Linear) for block in right.blocks)
