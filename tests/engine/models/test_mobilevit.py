"""MobileViT against timm's."""

import pytest
import timm
import torch

from engine.models import mobilevit
from engine.models.mobilevit import MobileViT, MobileViTBlock, Size
from tests.engine.models.shapes import on_meta

SEED = {"mobilevit_xxs_seed": 1_014_672, "mobilevit_xs_seed": 2_002_784, "mobilevit_s_seed": 5_003_120}


@pytest.mark.parametrize("name", ["mobilevit_xxs", "mobilevit_xs", "mobilevit_s"])
def test_parameters_equal_timms(name: str) -> None:
    with on_meta():
        reference, model = timm.create_model(name, num_classes=10), getattr(mobilevit, name)()
    assert sum(p.numel() for p in model.parameters()) == sum(p.numel() for p in reference.parameters())


@pytest.mark.parametrize(("name", "count"), SEED.items())
def test_the_seeds_nets_have_their_parameters(name: str, count: int) -> None:
    """pprp/pytorch-cifar-tricks a85b050."""
    with on_meta():
        assert sum(p.numel() for p in getattr(mobilevit, name)().parameters()) == count


@pytest.mark.parametrize("size", [64, 72])  # the last map is 2 px, or 3 and resized to 4 and back
@pytest.mark.parametrize("training", [False, True])
def test_timm_weights_give_the_same_logits(assert_same_logits, size: int, training: bool) -> None:
    """With the paper's strides."""
    reference = timm.create_model("mobilevit_xxs", num_classes=10, drop_rate=0.0)
    model = MobileViT(mobilevit.XXS, 10, 3, strides=(2, 1, 2, 2, 2, 2))
    assert_same_logits(model, reference, size, training=training)


def test_tokens_are_pixels_at_the_same_place_of_every_patch() -> None:
    x = torch.arange(2 * 3 * 6 * 4).view(2, 3, 6, 4)
    tokens = MobileViTBlock._to_tokens(x)
    assert tokens.shape == (2 * 4, 6, 3)
    for place, (i, j) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        assert torch.equal(tokens[4 + place].T, x[1, :, i::2, j::2].flatten(1))  # the second image
    assert torch.equal(MobileViTBlock._to_map(tokens, (6, 4)), x)


def test_transformers_see_64_16_and_16_tokens() -> None:
    seen = []
    model = MobileViT(Size((8, 8, 8, 8, 8), (8, 8, 8), 2, 8), 10, 3)
    for module in model.modules():
        if isinstance(module, MobileViTBlock):
            module.transformer.register_forward_hook(lambda _, inputs, out: seen.append(out.shape[1]))
    model(torch.randn(2, 3, 32, 32))
    assert seen == [64, 16, 16]
