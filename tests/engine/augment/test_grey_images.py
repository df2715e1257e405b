"""Ops on images of one channel and 28 pixels: each works on them, or its mark says that it needs colours."""

import pytest
import torch

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve

PARTS = catalog().parts("op")
COLOUR = [part.name for part in PARTS if part.meta.get("colour")]


def table(*ops: str) -> dict[str, object]:
    return {
        "epochs": 1,
        "batch_size": 8,
        "model": "lenet",
        "data": {"name": "mnist"},
        "optimizer": {"name": "sgd", "lr": 0.1},
        "augmentation": list(ops),
    }


@pytest.mark.parametrize("part", [part for part in PARTS if part.name not in COLOUR], ids=lambda part: part.name)
def test_an_op_works_on_grey_images_unless_its_mark_asks_for_colours(part, pipeline):
    combines = any(param.type == "list[Op]" for param in part.params)
    op = (part.name, {"of": ["mixup", "cutmix"]}) if combines else part.name
    x = torch.randint(0, 256, (200, 1, 28, 28), dtype=torch.uint8)
    out, targets = pipeline(op, mean=(0.5,), std=(0.25,))(x, torch.arange(200) % 10, 0, 0)
    assert (out.shape, out.dtype) == (x.shape, torch.float32)
    assert out.isfinite().all()
    torch.testing.assert_close(targets.sum(1), torch.ones(200))


@pytest.mark.parametrize("name", COLOUR)
def test_an_op_on_colours_is_refused_for_grey_images(name):
    with pytest.raises(BadInput, match=f"augmentation: {name} changes colors, but the images of mnist are gray"):
        resolve(table(name), catalog())


def test_it_is_refused_within_a_combinator_too():
    within = table() | {"augmentation": [{"name": "with_probability", "of": ["color_jitter"]}]}
    with pytest.raises(BadInput, match="color_jitter changes colors"):
        resolve(within, catalog())


def test_ops_that_only_move_pixels_are_taken():
    assert resolve(table("random_crop", "horizontal_flip", "mixup"), catalog()).data.name == "mnist"
