"""CoAtNet against timm's size and the paper's, and its attention against the formula."""

import pytest
import timm
import torch
from timm.models.maxxvit import MaxxVit, MaxxVitCfg
from torch import nn

from engine.models import coatnet
from engine.models.coatnet import CoAtNet, Size, Transformer
from engine.models.transformer_layers import Attention, DropPath
from tests.engine.models.shapes import on_meta

IMAGENET = (2, 2, 2, 2, 2)


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("number", range(5))
def test_parameters_equal_timms_at_maps_of_the_same_size(number: int) -> None:
    """timm's net at 128 px works on 8 and 4 px in its last stages, as ours does at 32."""
    size: Size = getattr(coatnet, f"SIZE_{number}")
    cfg = MaxxVitCfg(embed_dim=size.widths, depths=size.depths, stem_width=size.stem)
    with on_meta():
        reference = MaxxVit(cfg, img_size=128, num_classes=10)
        model = getattr(coatnet, f"coatnet_{number}")()
    assert count(model) == count(reference)


@pytest.mark.parametrize(("number", "millions"), [(0, 25), (1, 42), (2, 75), (3, 168), (4, 275)])
def test_parameters_at_224_px_are_the_papers(number: int, millions: int) -> None:
    """Table 3; the paper leaves open where biases and the gate's width go, which makes up to three in a hundred."""
    with on_meta():
        model = CoAtNet(getattr(coatnet, f"SIZE_{number}"), 1000, 3, 224, strides=IMAGENET)
    assert count(model) / 1e6 == pytest.approx(millions, rel=0.03)


@pytest.mark.parametrize(
    ("number", "published", "last"),
    [(0, 16_997_816, 768), (1, 32_326_976, 768), (2, 54_668_496, 1026), (3, 116_120_512, 1536), (4, 202_275_760, 1536)],
)
def test_the_seeds_nets_have_their_parameters(number: int, published: int, last: int) -> None:
    """pprp/pytorch-cifar-tricks a85b050; of these it published rows for the first three, which are registered."""
    size: Size = getattr(coatnet, f"SIZE_{number}")
    with on_meta():
        model = CoAtNet(size._replace(widths=(*size.widths[:3], last)), 10, 3, 32, strides=IMAGENET, lean=True)
        assert count(model) == published
        if number < 3:
            assert count(getattr(coatnet, f"coatnet_{number}_seed")()) == published


def test_maps_halve_where_told_and_attention_runs_over_64_and_16_tokens() -> None:
    with on_meta():
        model, x = coatnet.coatnet_0(), torch.zeros(1, 3, 32, 32)
        maps = [x := model.stem(x), *(x := stage(x) for stage in model.stages)]
        seed, y = coatnet.coatnet_0_seed(), torch.zeros(1, 3, 32, 32)
        tiny = [y := seed.stem(y), *(y := stage(y) for stage in seed.stages)]
    assert [x.shape[-1] for x in maps] == [32, 32, 16, 8, 4]
    assert [x.shape[-1] for x in tiny] == [16, 8, 4, 2, 1]


@pytest.mark.parametrize("lean", [False, True])
def test_a_transformer_block_pools_both_branches_and_attends_with_offsets(lean: bool) -> None:
    torch.manual_seed(0)
    block = Transformer(32, 64, 2, 3, 0.0, lean=lean).double()
    nn.init.normal_(block.bias.table)
    x = torch.randn(2, 32, 5, 5, dtype=torch.float64)
    pool, norm = nn.MaxPool2d(3, 2, 1), next(m for m in block.norm if isinstance(m, nn.LayerNorm))
    y = norm(pool(x)) if lean else pool(norm(x))
    tokens = y.flatten(2).transpose(1, 2)
    heads = 8 if lean else 2
    q, k, v = (part.unflatten(2, (heads, 32)).transpose(1, 2) for part in block.attention.qkv(tokens).chunk(3, 2))
    scores = q @ k.transpose(2, 3) / 32**0.5
    for i in range(9):
        for j in range(9):
            down, right = i // 3 - j // 3 + 2, i % 3 - j % 3 + 2
            scores[:, :, i, j] += block.bias.table[down * 5 + right]
    attended = (scores.softmax(3) @ v).transpose(1, 2).flatten(2)
    z = block.shortcut[1](pool(x)).flatten(2).transpose(1, 2) + block.attention.out(attended)
    torch.testing.assert_close(block(x).flatten(2).transpose(1, 2), z + block.mlp(z))


def test_heads_are_32_channels_wide_and_drop_path_grows_linearly() -> None:
    with on_meta():
        model = coatnet.coatnet_2()
        heads = {(m.qkv.out_features // 3, m.heads) for m in model.modules() if isinstance(m, Attention)}
        rates = sorted({m.rate for m in model.modules() if isinstance(m, DropPath)})
    assert heads == {(512, 16), (1024, 32)}
    assert rates == pytest.approx([0.5 * i / 23 for i in range(24)])


def test_timm_lists_the_same_nets() -> None:
    """Our sizes are those of timm's entries of the same name."""
    for number in range(5):
        cfg = timm.models.maxxvit.model_cfgs[f"coatnet_{number}"]
        size: Size = getattr(coatnet, f"SIZE_{number}")
        assert (tuple(cfg.embed_dim), tuple(cfg.depths), cfg.stem_width) == (size.widths, size.depths, size.stem)
