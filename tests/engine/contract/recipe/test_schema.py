"""A recipe is closed, resolved, hashed and says what is wrong with a table."""

import json
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Placement, Recipe
from presets import loader, references

PARTS = catalog()
TABLE = {
    "epochs": 3,
    "batch_size": 8,
    "model": "lenet",
    "augmentation": ["random_crop", {"name": "choice", "of": ["mixup", {"name": "cutmix", "alpha": 0.5}]}],
    "optimizer": {"name": "sgd", "lr": 0.1},
}


def problems(**changed: object) -> list[str]:
    table = {**TABLE, **changed}
    with pytest.raises(BadInput) as error:
        resolve(table, PARTS)
    return error.value.problems


def test_every_default_is_filled_in():
    recipe = resolve(TABLE, PARTS)
    table = recipe.to_table()
    assert table["schedule"]["name"] == "cosine" and table["schedule"]["warmup"] == 0.0
    assert table["augmentation"][1]["of"][1]["alpha"] == 0.5
    assert table["optimizer"]["decay_norm_bias"] is True
    assert set(table) >= {
        "data",
        "model",
        "augmentation",
        "optimizer",
        "schedule",
        "loss",
        "averaging",
        "compute",
        "evaluate",
    }


@pytest.mark.parametrize("name", [info.name for info in loader.list_presets()])
def test_a_resolved_recipe_round_trips_through_toml(name):
    recipe = references.recipe_of(name, PARTS)
    again = resolve(tomllib.loads(recipe.to_toml()), PARTS)
    assert again == recipe and again.recipe_id == recipe.recipe_id
    assert json.loads(json.dumps(recipe.to_table())) == recipe.to_table()


def test_the_id_leaves_out_words_and_promises_and_nothing_else():
    recipe = resolve(TABLE, PARTS)
    promise = {"accuracy": 0.9, "source": "measured"}
    same = resolve({**TABLE, "title": "t", "description": "d", "promise": promise}, PARTS)
    assert same.recipe_id == recipe.recipe_id
    for change in ({"epochs": 4}, {"batch_size": 9}, {"last_batch": "keep"}, {"model": "resnet20"}, {"augmentation": []},
                   {"optimizer": {"name": "sgd", "lr": 0.2}}, {"data": {"fraction": 0.5}}, {"compute": {"precision": "fp32"}},
                   {"loss": {"name": "cross_entropy", "label_smoothing": 0.1}}, {"averaging": "ema"}):  # fmt: skip
        assert resolve({**TABLE, **change}, PARTS).recipe_id != recipe.recipe_id, change


def test_an_alias_and_the_order_of_keys_do_not_change_the_id():
    straight = resolve({**TABLE, "model": "resnet18"}, PARTS)
    turned = resolve(dict(reversed({**TABLE, "model": "ResNet18"}.items())), PARTS)
    assert straight.recipe_id == turned.recipe_id


