"""Swin against timm's, torchvision's size, and attention cell by cell."""

import pytest
import torch
import torchvision
from timm.models.swin_transformer import SwinTransformer
from torch import nn

from engine.models import swin
from engine.models.swin import Swin, WindowAttention, separate
from engine.models.transformer_layers import DropPath
from tests.engine.models.shapes import on_meta


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("name", "depths", "dim"),
    [
        ("swin_t", (2, 2, 6, 2), 96),
        ("swin_s", (2, 2, 18, 2), 96),
        ("swin_b", (2, 2, 18, 2), 128),
        ("swin_l", (2, 2, 18, 2), 192),
    ],
)
def test_parameters_equal_timms_but_for_the_merging_that_keeps_the_map(name: str, depths, dim: int) -> None:
    heads = [dim // 32 * 2**i for i in range(4)]
    with on_meta():
        reference = SwinTransformer(32, 2, num_classes=10, embed_dim=dim, depths=depths, num_heads=heads, window_size=4)
        reference.layers[1].downsample = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 2 * dim, bias=False))
        model = getattr(swin, name)()
    smaller_window = 7 * 7 - 3 * 3  # timm shrinks the window of its last stage, at 2 cells a side, to 2
    assert count(model) == count(reference) + smaller_window * heads[3] * depths[3]


def test_parameters_equal_torchvisions_after_the_departures() -> None:
    """28,288,354 with 1000 classes, patches of 4 px and windows of 7 cells."""
    with on_meta():
        assert count(torchvision.models.swin_t()) == 28_288_354
        model = swin.swin_t()
    classes, patches = 990 * 769, 3 * 96 * (4 * 4 - 2 * 2)
    merging = (2 + 192) * (4 * 96 - 96)
    windows = (13 * 13 - 7 * 7) * (2 * 3 + 2 * 6 + 6 * 12 + 2 * 24)
    assert count(model) == 28_288_354 - classes - patches - merging - windows


@pytest.mark.parametrize(("name", "trained"), [("swin_t_seed", 27_428_086), ("swin_s_seed", 48_708_418)])
def test_the_seeds_nets_have_their_parameters(name: str, trained: int) -> None:
    """pprp/pytorch-cifar-tricks a85b050; its totals, 27,431,158 and 48,714,562, count two masks a shifted block."""
    with on_meta():
        model = getattr(swin, name)()
    shifted = sum(m.shift > 0 for m in model.modules() if isinstance(m, WindowAttention))
    assert count(model) == trained
    assert count(model) + shifted * 2 * 16 * 16 == {27_428_086: 27_431_158, 48_708_418: 48_714_562}[trained]


@pytest.mark.parametrize("training", [False, True])
def test_timm_weights_give_the_same_logits(assert_same_logits, training: bool) -> None:
    depths, heads = (2, 2, 2, 2), (1, 2, 4, 8)
    reference = SwinTransformer(
        32, 1, num_classes=10, embed_dim=8, depths=depths, num_heads=heads, window_size=4, drop_path_rate=0.0
    )
    model = Swin(depths, 8, 1, 10, 3, 32, factors=(1, 2, 2, 2))
    assert_same_logits(model, reference, training=training)


@pytest.mark.parametrize(("side", "shift"), [(8, 0), (8, 2), (6, 0), (6, 2), (4, 2), (7, 1)])
@pytest.mark.parametrize("lean", [False, True])
def test_windows_equal_attention_cell_by_cell(side: int, shift: int, lean: bool) -> None:
    """Shifted windows are squares of a grid on the plane that starts at the shift; the border cuts the outer ones."""
    torch.manual_seed(0)
    window, heads, width = 4, 2, 6
    layer = WindowAttention(12, heads, side, window, shift, lean=lean).double()
    nn.init.normal_(layer.bias.table)
    x = torch.randn(1, side, side, 12, dtype=torch.float64)
    qkv = layer.qkv(x[0]).unflatten(-1, (3, heads, width))
    want = torch.zeros(side, side, heads, width, dtype=torch.float64)
    cells = [(i, j) for i in range(side) for j in range(side)]
    home = {(i, j): ((i - shift) // window, (j - shift) // window) for i, j in cells}
    for i, j in cells:
        near = [cell for cell in cells if home[cell] == home[i, j]]
        rows, columns = zip(*near, strict=True)
        offset = [(i - a + window - 1) * (2 * window - 1) + j - b + window - 1 for a, b in near]
        for head in range(heads):
            scores = qkv[rows, columns, 1, head] @ qkv[i, j, 0, head] / width**0.5
            weights = (scores + layer.bias.table[offset, 0 if lean else head]).softmax(0)
            want[i, j, head] = weights @ qkv[rows, columns, 2, head]
    torch.testing.assert_close(layer(x)[0], layer.out(want.flatten(2)))


def test_a_window_without_shift_or_padding_needs_no_mask() -> None:
    assert WindowAttention(8, 2, 8, 4, 0).mask is None
    assert WindowAttention(8, 2, 7, 4, 0).mask.shape == (4, 16, 16)
    assert not separate(8, 4, 0).any()


def test_stages_work_on_whole_windows_and_all_but_the_last_shift() -> None:
    with on_meta():
        model, x = swin.swin_t(), torch.zeros(1, 3, 32, 32)
        sides = [(x := stage(x)).shape[1] for stage in model.stages]
        shifts = [[m.shift for m in stage.modules() if isinstance(m, WindowAttention)] for stage in model.stages]
        rates = [m.rate for m in model.modules() if isinstance(m, DropPath)]
    assert sides == [16, 16, 8, 4]
    assert shifts == [[0, 2], [0, 2], [0, 2] * 3, [0, 0]]
    assert rates == pytest.approx([0.2 * i / 11 for i in range(12) for _ in range(2)])
