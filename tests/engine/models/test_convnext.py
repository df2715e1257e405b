"""ConvNeXt against timm's and torchvision's."""

import pytest
import torch
import torchvision
from timm.models.convnext import ConvNeXt as TimmConvNeXt
from torch import nn

from engine.models import convnext
from engine.models.convnext import ConvNeXt, convnext_tiny, convnext_tiny_seed
from engine.models.transformer_layers import DropPath, LayerScale
from tests.engine.models.shapes import on_meta

# Parameters of the paper's nets at 10 classes (pprp/pytorch-cifar-tricks 39abc17, lib/models/vit/convnext.py, a copy of
# the authors' code) and the width of their 4x4 stem, which is 3x3 here.
PUBLISHED = {
    "convnext_tiny": (27_827_818, 96),
    "convnext_small": (49_462_378, 96),
    "convnext_base": (87_576_714, 128),
    "convnext_large": (196_245_706, 192),
    "convnext_xlarge": (348_168_458, 256),
}


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(("name", "published", "width"), [(name, *row) for name, row in PUBLISHED.items()])
def test_parameters_equal_the_published_builds_but_for_the_stem(name: str, published: int, width: int) -> None:
    with on_meta():
        builder = getattr(convnext, name)
        assert count(builder()) == published - 3 * width * (4 * 4 - 3 * 3)
        assert count(builder(patch=4)) == published
        assert count(builder(patch=2)) == published - 3 * width * (4 * 4 - 2 * 2)


@pytest.mark.parametrize("size", ["tiny", "small", "base", "large"])
def test_parameters_equal_torchvisions_with_patches_of_four(size: str) -> None:
    with on_meta():
        theirs = getattr(torchvision.models, f"convnext_{size}")()
        assert count(theirs) == count(getattr(convnext, f"convnext_{size}")(1000, patch=4))


def test_the_seeds_narrow_net_has_its_parameters() -> None:
    """7,000,432: pprp/pytorch-cifar-tricks a85b050."""
    with on_meta():
        assert count(convnext_tiny_seed()) == 7_000_432


def scale_last(names: list[str]) -> list[str]:
    """timm lists a block's layer scale first, we list it last."""
    blocks = [name.rpartition("gamma")[0] for name in names if name.endswith("gamma")]
    moved = [name for name in names if not name.endswith("gamma")]
    for block in blocks:
        moved.insert(moved.index(f"{block}mlp.fc2.bias") + 1, f"{block}gamma")
    return moved


@pytest.mark.parametrize("patch", [1, 4])  # with 2, timm halves once more before the first stage
def test_timm_weights_give_the_same_logits(assert_same_logits, patch: int) -> None:
    depths, widths = (1, 1, 2, 1), (8, 12, 16, 20)
    reference = TimmConvNeXt(num_classes=10, depths=depths, dims=widths, patch_size=patch)
    if patch == 1:
        reference.stem[0] = nn.Conv2d(3, 8, 3, 1, 1)
    assert_same_logits(ConvNeXt(depths, widths, 10, 3, patch, 0.0), reference, order=scale_last)


def test_odd_maps_are_padded_not_cut() -> None:
    with on_meta():
        model = convnext_tiny()
        x = model.stem(torch.zeros(1, 3, 28, 28))
        sides = [x := stage(x) for stage in model.stages]
    assert [x.shape[-1] for x in sides] == [28, 14, 7, 4]


def test_drop_path_and_layer_scale_start_as_in_the_paper() -> None:
    with on_meta():
        rates = [m.rate for m in convnext.convnext_small().modules() if isinstance(m, DropPath)]
    assert rates == pytest.approx([0.4 * i / 35 for i in range(36)])
    model = ConvNeXt((1, 1, 1, 1), (8, 8, 8, 8), 10, 3, 1, 0.0)
    factors = [m.factor for m in model.modules() if isinstance(m, LayerScale)]
    torch.testing.assert_close(torch.cat(factors), torch.full((4 * 8,), 1e-6))
    with on_meta():
        assert convnext_tiny(patch=2).stem[0].stride == (2, 2)
