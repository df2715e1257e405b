"""`--set`, `--add-op`, `--drop-op`, and the words for what changed."""

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.changes import changes, differences
from engine.contract.recipe.overrides import add_op, apply_set, drop_op, parse_value
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Recipe

PARTS = catalog()
TABLE = {
    "epochs": 3,
    "batch_size": 8,
    "model": "resnet20",
    "augmentation": [
        {"name": "random_crop", "padding": 4},
        "horizontal_flip",
        {"name": "choice", "of": ["mixup", {"name": "cutmix", "alpha": 0.5}]},
    ],
    "optimizer": {"name": "sgd", "lr": 0.1},
}
BASE = resolve(TABLE, PARTS)


def resolved(*texts: str) -> Recipe:
    table = TABLE
    for text in texts:
        table = apply_set(table, text)
    return resolve(table, PARTS)


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("epochs=7", ("epochs",), 7),
        ("optimizer.lr=5e-3", ("optimizer", "lr"), 0.005),
        ("optimizer.lr=.5", ("optimizer", "lr"), 0.5),
        ("optimizer.nesterov=true", ("optimizer", "nesterov"), True),
        ("model=lenet", ("model", "name"), "lenet"),
        ("schedule.warmup=1", ("schedule", "warmup"), 1.0),
        ("data.fraction=0.5", ("data", "fraction"), 0.5),
        ("compute.compile=default", ("compute", "compile"), "default"),
        ("augmentation.random_crop.padding=2", ("augmentation", 0, "padding"), 2),
        ("augmentation.horizontal_flip.probability=0.1", ("augmentation", 1, "probability"), 0.1),
        ("augmentation.choice.cutmix.alpha=0.2", ("augmentation", 2, "of", 1, "alpha"), 0.2),
        ("augmentation.choice.mixup.alpha=0.3", ("augmentation", 2, "of", 0, "alpha"), 0.3),
        ('title="a = b"', ("title",), "a = b"),
    ],
)
def test_set_reaches_any_field(text, path, value):
    found = resolved(text).to_table()
    for step in path:
        found = found[step]
    assert found == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs", "write key.path=value"),
        ("=3", "write key.path=value"),
        ("epoch=3", "unknown key epoch; did you mean epochs?"),
        ("epochs.x=3", "epochs has no fields of its own"),
        ("optimizer.momentun=1", "unknown key optimizer.momentun; did you mean momentum?"),
        ("optimizer.lr=big", "optimizer.lr: got 'big', needs a number, not text"),
        ("optimizer.lr=nan", "optimizer.lr: got nan"),
        ("optimizer.lr=-1", "optimizer.lr: got -1, needs > 0"),
        ("augmentation.cutout.length=8", "the recipe has no op 'cutout'; it has random_crop, horizontal_flip, choice"),
        ("augmentation.choice.cutout.length=8", "the recipe has no op 'cutout'; it has mixup, cutmix"),
        ("augmentation.random_crop=1", "name an option as well"),
    ],
)
def test_a_bad_set_says_why(text, message):
    with pytest.raises(BadInput) as error:
        resolved(text)
    assert message in str(error.value)


@pytest.mark.parametrize("id_", ["2014", "3e12", "0017", "true", '"2014"'])
def test_the_id_of_a_run_that_looks_like_a_number_stays_text(id_):
    table = apply_set({**TABLE, "loss": {"name": "distill"}}, f"loss.teacher={id_}")
    assert table["loss"]["teacher"] == apply_set(TABLE, f"init_from={id_}")["init_from"] == id_.strip('"')


def test_set_leaves_the_table_it_was_given_alone():
    before = repr(TABLE)
    apply_set(TABLE, "augmentation.choice.cutmix.alpha=0.2")
    drop_op(TABLE, "mixup")
    add_op(TABLE, "random_crop", PARTS)
    assert repr(TABLE) == before


def test_a_repeated_op_is_addressed_by_its_number():
    table = add_op(TABLE, "random_crop:padding=1", PARTS)
    table = apply_set(table, "augmentation.random_crop#2.padding=3")
    paddings = [op["padding"] for op in table["augmentation"] if isinstance(op, dict) and op["name"] == "random_crop"]
    assert paddings == [4, 3]
    assert len(drop_op(table, "random_crop#2")["augmentation"]) == 3
    assert len(drop_op(table, "random_crop")["augmentation"]) == 2


def test_an_image_op_is_added_in_front_of_the_mixers_and_a_mixer_at_the_end():
    assert add_op(TABLE, "color_jitter:hue=0.1,contrast=0.2", PARTS)["augmentation"][2] == {
        "name": "color_jitter",
        "hue": 0.1,
        "contrast": 0.2,
    }
    assert add_op(TABLE, "mixup", PARTS)["augmentation"][-1] == {"name": "mixup"}


def test_dropping_an_op_reaches_into_a_choice_and_an_absent_one_is_refused():
    assert drop_op(TABLE, "mixup")["augmentation"][2]["of"] == [{"name": "cutmix", "alpha": 0.5}]
    with pytest.raises(BadInput, match="no such op; it has random_crop, horizontal_flip, choice"):
        drop_op(TABLE, "cutout")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("1e-3", 0.001),
        (".5", 0.5),
        ("true", True),
        ("[1, 2]", [1, 2]),
        ("[.4914, .4822,1]", [0.4914, 0.4822, 1]),
        ("off", "off"),
        ('"1"', "1"),
        ("", ""),
    ],
)
def test_values_are_toml_where_they_can_be(text, value):
    assert parse_value(text) == value and type(parse_value(text)) is type(value)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ((), "-"),
        (("optimizer.lr=0.005",), "lr .1→.005"),
        (("batch_size=16", "augmentation.random_crop.padding=2"), "batch 8→16 random_crop.padding 4→2"),
        (("model=resnet18",), "model=resnet18"),
        (("optimizer.nesterov=true",), "nesterov off→on"),
        (("title=x",), "-"),
        (("averaging.name=swa", "averaging.start=0.5"), "averaging=swa averaging.start .5"),
        (("optimizer=muon",), "optimizer=muon lr .1→.02 momentum .9→.95 nesterov off→on"),
    ],
)
def test_changes_are_said_in_words(texts, words):
    assert changes(BASE, resolved(*texts), PARTS) == words


def test_ops_that_came_and_went_are_named():
    table = add_op(drop_op(TABLE, "cutmix"), "color_jitter", PARTS)
    assert changes(BASE, resolve(table, PARTS), PARTS) == "-cutmix +color_jitter"


def test_an_op_that_came_is_told_with_what_is_set_in_it():
    table = add_op(add_op(TABLE, "cutout:length=8,fill=black", PARTS), "random_crop", PARTS)
    assert changes(BASE, resolve(table, PARTS), PARTS) == "+cutout(length 8, fill black) +random_crop#2"


def test_differences_are_empty_only_for_equal_recipes():
    assert differences(BASE, BASE) == []
    assert differences(BASE, resolved("data.holdout=0.1")) == [("data.holdout", 0.0, 0.1)]
