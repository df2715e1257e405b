"""PoolFormer against timm's."""

import pytest
import torch
import torch.nn.functional as F
from timm.layers import GroupNorm1
from timm.models.metaformer import MetaFormer
from torch import nn

from engine.models import poolformer
from engine.models.poolformer import PoolFormer, Pooling
from engine.models.transformer_layers import DropPath, LayerScale
from tests.engine.models.shapes import on_meta

# Parameters at 10 classes of pprp/pytorch-cifar-tricks a85b050's builds, which differ from the paper's in the stem
# alone (2x2 for 7x7; 3x3 here), and the width of that stem; drop path and layer scale of the paper's section 4.1.
PUBLISHED = {
    "poolformer_s12": (11_398_666, 64, 12, 0.1, 1e-5),
    "poolformer_s24": (20_872_458, 64, 24, 0.1, 1e-5),
    "poolformer_s36": (30_346_250, 64, 36, 0.2, 1e-6),
    "poolformer_m36": (55_398_250, 96, 36, 0.3, 1e-6),
    "poolformer_m48": (72_699_178, 96, 48, 0.4, 1e-6),
}


@pytest.mark.parametrize(("name", "published", "width"), [(name, *row[:2]) for name, row in PUBLISHED.items()])
def test_parameters_equal_the_published_builds_but_for_the_stem(name: str, published: int, width: int) -> None:
    with on_meta():
        model = getattr(poolformer, name)()
    assert sum(p.numel() for p in model.parameters()) == published + 3 * width * (3 * 3 - 2 * 2)


@pytest.mark.parametrize(("name", "blocks", "drop", "scale"), [(name, *row[2:]) for name, row in PUBLISHED.items()])
def test_drop_path_grows_linearly_to_the_papers_rate(name: str, blocks: int, drop: float, scale: float) -> None:
    with on_meta():
        model = getattr(poolformer, name)()
    rates = [m.rate for m in model.modules() if isinstance(m, DropPath)]
    assert rates == pytest.approx([drop * i / (blocks - 1) for i in range(blocks) for _ in range(2)])


def test_layer_scale_starts_where_it_is_told() -> None:
    model = PoolFormer((1, 1), (4, 8), 10, 3, 0.0, 1e-5)
    factors = [m.factor for m in model.modules() if isinstance(m, LayerScale)]
    torch.testing.assert_close(torch.cat(factors), torch.full((2 * (4 + 8),), 1e-5))


@pytest.mark.parametrize("training", [False, True])
def test_timm_weights_give_the_same_logits(assert_same_logits, training: bool) -> None:
    """With the published head: norm of the map, then its mean (timm's has a layer norm of the mean)."""
    depths, widths = (1, 2, 1, 1), (8, 12, 16, 20)
    reference = MetaFormer(
        num_classes=10,
        depths=depths,
        dims=widths,
        downsample_norm=None,
        mlp_act=nn.GELU,
        mlp_bias=True,
        norm_layers=GroupNorm1,
        layer_scale_init_values=1e-5,
        res_scale_init_values=None,
        use_mlp_head=False,
    )
    reference.stem.conv = nn.Conv2d(3, 8, 3, 1, 1)
    reference.head.global_pool, reference.head.norm = nn.Identity(), nn.GroupNorm(1, 20)
    reference.head.flatten = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert_same_logits(PoolFormer(depths, widths, 10, 3, 0.0, 1e-5), reference, training=training)


def test_pooling_is_the_mean_of_the_neighbours_that_exist_less_the_pixel() -> None:
    x = torch.randn(1, 2, 5, 5, dtype=torch.float64)
    ones = torch.ones(1, 1, 3, 3, dtype=torch.float64)
    total = F.conv2d(x.transpose(0, 1), ones, padding=1)
    number = F.conv2d(torch.ones_like(x[:, :1]), ones, padding=1)
    torch.testing.assert_close(Pooling()(x), (total / number).transpose(0, 1) - x)
