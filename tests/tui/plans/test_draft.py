"""Drafts: a form's state as a command line and back."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Placement
from tui.forms.editor import FormEditor
from tui.plans.configured import placement_of
from tui.plans.draft import Draft, from_flags, parse_seeds
from tui.plans.resolution import Resolver


def test_a_draft_is_its_command_line():
    draft = (
        Draft("resnet34_cutmix")
        .put("optimizer.lr", "0.01")
        .put("epochs", "5")
        .put("optimizer.momentum", "0.8")
        .put("place.seeds", "0-4")
        .put("place.name", "paper v2")
        .toggle_op("color_jitter", present=True)
    )
    assert draft.command_line() == (
        "cifar-tui --preset resnet34_cutmix --epochs 5 --lr 0.01 --set optimizer.momentum=0.8 --drop-op color_jitter "
        "--seeds 0-4 --name 'paper v2' --headless --detach"
    )


def test_the_command_line_resolves_to_the_same_recipe_as_the_form():
    made = FormEditor(from_flags({"preset": "resnet34_cutmix"}), catalog(), [Path("/nowhere")])
    for path, value in (
        ("model", "resnet18"),
        ("schedule", "constant"),
        ("optimizer", "adamw"),
        ("optimizer.lr", "0.002"),
    ):
        made.put(path, value)
    made.change(made.draft.toggle_op("color_jitter", present=True), "augmentation.ops")
    assert not made.problems
    words = made.draft.command()
    values = {flag: words[words.index(flag) + 1] for flag in ("--model", "--schedule", "--lr", "--drop-op", "--set")}
    again = from_flags({
        "preset": words[2], "model": values["--model"], "schedule": values["--schedule"], "lr": values["--lr"],
        "sets": [values["--set"]], "drop_ops": [values["--drop-op"]],
    })  # fmt: skip
    assert Resolver(catalog()).take(again, "resnet34_cutmix").recipe.recipe_id == made.recipe.recipe_id
    assert made.recipe.optimizer.name == "adamw"


def test_another_part_forgets_the_options_of_the_old_one():
    draft = Draft("resnet34_cutmix").put("optimizer.momentum", "0.5").put("optimizer", "adam")
    assert dict(draft.sets) == {"optimizer": "adam"}
    assert Resolver(catalog()).take(draft, "resnet34_cutmix").recipe.optimizer.name == "adam"


def test_dropping_and_adding_an_op_again_changes_nothing():
    draft = Draft("resnet34_cutmix")
    assert draft.toggle_op("color_jitter", present=True).toggle_op("color_jitter", present=False) == draft
    assert draft.toggle_op("cutout", present=False).toggle_op("cutout", present=True) == draft


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("0", [0]), ("7", [7]), ("0-4", [0, 1, 2, 3, 4]), ("0,3,7", [0, 3, 7]), (" 1 - 2 , 9", [1, 2, 9])],
)
def test_seeds_are_numbers_ranges_and_lists(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "4-1", "1,1", "-3", "0-100000", "1.5", "0--4", "9" * 40])
def test_bad_seeds_are_refused_with_a_reason(text):
    with pytest.raises(BadInput, match="seeds"):
        parse_seeds(text)


@given(st.text(max_size=20))
def test_seeds_never_fail_in_another_way(text):
    try:
        assert parse_seeds(text)
    except BadInput as error:
        assert error.problems


def test_five_seeds_on_the_command_line_are_the_first_five():
    assert from_flags({"preset": "x", "seeds": "5"}).seeds() == [0, 1, 2, 3, 4]
    assert from_flags({"preset": "x", "seed": "5"}).seeds() == [5]
    assert from_flags({"preset": "x"}).seeds() == [0]


def test_placement_is_typed_as_text_and_checked():
    draft = from_flags(
        {"preset": "x", "device": "cpu", "gpus": 2, "tags": ["a", "b"], "wait_free": 3.5, "name": "0123"}
    )
    assert placement_of(draft) == Placement(device="cpu", gpus=2, tags=("a", "b"), wait_free_gb=3.5, name="0123")
    with pytest.raises(BadInput, match="gpus"):
        placement_of(Draft("x").put("place.gpus", "none"))


@pytest.mark.parametrize(("value", "text"), [(9.9, "9.9"), (9.0, "9"), (9, "9")])
def test_epochs_stand_in_the_command_as_the_recipe_writes_them(value, text):
    draft = from_flags({"preset": "quickstart", "epochs": value})
    assert draft.sets == {"epochs": text} and f"--epochs {text} " in draft.command_line()
