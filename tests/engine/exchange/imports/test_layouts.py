"""The layouts of real loggers, from the files that these have written."""

import math
import shutil

import numpy as np
import pytest

from engine.contract.errors import BadInput
from engine.exchange.imports.layouts import find_runs
from engine.exchange.imports.scalars import read_scalars


def meant(one):
    return {scalar.tag: scalar.meaning.series for scalar in one.scalars}


@pytest.mark.parametrize("kind", ["tb", "csv"])
def test_lightning(foreign_logs, imported, kind):
    run, history = imported(foreign_logs / "lightning" / kind)
    assert run.info().layout == "lightning"
    assert history.epoch("epoch").tolist() == [1, 2, 3]
    assert history.epoch("holdout_accuracy").tolist() == [0.25, 0.5, 0.75]
    assert np.isfinite(history.epoch("holdout_loss")).all() and np.isnan(history.epoch("test_accuracy")).all()
    assert history.step("epoch").tolist() == [1] * 3 + [2] * 3 + [3] * 3
    assert history.step("step").tolist() == [1, 2, 3] * 3 and history.started.steps_per_epoch == 3
    per_epoch = history.step("loss").reshape(3, 3).mean(1)
    assert history.epoch("train_loss") == pytest.approx(per_epoch, rel=1e-6)
    assert history.best is None and history.course.best_on == "holdout"
    settings = run.info().imported["settings"]
    assert float(settings["lr"]) == 0.1


def test_the_placeholder_of_lightning_is_no_series(foreign_logs, plans):
    (one,) = plans(foreign_logs / "lightning" / "tb").values()
    assert [(scalar.tag, scalar.points.values.tolist()) for scalar in one.others] == [("hp_metric", [-1.0])]


def test_timm(foreign_logs, imported):
    run, history = imported(foreign_logs / "timm")
    assert (run.info().layout, run.info().model, run.info().seed) == ("timm", "resnet18", 42)
    assert history.epoch("epoch").tolist() == [1, 2, 3]
    assert history.epoch("holdout_accuracy").tolist() == [0.4, 0.5, 0.6]
    assert history.epoch("train_loss").tolist() == [2.0, 1.5, 1.0] and history.epoch("lr")[0] == 0.05
    assert run.info().imported["percent"] == ["eval_top1"]
    assert read_scalars(run.path)["eval_top5"].value.tolist() == [80.0] * 3


def test_keras_train_and_validation_are_one_run_with_all_points(foreign_logs, imported):
    run, history = imported(foreign_logs / "keras")
    assert run.info().layout == "keras" and len(history.epochs) == 12
    assert history.epoch("train_accuracy") == pytest.approx(np.arange(12) / 12, abs=1e-7)
    assert history.epoch("holdout_loss") == pytest.approx(1 / (1 + np.arange(12)) + 0.1, abs=1e-6)
    assert history.epoch("lr").tolist() == [0.01] * 12


def test_the_folders_of_add_scalars_and_add_hparams_belong_to_their_run(foreign_logs, plans):
    found = plans(foreign_logs / "torch")
    assert set(found) == {"plain", "steps", "unevaluated", "resumed", "ended badly"}
    plain = found["plain"]
    assert meant(plain) == {
        "Accuracy/val": "holdout_accuracy", "gpu memory": "other", "hparam/accuracy": "other",
        "Loss/train": "train_loss", "Loss/val": "holdout_loss",
    }  # fmt: skip
    assert plain.settings == {"lr": 0.1, "model": "lenet", "nesterov": True}
    assert [epoch.holdout_accuracy for epoch in plain.course.epochs] == [0.2, 0.4, 0.6, 0.8]


def test_without_an_epoch_each_evaluation_ends_one(foreign_logs, imported):
    _, history = imported(foreign_logs / "torch" / "steps")
    assert history.epoch("test_accuracy").tolist() == [0.125, 0.25, 0.375, 0.5]
    assert history.started.steps_per_epoch == 25 and len(history.step("loss")) == 100
    means = (1 / np.arange(1, 101)).reshape(4, 25).mean(1)
    assert history.epoch("train_loss") == pytest.approx(means, rel=1e-6)
    assert history.best.epoch == 4 and history.course.best_on == "test"


def test_without_an_evaluation_points_stay_at_their_steps(foreign_logs, imported):
    _, history = imported(foreign_logs / "torch" / "unevaluated")
    assert history.epochs == [] and history.step("step").tolist() == [1, *range(10, 100, 10)]
    assert history.step("loss")[1] == pytest.approx(1 / 11)


def test_a_resumed_run_has_each_epoch_once_as_it_was_last_trained(foreign_logs, imported, plans):
    _, history = imported(foreign_logs / "torch" / "resumed")
    assert history.epoch("epoch").tolist() == [1, 2, 3, 4, 5, 6]
    assert history.epoch("test_accuracy").tolist() == [0.11, 0.12, 0.53, 0.74, 0.75, 0.76]
    (one,) = plans(foreign_logs / "torch" / "resumed").values()
    assert "test_accuracy: the step went back once; later points count" in one.notes


def test_figures_that_are_not_numbers_are_kept(foreign_logs, imported):
    _, history = imported(foreign_logs / "torch" / "ended badly")
    assert [math.isnan(value) for value in history.epoch("test_loss")] == [False, True, False]


def test_a_run_of_this_workbench_needs_no_import(ended_run, small_recipe, foreign_logs):
    run = ended_run(small_recipe, 0, [0.1])
    shutil.copy(next((foreign_logs / "torch" / "steps").iterdir()), run.path)
    with pytest.raises(BadInput, match="no event files"):
        find_runs(run.path)


def test_a_folder_without_logs_is_named(tmp_path):
    for place, said in ((tmp_path, "no event files"), (tmp_path / "none", "no such file or folder")):
        with pytest.raises(BadInput, match=said):
            find_runs(place)


def test_links_are_not_followed(foreign_logs, tmp_path):
    (tmp_path / "link").symlink_to(foreign_logs / "torch")
    with pytest.raises(BadInput, match="no event files"):
        find_runs(tmp_path)
