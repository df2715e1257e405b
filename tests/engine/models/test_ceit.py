"""CeiT: the paper's sizes, and its parts by the formula."""

import pytest
import torch
from torch import nn

from engine.models.ceit import CeiT, LastTokenAttention, LocallyEnhancedFeedForward, ceit
from engine.models.transformer_layers import DropPath
from tests.engine.models.shapes import on_meta

IMAGENET = {"kernel": 7, "stride": 2, "patch": 4}


@pytest.mark.parametrize(("dim", "heads", "millions"), [(192, 3, 6.4), (384, 6, 24.2)])
def test_parameters_at_224_px_are_the_papers(dim: int, heads: int, millions: float) -> None:
    with on_meta():
        model = CeiT(dim, heads, 1000, 3, 224, **IMAGENET)
    assert round(sum(p.numel() for p in model.parameters()) / 1e6, 1) == millions  # CeiT-T and CeiT-S


def test_parameters_at_32_px_differ_by_tokens_and_classes_alone() -> None:
    with on_meta():
        large, small = CeiT(192, 3, 1000, 3, 224, **IMAGENET), ceit()
    convolution = 64 * 3 * (7 * 7 - 3 * 3) + 192 * 64 * (4 * 4 - 2 * 2)
    positions, classes = 192 * (14 * 14 - 8 * 8), 990 * 193
    difference = sum(p.numel() for p in large.parameters()) - sum(p.numel() for p in small.parameters())
    assert difference == convolution + positions + classes


def test_the_mlp_convolves_patches_and_passes_the_class_token() -> None:
    torch.manual_seed(0)
    layer, x = LocallyEnhancedFeedForward(6, 12, 3).double().eval(), torch.randn(2, 10, 6, dtype=torch.float64)
    y = layer(x)
    assert torch.equal(y[:, 0], x[:, 0])
    square = x[:, 1:].transpose(1, 2).reshape(2, 6, 3, 3)
    torch.testing.assert_close(y[:, 1:].transpose(1, 2).reshape(2, 6, 3, 3), layer.body(square))


def test_only_the_last_token_asks_and_its_answer_is_torchs() -> None:
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(12, 3, batch_first=True, dtype=torch.float64)
    ours, x = LastTokenAttention(12, 3).double(), torch.randn(2, 5, 12, dtype=torch.float64)
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    torch.testing.assert_close(ours(x), theirs(x, x, x)[0][:, -1:])


def test_logits_come_from_the_class_tokens_of_all_layers() -> None:
    torch.manual_seed(0)
    model, x, seen = CeiT(24, 3, 5, 3, 32, depth=3).eval(), torch.randn(2, 3, 32, 32), []
    for block in model.blocks:
        block.register_forward_hook(lambda _, inputs, out: seen.append(out[:, 0]))
    logits = model(x)
    every = torch.stack(seen, 1) + model.layer_positions
    last = every[:, -1:] + model.layers(every)
    torch.testing.assert_close(logits, model.head(model.norm(last + model.layers_mlp(last))[:, 0]))
    assert len(seen) == 3


def test_drop_path_grows_linearly_to_a_tenth() -> None:
    with on_meta():
        rates = [m.rate for m in ceit().modules() if isinstance(m, DropPath)]
    assert rates == pytest.approx([0.1 * i / 11 for i in range(12) for _ in range(2)])
