"""The shared pieces of the transformers against torch, torchvision, timm and plain formulas."""

import pytest
import torch
import torch.nn.functional as F
from timm.models.swin_transformer import get_relative_position_index
from torch import nn

from engine.models.transformer_layers import (
    Attention,
    DropPath,
    LayerNorm2d,
    LayerScale,
    PatchEmbed,
    RelativeBias,
    drop_path_rates,
    init_transformer,
    offsets,
)


def test_attention_equals_torchs_own() -> None:
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(24, 4, batch_first=True, dtype=torch.float64)
    ours = Attention(24, 4).double()
    nn.init.normal_(theirs.in_proj_bias)
    nn.init.normal_(theirs.out_proj.bias)
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    x, bias = torch.randn(2, 7, 24, dtype=torch.float64), torch.randn(7, 7, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x, x, x)[0])
    torch.testing.assert_close(ours(x, bias), theirs(x, x, x, attn_mask=bias)[0])


def test_attention_heads_may_be_wider_and_scores_scaled_otherwise() -> None:
    torch.manual_seed(0)
    ours = Attention(8, 2, head_dim=16, qkv_bias=False, scale=0.3).double()
    x = torch.randn(1, 5, 8, dtype=torch.float64)
    q, k, v = (ours.qkv.weight[32 * i :][:32] @ x[0].T for i in range(3))  # (32, 5): two heads of 16
    heads = [(0.3 * q[h].T @ k[h]).softmax(1) @ v[h].T for h in (slice(16), slice(16, 32))]
    torch.testing.assert_close(ours(x)[0], ours.out(torch.cat(heads, 1)))


def test_dropout_of_attention_weights_is_off_in_evaluation() -> None:
    torch.manual_seed(0)
    layer, x = Attention(8, 2, attention_dropout=0.5), torch.randn(1, 5, 8)
    assert not torch.equal(layer(x), layer(x))
    assert torch.equal(layer.eval()(x), layer(x))


def test_drop_path_drops_whole_images_and_keeps_the_expectation() -> None:
    torch.manual_seed(0)
    x = DropPath(0.25)(torch.ones(4000, 2, 3)).flatten(1)
    assert torch.equal(x.amin(1), x.amax(1))
    torch.testing.assert_close(x.unique(), torch.tensor([0, 1 / 0.75]))
    assert x.mean().item() == pytest.approx(1, abs=4 * (0.25 / 0.75 / 4000) ** 0.5)  # four standard errors


def test_drop_path_is_the_identity_in_evaluation_and_at_rate_zero() -> None:
    x = torch.randn(64, 5)
    assert DropPath(0.4).eval()(x) is x
    assert DropPath(0.0)(x) is x


def test_drop_path_draws_the_same_in_half_precision() -> None:
    x = torch.ones(256, 1)
    torch.manual_seed(5)
    full = DropPath(0.5)(x)
    torch.manual_seed(5)
    half = DropPath(0.5)(x.bfloat16())
    assert half.dtype == torch.bfloat16
    assert torch.equal(full, half.float())


@pytest.mark.parametrize("depths", [(1,), (7,), (2, 2, 6, 2)])
def test_drop_path_rates_equal_the_line_that_torch_draws(depths: tuple[int, ...]) -> None:
    rates = drop_path_rates(0.3, depths)
    assert [len(stage) for stage in rates] == list(depths)
    line = torch.linspace(0, 0.3, sum(depths), dtype=torch.float64).tolist()
    assert [rate for stage in rates for rate in stage] == pytest.approx(line)


def test_layer_norm_of_a_map_is_a_group_norm_of_each_pixel_and_keeps_the_memory_format() -> None:
    torch.manual_seed(0)
    norm, x = LayerNorm2d(6), torch.randn(2, 6, 4, 5)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    pixels = x.permute(0, 2, 3, 1).reshape(-1, 6)
    want = F.group_norm(pixels, 1, norm.weight, norm.bias).reshape(2, 4, 5, 6).permute(0, 3, 1, 2)
    torch.testing.assert_close(norm(x), want)
    assert norm(x.contiguous(memory_format=torch.channels_last)).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("dims", "shape"), [(0, (2, 7, 3)), (2, (2, 3, 4, 4))])
def test_layer_scale_multiplies_channels(dims: int, shape: tuple[int, ...]) -> None:
    scale, x = LayerScale(3, 0.5, dims), torch.randn(shape)
    assert torch.equal(scale(x), x / 2)
    with torch.no_grad():
        scale.factor[1] = 0
    assert [int(channel.any()) for channel in scale(x).movedim(1 if dims else 2, 0)] == [1, 0, 1]


def test_patches_are_read_row_by_row_and_the_rest_is_padded_with_zeros() -> None:
    torch.manual_seed(0)
    embed, x = PatchEmbed(3, 8, 4), torch.randn(2, 3, 10, 8)
    want = F.unfold(F.pad(x, (0, 0, 0, 2)), 4, stride=4).transpose(1, 2) @ embed.proj.weight.flatten(1).T
    torch.testing.assert_close(embed(x), want + embed.proj.bias)


def test_offsets_and_relative_bias_equal_timms_index() -> None:
    assert torch.equal(offsets(5), get_relative_position_index(5, 5))
    bias = RelativeBias(3, 2)
    assert bias().shape == (2, 9, 9)
    assert bias()[1, 4, 0] == bias.table[offsets(3)[4, 0], 1] == bias()[1, 8, 4]  # one step down and right, both
    assert list(bias.state_dict()) == ["table"]


def test_transformers_start_at_a_cut_normal() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(64, 64, 3), nn.Linear(512, 512))
    before = model[0].weight.clone()
    init_transformer(model)
    assert torch.equal(model[0].weight, before)
    assert model[1].weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert not model[1].bias.any()
    init_transformer(model, convs=True)
    assert model[0].weight.std().item() == pytest.approx(0.02, rel=0.02)
