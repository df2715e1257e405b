"""What the form editor does with a value: what is wrong and where, undo, choices, and the changes."""

from pathlib import Path

import pytest

from engine.contract.recipe.catalog import catalog
from engine.contract.run.store import Summary
from presets.loader import list_presets
from tui.forms.editor import FormEditor, field_at_fault
from tui.forms.options import options_of
from tui.plans.draft import Draft, from_flags

PRESETS = [info.name for info in list_presets()]


def editor(preset: str = "resnet34_cutmix", **flags) -> FormEditor:
    return FormEditor(from_flags({"preset": preset, **flags}), catalog(), [Path("/nowhere")])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("epochs", "0"), ("epochs", "many"), ("batch_size", "-1"), ("optimizer.lr", "nan"), ("optimizer.lr", "-1"),
        ("optimizer.momentum", "2"), ("schedule.warmup", "-1"), ("data.fraction", "1.5"), ("data.name", "imagenet"),
        ("augmentation.random_crop.padding", "99"), ("augmentation.choice.cutmix.alpha", "-2"), ("place.seeds", "x"),
        ("place.gpus", "0"), ("place.device", "tpu"), ("compute.precision", "fp8"), ("loss.label_smoothing", "7"),
    ],
)  # fmt: skip
def test_a_bad_value_stays_in_its_field_with_the_message(path, value):
    made = editor()
    before = made.recipe
    made.put(path, value)
    assert list(made.problems) == [path]
    assert made.recipe == before
    assert next(field for field in made.fields() if field.path == path).text == value
    made.undo()
    assert made.problems == {}


def test_a_conflict_between_fields_blames_what_was_changed_last():
    made = editor()
    made.put("schedule.warmup_start", "0.1")
    made.put("schedule.warmup", "400")
    made.put("epochs", "100")
    assert list(made.problems) == ["schedule.warmup"]  # the message names it
    made.undo()
    assert made.problems == {}


def test_undo_goes_back_one_change_at_a_time_and_then_stops():
    made = editor()
    made.put("epochs", "7")
    made.put("epochs", "8")
    assert made.undo() == "epochs"
    assert made.recipe.epochs == 7
    assert made.undo() == "epochs"
    assert made.recipe.epochs == 500
    assert made.undo() == ""


def test_the_presets_own_value_is_no_change():
    made = editor()
    made.put("epochs", "7")
    made.put("epochs", "500")
    assert made.draft == Draft("resnet34_cutmix")
    assert made.changed == 0


def test_a_message_is_blamed_on_the_field_that_it_names():
    paths = ["optimizer", "optimizer.lr", "schedule.warmup", "place.device", "epochs"]
    assert field_at_fault("resnet34_cutmix: optimizer.lr: got -1, needs > 0", paths) == "optimizer.lr"
    assert field_at_fault("device cuda: no GPU is visible", paths) == "place.device"
    assert field_at_fault("--set epochs=x: needs a whole number", paths) == "epochs"
    assert field_at_fault("something else entirely", paths) == ""


def test_every_field_with_choices_offers_them():
    made = editor()
    for field in made.fields():
        if field.param.type in ("part", "ops", "choice", "bool"):
            values = [option.value for option in options_of(field, made, catalog())]
            assert len(values) >= 1 and len(set(values)) == len(values), field.path
            if field.param.type in ("choice", "bool"):
                assert field.text in values
    model = next(field for field in made.fields() if field.path == "model")
    assert {"lenet", "resnet34", "resnet34_zero_init"} <= {
        option.value for option in options_of(model, made, catalog())
    }


def test_a_teacher_is_picked_from_the_finished_runs_on_the_same_data():
    made = editor()
    made.put("loss", "distillation")
    teacher = next(field for field in made.fields() if field.path == "loss.teacher")
    rows = [
        Summary("20261122-101530-k3f9", "big", "finished", model="resnet56", data="cifar10", last_accuracy=0.934),
        Summary("20261122-101530-aaaa", status="stopped", data="cifar10"),
        Summary("20261122-101530-bbbb", status="finished", data="cifar100"),
    ]
    (option,) = options_of(teacher, made, catalog(), rows)
    assert "93.40 %" in option.detail and "big" in option.detail and "resnet56" in option.detail
    made.put("loss.teacher", option.value)
    assert not made.problems and made.recipe.loss.options["teacher"] == "20261122-101530-k3f9"


def test_initial_weights_are_typed_and_a_file_that_does_not_fit_marks_their_field():
    made = editor()
    field = next(field for field in made.fields() if field.path == "init_from")
    assert (field.label, field.group, field.text, field.picked) == ("start from", "training", "", False)
    made.put("init_from", "/x/best file.pth")
    assert not made.problems and made.recipe.init_from == "/x/best file.pth"
    assert "--init-from '/x/best file.pth'" in made.draft.command_line()
    made.mark_problems(["init_from: /x/best file.pth: no such file"])
    assert made.problems == {"init_from": "init_from: /x/best file.pth: no such file"}
    made.put("init_from", "")
    assert made.recipe.init_from == "" and not made.problems


def test_each_model_offered_can_be_picked():
    made = editor()
    model = next(field for field in made.fields() if field.path == "model")
    for option in options_of(model, made, catalog()):
        made.put("model", option.value)
        assert not made.problems, option.value


def test_what_a_text_would_change_can_be_tried_without_changing_anything():
    made = editor()
    before = made.draft, made.recipe, dict(made.problems)
    trial = made.trying("epochs", "0")
    assert trial.problems == {"epochs": "epochs: got 0, needs >= 1"} and made.trying("epochs", "7").recipe.epochs == 7
    assert (made.draft, made.recipe, made.problems) == before and made.undo() == ""


def test_the_changes_are_the_fields_that_differ_those_of_the_user_first():
    made = editor("quickstart")
    made.put("optimizer", "muon")
    made.put("epochs", "5")
    paths = [field.path for field in made.changes(made.fields())]
    assert set(paths[:2]) == {"optimizer", "epochs"} and "optimizer.lr" in paths[2:]
    assert not made.reset("optimizer.lr") and made.reset("optimizer")
    assert [field.path for field in made.changes(made.fields())] == ["epochs"]
