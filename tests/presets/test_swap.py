"""Another part by name: its own options begin anew, those that all parts of the kind share stay, and it is said."""

import pytest

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Recipe
from presets import loader, references
from presets.loader import Edits, edit, reset_by

PARTS = catalog()
TABLE = {
    "epochs": 20,
    "batch_size": 128,
    "model": {"name": "resnet34", "init": "torch", "ghost_batch": 32},
    "augmentation": ["random_crop", {"name": "cutout", "length": 8}],
    "optimizer": {"name": "sgd", "lr": 0.2, "nesterov": True, "weight_decay": 5e-4, "clip_norm": 1.0,
                  "sharpness": "sam", "rho": 0.1},
    "schedule": {"name": "cosine", "final": 0.01, "warmup": 5.0, "warmup_start": 0.1, "momentum_low": 0.5},
    "averaging": {"name": "ema", "decay": 0.9},
}  # fmt: skip


def made(*sets: str, **flags: str) -> Recipe:
    return resolve(edit(TABLE, Edits(sets=sets, **flags), PARTS), PARTS)


def own(kind: str, name: str) -> dict[str, object]:
    """The defaults of a part's signature, read by the catalog."""
    return {param.name: param.default for param in PARTS.get(kind, name).params}


@pytest.mark.parametrize("way", ["optimizer.name=", "optimizer="])
@pytest.mark.parametrize("name", [name for name in PARTS.names("optimizer") if name != "sgd"])
def test_every_other_optimizer_begins_with_its_own_options_and_keeps_the_shared_ones(name, way):
    options = made(f"{way}{name}").optimizer.options
    assert {key: options[key] for key in own("optimizer", name)} == own("optimizer", name)
    shared = {param.name: param.default for param in COMMON["optimizer"]} | {
        "clip_norm": 1.0, "sharpness": "sam", "rho": 0.1,
    }  # fmt: skip
    assert {key: options[key] for key in shared} == shared


@pytest.mark.parametrize("order", [1, -1])
def test_what_is_given_beside_the_name_holds_in_either_order(order):
    options = made(*["optimizer.lr=0.05", "optimizer.name=muon"][::order]).optimizer.options
    assert (options["lr"], options["weight_decay"]) == (0.05, 0.0)


def test_a_schedule_keeps_the_warm_up_and_says_itself_whether_it_moves_by_epochs():
    for recipe in (made("schedule.name=multistep"), made("schedule=multistep"), made(schedule="multistep")):
        options = recipe.schedule.options
        assert "final" not in options
        assert (options["milestones"], options["by"], options["offset"]) == ((0.3, 0.6, 0.8), "epoch", 0)
        assert (options["warmup"], options["warmup_start"], options["momentum_low"]) == (5.0, 0.1, 0.5)
    assert made(schedule="cosine_warmup").schedule.options["warmup"] == 5.0
    assert made(schedule="linear_warmup").schedule.options["warmup"] == 2.0, "a named part may give a shared option"


def test_a_model_keeps_its_ghost_batches_and_loses_its_start():
    for recipe in (made("model.name=resnet18"), made("model=resnet18"), made(model="resnet18")):
        options = recipe.model.options
        assert (recipe.model.name, options["ghost_batch"], options["init"]) == ("resnet18", 32, "he")


def test_the_name_that_is_there_already_changes_nothing():
    assert made("model.name=ResNet34") == made("schedule.name=cosine") == made("optimizer.name=sgd") == made()
    assert made("averaging.name=ema").averaging.options["decay"] == 0.9


def test_an_averaging_and_a_loss_share_nothing_with_others():
    assert made("averaging.name=swa").averaging.options == own("averaging", "swa")


def test_an_op_of_another_name_begins_with_its_own_options():
    op = made("augmentation.cutout.name=random_erasing").augmentation[1]
    assert (op.name, op.options) == ("random_erasing", own("op", "random_erasing"))


def told(*sets: str, **flags: str) -> list[str]:
    edits = Edits(sets=sets, **flags)
    return reset_by(made(), resolve(edit(TABLE, edits, PARTS), PARTS), edits, PARTS)


def test_one_line_a_part_names_what_was_reset():
    assert told("optimizer.name=muon") == [
        "optimizer: muon starts from its own options: lr 0.02 (was 0.2), momentum 0.95 (was 0.9), weight_decay 0 (was 0.0005)"
    ]
    assert told("optimizer.name=adam", "optimizer.lr=0.01") == [
        "optimizer: adam starts from its own options: weight_decay 0 (was 0.0005); without nesterov on of sgd"
    ]
    assert told(model="resnet18", schedule="multistep") == [
        "model: resnet18 starts from its own options: init he (was torch)",
        "schedule: multistep starts from its own options: without final 0.01 of cosine",
    ]


def test_nothing_is_said_where_no_part_was_swapped():
    assert told("optimizer.lr=0.01", "schedule.warmup=1", "epochs=9") == []


RULE = {"match": "conv1.*", "lr": 2.0, "decay": 1.0, "until": 0.5}
RULED = TABLE | {"optimizer": TABLE["optimizer"] | {"groups": [RULE]}}


def rules_after(*sets: str, **flags: str) -> tuple[list[dict[str, object]], list[str]]:
    """The rules for parameters after these changes, and the lines about them."""
    edits = Edits(sets=sets, **flags)
    recipe = resolve(edit(RULED, edits, PARTS), PARTS)
    lines = reset_by(resolve(RULED, PARTS), recipe, edits, PARTS)
    return recipe.to_table()["optimizer"]["groups"], [line for line in lines if "groups" in line]


def test_another_model_starts_with_the_rules_of_its_own_mark():
    for flags in ({"sets": ["model=airbench94"]}, {"sets": ["model.name=airbench94"]}, {"model": "airbench94"}):
        sets = flags.pop("sets", [])
        groups, lines = rules_after(*sets, **flags)
        assert [group["match"] for group in groups] == ["whiten.bias"]
        assert lines == ["optimizer: groups are those of airbench94"]
    assert rules_after("model=lenet") == ([], ["optimizer: groups are those of lenet"])
    mine = '[{match = "*.bias", lr = 2}]'
    groups, lines = rules_after("model=lenet", f"optimizer.groups={mine}")
    assert [group["match"] for group in groups] == ["*.bias"] and lines == []


def test_another_optimizer_or_width_keeps_the_rules():
    for change in ("optimizer=muon", "optimizer.name=adamw", "model.init=he", "model.name=resnet34"):
        assert rules_after(change) == ([RULE], [])


def test_a_preset_and_a_row_can_be_swapped_as_well():
    assert (
        references.recipe_of("quickstart", PARTS, Edits(sets=["optimizer.name=muon"])).optimizer.options["lr"] == 0.02
    )
    row = references.recipe_of("suite:tricks_3_6/sam", PARTS, Edits(sets=["optimizer.name=muon"])).optimizer.options
    assert (row["lr"], row["sharpness"], row["rho"]) == (0.02, "sam", 0.5)


def test_every_named_schedule_says_how_it_moves():
    """Else it would move as the schedule that it takes the place of."""
    for name in loader.paths("schedules"):
        assert {"by", "offset"} <= set(loader.part_table("schedules", name)), name