def test_ricap_after_a_crop_is_allowed_to_those_who_ask_for_it():
    augmentation = ["random_crop", {"name": "ricap", "after_crop": True}]
    assert resolve({**TABLE, "augmentation": augmentation}, PARTS).augmentation[1].options["after_crop"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"epoch": 3}, "unknown key epoch; did you mean epochs?"),
        ({"data": {"nam": "cifar10"}}, "unknown key data.nam; did you mean name?"),
        ({"optimizer": {"name": "sgd", "momentun": 0.9}}, "unknown key optimizer.momentun; did you mean momentum?"),
        ({"augmentation": [{"name": "random_crop", "paddin": 1}]}, "unknown key augmentation.random_crop.paddin"),
        ({"model": "resnet33"}, "model: unknown model 'resnet33'; did you mean resnet34"),
        ({"augmentation": ["cutmixx"]}, "augmentation.cutmixx: unknown augmentation op 'cutmixx'; did you mean cutmix?"),
        ({"data": {"name": "cifar"}}, "data.name: unknown data set 'cifar'; did you mean cifar1"),
        ({"epochs": 0}, "epochs: got 0, needs >= 1"),
        ({"epochs": True}, "epochs: got True, needs a number, not true or false"),
        ({"epochs": "3"}, "epochs: got '3', needs a number, not text"),
        ({"batch_size": 2.5}, "batch_size: got 2.5, needs a whole number"),
        ({"epochs": 0.5}, "epochs: got 0.5, needs >= 1"),
        ({"epochs": "9.9"}, "epochs: got '9.9', needs a number, not text"),
        ({"batch_size": -1}, "batch_size: got -1, needs >= 1"),
        ({"batch_size": 10**12}, "batch_size: got 1000000000000, needs <= 1000000"),
        ({"data": {"fraction": float("nan")}}, "data.fraction: got nan, needs a finite number"),
        ({"data": {"fraction": 1.5}}, "data.fraction: got 1.5, needs <= 1"),
        ({"optimizer": {"name": "sgd", "lr": float("inf")}}, "optimizer.lr: got inf, needs"),
        ({"optimizer": {"name": "sgd", "lr": -0.1}}, "optimizer.lr: got -0.1, needs > 0"),
        ({"compute": {"precision": "fp16"}}, "compute.precision: got 'fp16', needs 'auto', 'bf16' or 'fp32'"),
        ({"augmentation": ["mixup", "cutmix"]}, "mixup and cutmix both mix the whole batch; put them in one `choice`"),
        (
            {"augmentation": [{"name": "choice", "of": [{"name": "with_probability", "of": ["mixup"]}]}, "cutmix"]},
            "choice and cutmix both mix the whole batch",
        ),
        ({"augmentation": ["mixup", "random_crop"]}, "random_crop works on single images and must come before mixup"),
        (
            {"augmentation": ["random_crop", "ricap"]},
            "ricap cannot be combined with random_crop; drop one of them, or set ricap.after_crop",
        ),
        (
            {"augmentation": ["translate", {"name": "choice", "of": ["mixup", "ricap"]}]},
            "ricap cannot be combined with translate; drop one of them, or set ricap.after_crop",
        ),
        ({"augmentation": ["ricap", "cutmix"]}, "ricap and cutmix both mix the whole batch; put them in one `choice`"),
        (
            {"augmentation": [{"name": "with_probability", "of": ["alternating_flip"]}]},
            "alternating_flip depends on what happened to each image in the previous epoch, but with_probability picks images",
        ),
        (
            {"augmentation": [{"name": "random_erasing", "area_min": 0.5}]},
            "augmentation.random_erasing.area_min: got 0.5, needs <= 0.4, which is area_max",
        ),
        (
            {"augmentation": [{"name": "choice", "of": ["mixup", "cutmix"], "weights": [1.0]}]},
            "augmentation.choice.weights: 1 values for 2 in of; give one for each, or none",
        ),
        ({"augmentation": ["choice"]}, "augmentation.choice.of: needs at least one op"),
        ({"schedule": {"name": "cosine", "warmup": 3}}, "schedule.warmup: 3 epochs of warm-up do not fit into 3 epochs"),
        ({"model": 5}, "model: expected the name of the model or a table with its name, not 5"),
        ({"augmentation": 7}, "augmentation: expected a list of ops, not 7"),
        ({"data": 3}, "data: got 3, needs a table"),
        ({"promise": {"accuracy": 96.47, "source": "x"}}, "promise.accuracy: got 96.47, needs <= 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(changed, message):
    found = problems(**changed)
    assert any(message in line for line in found), found
    assert all("\n" not in line for line in found)


def test_all_problems_are_reported_at_once():
    found = problems(epochs=0, model="nope", optimizer={"name": "sgd", "lr": "x"})
    assert len(found) == 3


@settings(max_examples=60, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)),
       st.sampled_from([*Recipe.model_fields]))  # fmt: skip
def test_no_value_anywhere_gives_anything_but_a_recipe_or_problems(value, key):
    try:
        recipe = resolve({**TABLE, key: value}, PARTS)
    except BadInput as error:
        assert error.problems
    else:
        assert recipe.recipe_id


def test_placement_is_closed_too():
    with pytest.raises(ValueError, match="device"):
        Placement(device="gpu0")
    assert Placement(device="cuda:1").gpus == 1
