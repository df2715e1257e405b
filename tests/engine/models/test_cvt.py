"""CvT's published sizes and its attention by the formula."""

import pytest
import torch
from torch import nn

from engine.models.cvt import ConvAttention, CvT, Stage, cvt, cvt_seed
from engine.models.transformer_layers import DropPath
from tests.engine.models.shapes import on_meta


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_parameters_are_the_papers_but_for_stem_and_classes() -> None:
    """CvT-13 has 19.98 M in the authors' repository and 20 M in table 3, with 1000 classes and a 7x7 stem."""
    with on_meta():
        model = cvt(1000)
    assert (count(model) + 64 * 3 * (7 * 7 - 3 * 3)) / 1e6 == pytest.approx(19.98, abs=0.02)


def test_the_seeds_net_has_its_parameters() -> None:
    """pprp/pytorch-cifar-tricks a85b050."""
    with on_meta():
        assert count(cvt_seed()) == 19_547_466


@pytest.mark.parametrize("lean", [False, True])
@pytest.mark.parametrize("token", [False, True])
def test_attention_is_the_formula_on_convolved_maps(lean: bool, token: bool) -> None:
    torch.manual_seed(0)
    layer = ConvAttention(128, 2, token=token, lean=lean).double().eval()
    x = torch.randn(2, 5 * 5 + token, 128, dtype=torch.float64)
    front, square = x[:, : int(token)], x[:, int(token) :].transpose(1, 2).unflatten(2, (5, 5))
    convs = (layer.q_conv, layer.k_conv, layer.k_conv if lean else layer.v_conv)
    made = [torch.cat((front, conv(square).flatten(2).transpose(1, 2)), 1) for conv in convs]
    assert [part.shape[1] for part in made] == [25 + token, 9 + token, 9 + token]
    q, k, v = (linear(part) for linear, part in zip((layer.q, layer.k, layer.v), made, strict=True))
    heads = [(q[..., h] @ k[..., h].transpose(1, 2) / 8).softmax(2) @ v[..., h] for h in (slice(64), slice(64, 128))]
    torch.testing.assert_close(layer(x, 5), layer.out(torch.cat(heads, 2)))


def test_stages_work_on_32_16_and_8_px_and_only_the_last_drops() -> None:
    with on_meta():
        model, x = cvt(), torch.zeros(1, 3, 32, 32)
        sides, tokens = [], []
        for stage in model.stages:
            y, side = stage(x)
            sides.append(side)
            tokens.append(y.shape[1])
            x = y[:, -(side**2) :].transpose(1, 2).unflatten(2, (side, side))
        rates = [m.rate for m in model.modules() if isinstance(m, DropPath)]
    assert (sides, tokens) == ([32, 16, 8], [1024, 256, 65])
    assert sorted(rates) == pytest.approx([0] * 6 + [0.1 * i / 9 for i in range(10) for _ in range(2)])


def test_the_classifier_reads_the_class_token() -> None:
    torch.manual_seed(0)
    model = CvT((Stage(1, 1, 4), Stage(1, 1, 2), Stage(1, 1, 1)), 3, 3).eval()
    x, seen = torch.randn(2, 3, 16, 16), []
    model.stages[2].register_forward_hook(lambda _, inputs, out: seen.append(out[0]))
    logits = model(x)
    torch.testing.assert_close(logits, model.head(model.norm(seen[0][:, 0])))
    assert seen[0].shape == (2, 1 + 2 * 2, 64)
