"""ConViT against timm's, and how its gated layers start."""

import pytest
import torch
from timm.models.convit import ConVit as TimmConViT
from torch import nn

from engine.models import convit
from engine.models.convit import ConViT, GatedAttention, relative_places
from engine.models.transformer_layers import DropPath
from tests.engine.models.shapes import on_meta

# Parameters at 10 classes of pprp/pytorch-cifar-tricks a85b050's builds, with patches of 16 px and four positions, the
# width and the heads.
PUBLISHED = {
    "convit_tiny": (5_482_578, 192, 4),
    "convit_small": (27_265_708, 432, 9),
    "convit_base": (85_631_274, 768, 16),
}
ROWS = [(name, *row) for name, row in PUBLISHED.items()]


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(("name", "published", "dim", "heads"), ROWS)
def test_parameters_equal_the_published_builds_but_for_the_patches(name, published: int, dim: int, heads: int) -> None:
    with on_meta():
        model = getattr(convit, name)()
        assert count(model) == published - 3 * dim * (16 * 16 - 4 * 4) + dim * (64 - 4)
        assert count(ConViT(dim, heads, 10, 3, 32, 0.0, patch=16)) == published


@pytest.mark.parametrize("size", [16, 32])
def test_timm_weights_give_the_same_logits(assert_same_logits, size: int) -> None:
    reference = TimmConViT(
        size, 4, num_classes=10, embed_dim=12, depth=12, num_heads=4, local_up_to_layer=10, norm_layer=layer_norm
    )
    reference.eval()(torch.zeros(1, 3, size, size))  # timm fills its table of places when it first runs
    assert_same_logits(ConViT(48, 4, 10, 3, size, 0.0), reference, size)


def layer_norm(dim: int, **options) -> nn.LayerNorm:
    return nn.LayerNorm(dim, eps=1e-6, **options)


def test_places_are_right_down_and_distance_squared() -> None:
    places = relative_places(3)
    assert places.shape == (9, 9, 3)
    assert places[1, 6].tolist() == [-1, 2, 5]  # from the first row's middle to the last row's left


@pytest.mark.parametrize(("heads", "kernel"), [(4, 2), (9, 3), (16, 4)])
def test_each_head_of_a_gated_layer_starts_at_its_own_neighbour(heads: int, kernel: int) -> None:
    """Section 3: the h-th head attends where the h-th weight of a square kernel would be."""
    torch.manual_seed(0)
    layer = GatedAttention(heads * 4, heads, 9)
    nn.init.zeros_(layer.place.bias)
    layer.start_as_convolution()
    weights = layer.place(layer.places)[40].softmax(0)  # the middle of 9x9 looks at 81 cells: (81, heads)
    grid = torch.cartesian_prod(torch.arange(9.0), torch.arange(9.0)) - 4
    centre = weights.T @ grid
    taps = torch.arange(kernel) - (kernel - 1) / 2
    torch.testing.assert_close(centre, torch.cartesian_prod(taps, taps), atol=0.01, rtol=0)
    assert torch.equal(layer.v.weight, torch.eye(heads * 4))


def test_ten_gated_layers_and_two_plain_ones_drop_linearly() -> None:
    with on_meta():
        model = convit.convit_tiny()
    assert (len(model.gated), len(model.plain)) == (10, 2)
    rates = [m.rate for m in model.modules() if isinstance(m, DropPath)]
    assert rates == pytest.approx([0.1 * i / 11 for i in range(12) for _ in range(2)])
