"""timm's models on small images: natively where timm can, enlarged elsewhere, refused in words."""

import pytest
import timm
import torch

from engine.models.timm_models import Enlarged, build_timm, fit_patch
from tests.engine.models.shapes import on_meta


def built(name: str, size: int = 32, channels: int = 3, classes: int = 10):
    with on_meta():
        model = build_timm(name, classes, channels, size)
        assert model.eval()(torch.zeros(2, channels, size, size)).shape == (2, classes)
    return model


@pytest.mark.parametrize(
    ("name", "patch"),
    [("vit_tiny_patch16_224", 4), ("deit3_small_patch16_384", 2), ("swin_tiny_patch4_window7_224", 1)],
)
def test_patches_shrink_with_the_image(name: str, patch: int) -> None:
    model = built(f"timm:{name}")
    assert model.patch_embed.patch_size == (patch, patch)


@pytest.mark.parametrize(
    ("name", "side"), [("resnet18", 128), ("efficientnet_b0", 128), ("convnext_atto", 128), ("inception_v3", 128)]
)
def test_other_nets_see_the_image_enlarged_until_their_last_map_is_four_pixels(name: str, side: int) -> None:
    model = built(name)
    assert isinstance(model, Enlarged)
    assert model.side == side


@pytest.mark.parametrize("name", ["mixer_s16_224", "levit_128", "maxvit_tiny_tf_224", "pit_ti_224", "vgg11"])
@pytest.mark.parametrize(("size", "channels", "classes"), [(32, 3, 100), (28, 1, 10)])
def test_hard_cases_classify_small_images(name: str, size: int, channels: int, classes: int) -> None:
    built(name, size, channels, classes)


def test_the_net_is_timms_own_with_a_random_start() -> None:
    torch.manual_seed(0)
    ours = build_timm("resnet10t", 10, 3, 32).eval()
    torch.manual_seed(0)
    theirs = timm.create_model("resnet10t", num_classes=10).eval()
    x = torch.randn(2, 3, 32, 32)
    large = torch.nn.functional.interpolate(x, size=(128, 128), mode="bilinear")
    with torch.no_grad():
        assert torch.equal(ours(x), theirs(large))


@pytest.mark.parametrize(("size", "tokens", "patch"), [(32, 14, 4), (32, 56, 1), (28, 14, 2), (30, 14, 2), (31, 14, 1)])
def test_a_patch_divides_the_image_into_no_more_than_the_nets_own_tokens(size: int, tokens: int, patch: int) -> None:
    assert fit_patch(size, tokens) == patch
