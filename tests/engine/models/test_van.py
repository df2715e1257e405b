"""VAN's published sizes, what its large kernel sees, and how its weights start."""

import math

import pytest
import torch
from torch import nn

from engine.models import van
from engine.models.transformer_layers import DropPath
from engine.models.van import VAN, LargeKernelAttention, SpatialAttention
from tests.engine.models.shapes import on_meta

# Parameters at 10 classes of pprp/pytorch-cifar-tricks a85b050's classes, a copy of the authors' code with its 7x7 stem
# (3x3 here), the width of that stem, and GMACs at 224 px and 1000 classes from table 2 of the paper.
PUBLISHED = {
    "van_tiny": (3_851_370, 32, 0.88),
    "van_small": (13_353_930, 64, 2.5),
    "van_base": (26_070_602, 64, 5.0),
    "van_large": (44_257_738, 64, 9.0),
}


@pytest.mark.parametrize(("name", "published", "width"), [(name, *row[:2]) for name, row in PUBLISHED.items()])
def test_parameters_equal_the_published_builds_but_for_the_stem(name: str, published: int, width: int) -> None:
    with on_meta():
        model = getattr(van, name)()
    assert sum(p.numel() for p in model.parameters()) == published - 3 * width * (7 * 7 - 3 * 3)


@pytest.mark.parametrize(("name", "gmacs"), [(name, row[2]) for name, row in PUBLISHED.items()])
def test_multiply_adds_are_the_papers_in_proportion_to_the_map(name: str, gmacs: float) -> None:
    """The stages work on 32 px where the paper's work on 56; the mark itself is held to the count on the meta device."""
    from engine.contract.recipe.catalog import catalog

    assert catalog().get("model", name).meta["gmacs"] == pytest.approx(gmacs * (32 / 56) ** 2, rel=0.04)


def test_the_decomposed_kernel_sees_nothing_beyond_its_reach() -> None:
    gate = LargeKernelAttention(2).kernel.double()
    x = torch.zeros(1, 2, 41, 41, dtype=torch.float64, requires_grad=True)
    gate(x)[0, 0, 20, 20].backward()
    rows = x.grad[0].abs().sum((0, 2)).nonzero().flatten()
    assert (rows.min(), rows.max()) == (20 - 11, 20 + 11)  # 2 px of the 5x5 and 9 of the dilated 7x7 on each side


def test_attention_is_a_product_with_the_map_between_projections_and_a_shortcut() -> None:
    torch.manual_seed(0)
    layer, x = SpatialAttention(4).double(), torch.randn(2, 4, 9, 9, dtype=torch.float64)
    up = nn.functional.gelu(layer[0](x))
    torch.testing.assert_close(layer(x), x + layer[3](up * layer[2].kernel(up)))


def test_weights_start_with_variance_two_over_fan_out_per_group() -> None:
    torch.manual_seed(0)
    model = VAN((1, 1), (64, 64), 10, 3, 0.0, (8, 8))
    block = model.stages[0][2]
    assert block.mlp[1][0].weight.std().item() == pytest.approx(math.sqrt(2 / 512), rel=0.03)
    assert block.mlp[1][1].weight.std().item() == pytest.approx(math.sqrt(2 / 9), rel=0.05)
    assert block.attention[1][2].kernel[1].weight.std().item() == pytest.approx(math.sqrt(2 / 49), rel=0.05)


def test_every_stage_halves_the_map_and_the_last_four_pixels_remain() -> None:
    with on_meta():
        model, x = van.van_tiny(), torch.zeros(1, 3, 32, 32)
        maps = [x := stage(x) for stage in model.stages]
        rates = [m.rate for m in model.modules() if isinstance(m, DropPath)]
    assert [tuple(x.shape[1:]) for x in maps] == [(32, 32, 32), (64, 16, 16), (160, 8, 8), (256, 4, 4)]
    assert rates == pytest.approx([0.1 * i / 12 for i in range(13) for _ in range(2)])
