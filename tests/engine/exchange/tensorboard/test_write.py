"""Runs as event files, read with TensorBoard's own reader."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from tensorboard.plugins.hparams import plugin_data_pb2

from engine.analysis.history import History
from engine.contract.errors import BadInput
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Epoch, Resumed
from engine.exchange.tensorboard import needed
from engine.exchange.tensorboard.tags import PER_CLASS, TAGS
from engine.exchange.tensorboard.write import folder_name, write_event_files
from tests.engine.exchange.tensorboard.reading import accumulate, curves

FIRST_PROJECT = ["Loss/Training", "Loss/Test", "Accuracy/Train", "Accuracy/Test"]
"""The tags in the published logs of Niwenjin/CIFAR-10."""


def history_of(run):
    history = History(run.events)
    history.poll()
    return history


def test_every_figure_of_every_epoch_is_in_the_file_at_its_epoch_and_time(finished_run, tmp_path):
    run = finished_run()
    folder = write_event_files(run, tmp_path / "out")
    found, history = curves(folder), history_of(run)
    assert set(FIRST_PROJECT) <= set(found)
    for name, tag in TAGS.items():
        values = history.epoch(name)
        measured = np.isfinite(values) & ((values != 0) | (name != "nonfinite"))
        points = found.get(tag, [])
        assert [step for step, _, _ in points] == history.epoch("epoch")[measured].tolist(), name
        assert [t for _, t, _ in points] == history.epoch("t")[measured].tolist()
        assert [value for _, _, value in points] == values[measured].astype(np.float32).tolist()
    classes = history.started.classes
    per_class = np.array([[value for _, _, value in found[PER_CLASS + name]] for name in classes]).T
    assert np.array_equal(per_class, history.per_class().astype(np.float32))
    assert {"Seconds/train", "Seconds/evaluate"} <= set(found)


def test_the_recipe_and_the_seed_are_hyperparameters(finished_run, tmp_path):
    run = finished_run()
    found = accumulate(write_event_files(run, tmp_path))
    (content,) = found._plugin_to_tag_to_content["hparams"].values()
    told = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    assert told["optimizer.lr"].number_value == 0.05 and told["model.name"].string_value == "lenet"
    assert told["augmentation"].string_value == "random_crop, horizontal_flip"
    assert told["run.seed"].number_value == 3 and told["run.train_mixed"].bool_value is False


def test_the_confusion_matrix_is_a_picture_at_the_last_epoch(finished_run, tmp_path):
    run = finished_run()
    found = accumulate(write_event_files(run, tmp_path))
    (picture,) = found.Images("Confusion matrix")
    assert picture.step == history_of(run).epochs[-1].epoch
    cells = np.array(Image.open(io.BytesIO(picture.encoded_image_string)))[::24, ::24]
    last = np.array(history_of(run).epochs[-1].confused).reshape(cells.shape)
    assert np.array_equal(cells, np.round(255 * (1 - last / last.sum(1, keepdims=True))))


def test_epochs_that_a_resume_repeats_are_written_once(ended_run, small_recipe, tmp_path):
    run = ended_run(small_recipe, 0, [0.1, 0.2, 0.3])
    with EventWriter(run.events) as events:
        events.write(Resumed(epoch=1))
        events.write(Epoch(2, test_accuracy=0.25, t=2e9))
    points = curves(write_event_files(run, tmp_path))["Accuracy/Test"]
    assert [step for step, _, _ in points] == [1, 2] and points[1][1] == 2e9


def test_the_folder_is_named_after_the_run_whatever_the_name_holds(ended_run, small_recipe):
    run = ended_run(small_recipe, 7, [0.1])
    assert folder_name(run) == f"quickstart-s7-{run.id[-4:]}"
    run.add_label(name="../../a b: ü/" + "x" * 150)
    assert re.fullmatch(r"[\w.+-]{60,90}", folder_name(run)) and not folder_name(run).startswith(".")


def test_files_of_another_export_are_not_mixed_with_it(ended_run, small_recipe, tmp_path):
    run = ended_run(small_recipe, 0, [0.1])
    folder = write_event_files(run, tmp_path)
    with pytest.raises(BadInput, match="already holds event files"):
        write_event_files(run, tmp_path)
    assert len(list(folder.iterdir())) == 1


def test_without_an_epoch_or_the_package_nothing_is_written(ended_run, small_recipe, tmp_path, monkeypatch):
    run = ended_run(small_recipe, 0, [])
    with pytest.raises(BadInput, match="no epoch yet"):
        write_event_files(run, tmp_path / "out")
    monkeypatch.setattr(needed, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"pip install 'cifar-tui\[tensorboard\]'"):
        write_event_files(run, tmp_path / "out")
    assert not (tmp_path / "out").exists()
