"""Nets whose batch norm sees single pixels; the oracle of the rule is torch's own error."""

import pytest
import torch

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Part, catalog
from engine.contract.recipe.conflicts import _smallest_part, lonely
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Choice
from engine.models.build import build_model
from engine.models.norms import normalizes_single_pixels
from tests.engine.models.shapes import ShapesOnly, blank

TABLE = {
    "epochs": 1, "batch_size": 128, "augmentation": [], "optimizer": "sgd", "data": {"name": "cifar10"},
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("part", catalog().parts("model"), ids=lambda part: part.name)
def test_the_mark_also_holds_for_images_of_28_px(part: Part) -> None:
    """At 32 px test_every_model.py holds each model to its mark."""
    with ShapesOnly():
        found = normalizes_single_pixels(blank(part.name, image_size=28), torch.zeros(1, 3, 28, 28, device="meta"))
    assert found == part.meta.get("single_pixels", False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "part", [p for p in catalog().parts("model") if p.meta.get("single_pixels")], ids=lambda p: p.name
)
def test_torch_itself_refuses_one_image_in_these_nets(part: Part) -> None:
    model = build_model(Choice(name=part.name), num_classes=10, catalog=catalog())
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        model(torch.randn(1, 3, 32, 32))
    assert model(torch.randn(2, 3, 32, 32)).shape == (2, 10)


def test_parts_are_as_large_as_torch_cuts_them() -> None:
    for images in range(1, 40):
        for parts in range(1, images + 1):
            cut = min(len(part) for part in torch.zeros(images).chunk(parts))
            assert _smallest_part(images, parts) == cut, (images, parts)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch_size": 1}, "batch_size = 1; use 2 or more"),
        ({"batch_size": 8, "compute": {"accumulate": 8}}, "splits a batch of 8 into parts as small as 1"),
        ({"batch_size": 7, "compute": {"accumulate": 3}}, "splits a batch of 7 into parts as small as 1"),
        ({"batch_size": 49_999, "last_batch": "keep"}, 'the last batch of 50,000 images has 1, .* last_batch = "drop"'),
        ({"batch_size": 3, "last_batch": "keep"}, None),  # 50,000 = 3 * 16,666 + 2
        ({"batch_size": 49_999}, None),
        ({"batch_size": 8, "compute": {"accumulate": 4}}, None),
    ],
)
def test_an_image_alone_is_refused_before_anything_is_started(changes, said) -> None:
    for model in ("cvt_seed", "sk_resnext29_16x32d"):
        table = TABLE | {"model": model} | changes
        if said is None:
            resolve(table, catalog())
        else:
            with pytest.raises(BadInput, match=f"{model} normalizes maps of 1x1 px.*{said}"):
                resolve(table, catalog())
    assert resolve(TABLE | {"model": "resnet18"} | changes, catalog()).batch_size == changes["batch_size"]


def test_how_many_images_are_left_may_only_be_known_to_the_trainer() -> None:
    recipe = resolve(TABLE | {"model": "cvt_seed", "batch_size": 64, "last_batch": "keep"}, catalog())
    assert "the last batch of 129 images has 1" in lonely(recipe, 129)
    assert lonely(recipe, 128) == lonely(recipe, 0) == ""
