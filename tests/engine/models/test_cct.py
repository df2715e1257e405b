"""CCT against the published builds' sizes, the original positions, and the order of its blocks."""

import pytest
import torch
import torch.nn.functional as F

from engine.models import cct
from engine.models.cct import CCT6, CCTBlock, Tokenizer, sines
from engine.models.transformer_layers import DropPath
from tests.engine.models.shapes import on_meta

# Parameters of pprp/pytorch-cifar-tricks a85b050's builds, copies of the authors' own, at 10 classes: all, and those
# that train (fixed positions do not).
PUBLISHED = {
    "cct_2_3x2_32": (283_723, 275_531),
    "cct_4_3x2_32": (482_123, 473_931),
    "cct_6_3x1_32": (3_233_803, 3_168_267),
    "cct_6_3x2_32": (3_326_923, 3_310_539),
    "cct_7_3x1_32": (3_760_139, 3_694_603),
    "cct_7_3x2_32": (3_853_259, 3_836_875),
    "cct_7_7x2_224": (4_550_091, 4_499_915),
}


@pytest.mark.parametrize(("name", "learned", "fixed"), [(name, *counts) for name, counts in PUBLISHED.items()])
def test_parameters_equal_the_published_builds(name: str, learned: int, fixed: int) -> None:
    with on_meta():
        model, sine = getattr(cct, name)(), getattr(cct, f"{name}_sine")()
    assert sum(p.numel() for p in model.parameters()) == learned
    assert sum(p.numel() for p in sine.parameters()) == fixed
    assert fixed + sine.positions.numel() == learned


@pytest.mark.parametrize(("name", "count"), [("cct_14_7x2_224", 21_986_123), ("cct_14_7x2_384", 22_132_043)])
def test_parameters_of_the_large_nets_equal_the_published_builds(name: str, count: int) -> None:
    with on_meta():
        assert sum(p.numel() for p in getattr(cct, name)().parameters()) == count


@pytest.mark.parametrize(("kernel", "convs"), [(3, 1), (3, 2), (7, 1), (7, 2)])
@pytest.mark.parametrize("side", [28, 31, 32, 57, 224])
def test_the_number_of_tokens_is_known_beforehand(kernel: int, convs: int, side: int) -> None:
    with on_meta():
        tokenizer = Tokenizer(3, 8, kernel, convs)
        assert tokenizer(torch.zeros(1, 3, side, side)).shape == (1, tokenizer.tokens(side), 8)


def test_fixed_positions_are_the_sines_and_cosines_of_the_transformer() -> None:
    table = sines(9, 6)
    assert table.shape == (1, 9, 6)
    for token in range(9):
        for i in range(3):
            angle = torch.tensor(token / 10000 ** (2 * i / 6))
            torch.testing.assert_close(table[0, token, 2 * i], angle.sin())
            torch.testing.assert_close(table[0, token, 2 * i + 1], angle.cos())


def test_the_norm_in_front_of_the_mlp_replaces_the_stream() -> None:
    """As in the authors' code: src = norm1(src + attention(pre_norm(src))); src + mlp(src)."""
    torch.manual_seed(0)
    block, x = CCTBlock(CCT6, 0.0).eval(), torch.randn(2, 5, 256)
    middle = block.norm(x + block.attention[1](block.attention[0](x)))
    torch.testing.assert_close(block(x), middle + block.mlp[0](middle))
    nothing = block.mlp[0][3]
    torch.nn.init.zeros_(nothing.weight)
    torch.nn.init.zeros_(nothing.bias)
    torch.testing.assert_close(block(x).std(2, correction=0), torch.ones(2, 5), rtol=1e-3, atol=0)


def test_logits_come_from_a_weighted_mean_of_all_tokens() -> None:
    torch.manual_seed(0)
    model, x = cct.cct_2_3x2_32().eval(), torch.randn(2, 3, 32, 32)
    tokens = model.norm(model.blocks(model.tokenizer(x) + model.positions))
    weights = F.softmax(F.linear(tokens, model.pool.weight, model.pool.bias).squeeze(2), 1)
    torch.testing.assert_close(model(x), model.head(torch.einsum("bn,bnd->bd", weights, tokens)))


def test_drop_path_grows_linearly_to_a_tenth() -> None:
    rates = [m.rate for m in cct.cct_4_3x2_32().modules() if isinstance(m, DropPath)]
    assert rates == pytest.approx([0.1 * i / 3 for i in range(4) for _ in range(2)])


def test_the_imagenet_nets_enlarge_small_images() -> None:
    torch.manual_seed(0)
    model, x = cct.cct_7_7x2_224().eval(), torch.randn(1, 3, 32, 32)
    large = F.interpolate(x, size=(224, 224), mode="bilinear")
    with torch.no_grad():
        assert torch.equal(model(x), model(large))
