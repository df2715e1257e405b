"""Grids: how values are written, and which items their product has."""

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from tui.plans.configured import placement_of
from tui.plans.grid import axis, items
from tui.plans.resolution import Resolver

PARTS = catalog()


def grid(*varied, presets=("quickstart",), **flags):
    made = items({preset: preset for preset in presets}, varied, flags, Resolver(PARTS))
    return {item.label: item.resolution.recipe for item in made}


@pytest.mark.parametrize(
    ("text", "key", "values"),
    [
        ("optimizer.lr=0.1,0.2", "optimizer.lr", ("0.1", "0.2")),
        ("lr=.1", "optimizer.lr", (".1",)),
        ("batch-size=64, 128", "batch_size", ("64", "128")),
        ("schedule.milestones=[0.3,0.6];[0.5,0.75]", "schedule.milestones", ("[0.3,0.6]", "[0.5,0.75]")),
        ("schedule.milestones=[0.3,0.6],[0.5,0.75]", "schedule.milestones", ("[0.3,0.6]", "[0.5,0.75]")),
        ("schedule.milestones=[0.3,0.6];", "schedule.milestones", None),
        ("add-op=-;cutout:length=8,holes=1", "add_op", ("-", "cutout:length=8,holes=1")),
        ("schedule={name='cosine',warmup=1},multistep", "schedule", ("{name='cosine',warmup=1}", "multistep")),
        ("data.name='a,b',c", "data.name", ("'a,b'", "c")),
    ],
)
def test_values_are_split_where_the_user_means_it(text, key, values):
    if values is None:
        with pytest.raises(BadInput, match="an empty value"):
            axis(text)
    else:
        assert (axis(text).key, axis(text).values) == (key, values)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lr", "write key=value"), ("=1", "write key=value"), ("lr=", "write key=value"), ("lr=1,,2", "an empty value"),
        ("lr=1,2,1", "1 is listed twice"), ("seed=1,2", "--seeds"), ("seeds=1,2", "--seeds"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_axis_is_one_line(text, said):
    with pytest.raises(BadInput, match=said):
        axis(text)


def test_a_grid_is_the_product_with_the_last_axis_fastest():
    found = grid("model=lenet,resnet20", "lr=0.1,0.05", presets=("quickstart", "resnet20_fast"))
    assert list(found)[:3] == [
        "quickstart model=lenet lr=0.1", "quickstart model=lenet lr=0.05", "quickstart model=resnet20 lr=0.1",
    ]  # fmt: skip
    assert len(found) == 8
    recipe = found["resnet20_fast model=lenet lr=0.05"]
    assert (recipe.model.name, recipe.optimizer.options["lr"], recipe.data.name) == ("lenet", 0.05, "cifar10")


def test_without_axes_a_grid_is_its_presets():
    assert list(grid(presets=("quickstart", "resnet20_fast"))) == ["quickstart", "resnet20_fast"]


def test_flags_hold_for_every_item_and_axes_go_over_them():
    found = grid("epochs=3,4", epochs=9, batch_size=64, sets=["schedule.warmup=1"], add_ops=["color_jitter"])
    assert {recipe.epochs for recipe in found.values()} == {3, 4}
    for recipe in found.values():
        assert (recipe.batch_size, recipe.schedule.options["warmup"]) == (64, 1.0)
        assert recipe.augmentation[-1].name == "color_jitter"


def test_ops_can_be_varied_and_left_out():
    found = grid("add_op=-;color_jitter:hue=0.1;mixup", "drop_op=-,horizontal_flip")
    names = {label: [op.name for op in recipe.augmentation] for label, recipe in found.items()}
    assert names["quickstart add_op=- drop_op=-"] == ["random_crop", "horizontal_flip"]
    assert names["quickstart add_op=mixup drop_op=horizontal_flip"] == ["random_crop", "mixup"]
    assert names["quickstart add_op=color_jitter:hue=0.1 drop_op=-"] == [
        "random_crop",
        "horizontal_flip",
        "color_jitter",
    ]


def test_a_schedule_and_its_options_can_be_varied_together():
    found = grid("schedule=multistep", "schedule.milestones=[0.3,0.6];[0.5,0.75]")
    assert [tuple(recipe.schedule.options["milestones"]) for recipe in found.values()] == [(0.3, 0.6), (0.5, 0.75)]


def test_a_grid_has_a_tag_of_its_own_that_stays_the_same():
    def tags(*varied):
        (item,) = items({"quickstart": "quickstart"}, varied, {"tags": ["mine"]}, Resolver(PARTS))[:1]
        return placement_of(item.resolution.draft).tags

    assert tags("lr=1,2") == tags("lr=1,2") and tags("lr=1,2")[1] == "mine"
    assert tags("lr=1,2")[0].startswith("grid:") and tags("lr=1,2")[0] != tags("lr=1,3")[0]


def test_all_problems_of_the_axes_are_named():
    with pytest.raises(BadInput) as caught:
        items({"quickstart": "quickstart"}, ["lr", "seed=1", "epochs=1", "epochs=2"], {}, Resolver(PARTS))
    assert len(caught.value.problems) == 3 and "--vary epochs: given twice" in caught.value.problems


def test_a_grid_without_end_is_refused_before_it_is_made():
    with pytest.raises(BadInput, match="1,000,000 combinations"):
        items(
            {"quickstart": "quickstart"},
            [f"{key}={','.join(map(str, range(100)))}" for key in ("a", "b", "c")],
            {},
            Resolver(PARTS),
        )
