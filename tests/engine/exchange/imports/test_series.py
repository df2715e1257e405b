"""What tags mean, from the names that people really use."""

import numpy as np
import pytest

from engine.contract.errors import BadInput
from engine.exchange.imports.points import Points
from engine.exchange.imports.series import Meaning, check_map, check_names, checked, meanings


def series(*tags, given=None, val_is_test=False):
    found = meanings(dict.fromkeys(tags, ""), given or {}, val_is_test)
    return [found[tag].series for tag in tags]


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("Loss/Training", "train_loss"), ("Accuracy/Test", "test_accuracy"), ("loss/train", "train_loss"),
        ("train/loss", "train_loss"), ("trainLoss", "train_loss"), ("train_loss_epoch", "train_loss"),
        ("train_loss_step", "step.loss"), ("batch_loss", "step.loss"), ("val_loss", "holdout_loss"),
        ("valid/accuracy", "holdout_accuracy"), ("eval_top1", "holdout_accuracy"), ("validation/acc@1", "holdout_accuracy"),
        ("test-top-1", "test_accuracy"), ("test_acc5", "test_top5"), ("eval_top5", "other"), ("dev/acc", "holdout_accuracy"),
        ("lr", "lr"), ("Learning Rate", "lr"), ("lr-SGD", "lr"), ("lr-AdamW/pg1", "lr"), ("epoch", "epoch"),
        ("train/cross_entropy", "train_loss"), ("epoch_sparse_categorical_accuracy", "other"),
        ("loss_bbox/train", "other"), ("train/loss/aux", "other"), ("Accuracy", "other"), ("gpu/mem", "other"),
        ("train_val_gap/loss", "other"), ("grad_norm", "other"), ("hp_metric", "other"),
    ],
)  # fmt: skip
def test_a_tag_means_what_its_words_say_or_nothing(tag, name):
    assert series(tag) == [name]


def test_bare_names_are_of_training_where_val_names_stand_beside_them():
    """As Keras calls them."""
    assert series("loss", "accuracy", "val_loss", "val_accuracy") == [
        "train_loss", "train_accuracy", "holdout_loss", "holdout_accuracy",
    ]  # fmt: skip


def test_of_two_tags_for_one_series_the_second_is_kept_as_it_is():
    assert series("loss/train", "train_loss") == ["train_loss", "other"]
    assert series("train_loss", "train_loss_epoch") == ["other", "train_loss"]


def test_the_user_has_the_last_word():
    assert series("metric", "test/acc", given={"metric": "test_accuracy"}) == ["test_accuracy", "other"]
    assert series("test/acc", given={"test/acc": "other"}) == ["other"]
    assert series("val_acc", given={"val_acc": "val_accuracy"}, val_is_test=True) == ["holdout_accuracy"]
    assert series("val_acc", "eval_loss", val_is_test=True) == ["test_accuracy", "test_loss"]


def test_an_unknown_series_or_tag_is_named_with_the_nearest():
    with pytest.raises(BadInput, match="--map metric=tst_accuracy: .*did you mean test_accuracy"):
        check_names({"metric": "tst_accuracy"})
    with pytest.raises(BadInput, match="--map mtric=lr: no run has this tag; did you mean metric"):
        check_map({"mtric": "lr"}, ["metric"])


@pytest.mark.parametrize(
    ("values", "meaning"),
    [
        ([0.1, 0.9], Meaning("test_accuracy")), ([0.1, 90.0], Meaning("test_accuracy", percent=True)),
        ([1.0, 1.4], None), ([0.5, 250.0], None), ([-0.1, 0.5], None),
        ([np.nan, 0.5], Meaning("test_accuracy")), ([0.9, 1.2], None),
    ],
)  # fmt: skip
def test_the_unit_is_decided_by_the_whole_series(values, meaning):
    points = Points(np.arange(2.0), np.zeros(2), np.array(values), 2)
    found = checked(Meaning("test_accuracy"), points)
    assert found == meaning or (meaning is None and found.series == "other" and "not test_accuracy" in found.note)
