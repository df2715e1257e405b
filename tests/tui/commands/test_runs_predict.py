"""`runs predict`: images that a user brings, with figures that a person would work out by hand."""

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.contract.recipe.catalog import catalog
from engine.contract.run import predicted, predictions
from engine.data.arrays import cache_path
from engine.data.given.corruptions import CORRUPTIONS
from engine.data.split import channel_statistics
from engine.loop.checkpoint_files import load_weights
from engine.models.build import build_model
from tests.engine.own_parts import __file__ as OWN_PARTS

pytestmark = pytest.mark.usefixtures("shapes_ready", "children_here")

NAMES = ("fog", "snow", "saturate")


@pytest.fixture
def shapes():
    """The generated data set, as its cache holds it."""
    with np.load(cache_path("shapes")) as file:
        return {name: file[name] for name in file.files}


@pytest.fixture
def by_hand(shapes):
    """Logits (N, 10) of the run's model for uint8 images (N, 32, 32, 3), with nothing but torch."""

    def logits(run, images, which="last"):
        weights = load_weights(run.checkpoints, which)
        model = build_model(run.recipe().model, num_classes=10, in_channels=3, image_size=32, catalog=catalog())
        model.load_state_dict(weights["model"])
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in channel_statistics(shapes["train_images"]))
        x = (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 - mean) / std
        with torch.no_grad():
            return model.eval()(x).numpy()

    return logits


def save(path: Path, **arrays) -> Path:
    np.savez(path, **arrays)
    return path


def answer_of(cli, *arguments):
    answer = cli("runs", "predict", *arguments, "--json")
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def test_the_logits_are_those_of_the_model_called_by_hand(cli, finished_run, shapes, by_hand, tmp_path):
    run, images, labels = finished_run(), shapes["test_images"][:70], shapes["test_labels"][:70]
    file = save(tmp_path / "Mine.npz", images=images, labels=labels)
    (found,) = answer_of(cli, run.id, "--data", file)
    logits = by_hand(run, images)
    hits = logits.argmax(1) == labels
    assert found["accuracy"] == hits.mean() and found["images"] == 70 and found["name"] == "mine"
    top = logits - logits.max(1, keepdims=True)
    loss = -(top - np.log(np.exp(top).sum(1, keepdims=True)))[np.arange(70), labels].mean()
    assert found["loss"] == pytest.approx(loss, rel=1e-5)
    assert found["per_class"] == [hits[labels == label].mean() for label in range(10)]
    (entry,) = predicted.entries(run)
    answered = predicted.answered(run, entry)
    assert np.abs(answered.logits - top).max() < 0.01 and (answered.labels == labels).all()
    assert entry.files == [
        {
            "name": "Mine.npz",
            "role": "images",
            "bytes": file.stat().st_size,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        }
    ]
    assert (entry.which, entry.weights, entry.epoch) == ("final", "ema", 2)


def test_on_the_test_set_itself_the_answers_are_those_of_the_training(cli, finished_run, shapes, tmp_path):
    run = finished_run()
    known = predictions.read(run.predictions)
    at = known.test_index
    np.save(tmp_path / "a.npy", shapes["test_images"][at])
    np.save(tmp_path / "b.npy", shapes["test_labels"][at])
    (found,) = answer_of(cli, run.id, "--data", tmp_path / "a.npy", "--labels", tmp_path / "b.npy", "--name", "twin")
    assert found["accuracy"] == (known.last.argmax(1) == known.labels).mean()
    (entry,) = predicted.entries(run)
    assert np.abs(predicted.answered(run, entry).logits.astype(float) - known.last).max() < 0.01


def test_files_may_be_named_relative_to_the_current_folder(cli, finished_run, shapes, tmp_path, monkeypatch):
    run = finished_run()
    np.save(tmp_path / "x.npy", shapes["test_images"][:20])
    np.save(tmp_path / "y.npy", shapes["test_labels"][:20])
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (found,) = answer_of(cli, run.id, "--data", "../x.npy", "--labels", "../y.npy")
    assert found["images"] == 20 and found["accuracy"] is not None
    (tmp_path / "CIFAR-10-C").mkdir()
    np.save(tmp_path / "CIFAR-10-C" / "fog.npy", shapes["test_images"][:100])
    np.save(tmp_path / "CIFAR-10-C" / "labels.npy", np.tile(np.arange(20) % 10, 5))
    (found,) = answer_of(cli, run.id, "--data", "cifar10-c", "--data-dir", "..")
    assert found["name"] == "shapes-c" and found["images"] == 100


def test_best_weights_stand_beside_the_final_ones(cli, finished_run, shapes, by_hand, tmp_path):
    run, images, labels = finished_run(), shapes["test_images"][:50], shapes["test_labels"][:50]
    file = save(tmp_path / "x.npz", x=images, y=labels.astype(np.int64))
    for which in ("final", "best"):
        (found,) = answer_of(cli, run.id, "--data", file, "--weights", which)
        expected = by_hand(run, images, "best" if which == "best" else "last").argmax(1) == labels
        assert found["accuracy"] == expected.mean() and found["which"] == which
    assert [entry.stem for entry in predicted.entries(run)] == ["x", "x@best"]


@pytest.fixture
def corrupted(shapes, tmp_path):
    """20 images of every class at five severities of three corruptions, in the layout of CIFAR-10-C."""
    chosen = np.concatenate([np.flatnonzero(shapes["test_labels"] == label)[:4] for label in range(10)])
    images, labels = shapes["test_images"][chosen], shapes["test_labels"][chosen]
    folder, rng = tmp_path / "CIFAR-10-C", np.random.default_rng(0)
    folder.mkdir()
    made = {}
    for name in NAMES:
        noisy = [np.clip(images + rng.normal(0, 15 * at, images.shape), 0, 255) for at in range(1, 6)]
        made[name] = np.concatenate(noisy).astype(np.uint8)
        np.save(folder / f"{name}.npy", made[name])
    np.save(folder / "labels.npy", np.tile(labels, 5))
    return folder, made, labels


def test_corruptions_are_averaged_as_published(cli, finished_run, corrupted, by_hand):
    run, (folder, made, labels) = finished_run(), corrupted
    (found,) = answer_of(cli, run.id, "--data", folder)
    right = {name: (by_hand(run, made[name]).argmax(1) == np.tile(labels, 5)).reshape(5, 40) for name in NAMES}
    cells = {row["name"]: row["accuracy"] for row in found["corruptions"]}
    assert cells == {name: right[name].mean(1).tolist() for name in NAMES}
    assert found["averaged"] == ["snow", "fog"]  # the order of the paper; saturate is one of the extra four
    both = np.stack([right["snow"], right["fog"]])
    assert found["accuracy"] == pytest.approx(both.mean()) and found["mean_error"] == pytest.approx(1 - both.mean())
    assert found["extra_accuracy"] == pytest.approx(right["saturate"].mean())
    assert found["by_severity"] == pytest.approx(both.mean((0, 2)).tolist())
    assert found["per_class"] == pytest.approx([both[..., labels == label].mean() for label in range(10)])
    half = 1.959964 * both.mean((0, 1)).std(ddof=1) / np.sqrt(40)
    assert found["interval"] == pytest.approx([max(both.mean() - half, 0), both.mean() + half])
    assert any("2 of the 15 standard corruptions; missing: gaussian_noise" in note for note in found["notes"])
    (entry,) = predicted.entries(run)
    answered = predicted.answered(run, entry)
    assert answered.predicted.shape == answered.confidence.shape == (3, 5, 40) and len(answered.logits) == 0


def test_the_table_of_corruptions_is_printed_with_its_reading(cli, finished_run, corrupted):
    answer = cli("runs", "predict", finished_run().id, "--data", corrupted[0])
    assert answer.code == 0, answer.err
    assert "shapes-c: " in answer.out and "2 corruptions of 40 images at 5 severities, mean error" in answer.out
    assert "on 1 extra corruption," in answer.out and "saturate (extra)" in answer.out and "mean of 2" in answer.out
    assert "not the mCE of ImageNet-C" in " ".join(answer.out.split())


def test_one_corruption_may_be_named(cli, finished_run, corrupted):
    (found,) = answer_of(cli, finished_run().id, "--data", corrupted[0] / "fog.npy")
    assert found["name"] == "shapes-c-fog" and [row["name"] for row in found["corruptions"]] == ["fog"]


def test_a_folder_of_images_is_mapped_by_the_names_of_classes(cli, finished_run, shapes, by_hand, tmp_path):
    run, folder = finished_run(), tmp_path / "pictures"
    expected = []
    for label in (7, 2):
        place = folder / str(shapes["classes"][label]).upper().replace("_", " ")
        place.mkdir(parents=True)
        chosen = np.flatnonzero(shapes["test_labels"] == label)[:3]
        for at, index in enumerate(chosen):
            Image.fromarray(shapes["test_images"][index]).save(place / f"{at}.png")
        expected.append((by_hand(run, shapes["test_images"][chosen]).argmax(1) == label).mean())
    (found,) = answer_of(cli, run.id, "--data", folder)
    assert found["accuracy"] == pytest.approx(np.mean(expected)) and found["per_class_count"][7] == 3
    assert [file["role"].partition("/")[2] for file in found["files"]] == ["0.png", "1.png", "2.png"] * 2
    (entry,) = predicted.entries(run)
    assert list(predicted.answered(run, entry).files) == [file["role"] for file in found["files"]]


def test_images_without_labels_have_predictions_but_no_accuracy(cli, finished_run, shapes, tmp_path):
    run = finished_run()
    np.save(tmp_path / "new.npy", shapes["test_images"][:9])
    answer = cli("runs", "predict", run.id, "--data", tmp_path / "new.npy")
    assert answer.code == 0 and "new: no labels, 9 images" in answer.out and "no accuracy" in answer.err
    (found,) = answer_of(cli, run.id, "--data", tmp_path / "new.npy")
    assert found["accuracy"] is None and found["interval"] is None and not found["computed"]


def test_nothing_is_computed_twice_unless_that_is_asked_for(cli, finished_run, shapes, tmp_path):
    run = finished_run()
    file = save(tmp_path / "x.npz", images=shapes["test_images"][:20], labels=shapes["test_labels"][:20])
    assert answer_of(cli, run.id, "--data", file)[0]["computed"]
    written = (run.predicted / "x.json").read_bytes()
    assert not answer_of(cli, run.id, "--data", file)[0]["computed"]
    assert (run.predicted / "x.json").read_bytes() == written
    assert answer_of(cli, run.id, "--data", file, "--again")[0]["computed"]
    assert (run.predicted / "x.json").read_bytes() != written  # the time at least
    save(tmp_path / "x.npz", images=shapes["test_images"][:21], labels=shapes["test_labels"][:21])
    answer = cli("runs", "predict", run.id, "--data", file, "--again")
    assert answer.code == 2 and "has predictions for other files called x" in answer.err
    assert answer_of(cli, run.id, "--data", file, "--name", "y")[0]["images"] == 21


def test_several_runs_are_all_checked_before_any_predicts(cli, finished_run, stopped_run, shapes, tmp_path):
    runs = [finished_run(), finished_run()]
    file = save(tmp_path / "x.npz", images=shapes["test_images"][:20], labels=shapes["test_labels"][:20])
    answer = cli("runs", "predict", runs[0].id, stopped_run().id, "--data", file)
    assert answer.code == 2 and not runs[0].predicted.exists()
    assert [one["id"] for one in answer_of(cli, *(run.id for run in runs), "--data", file)] == [run.id for run in runs]


def test_runs_that_cannot_predict_say_why(cli, stopped_run, finished_run, shapes, tmp_path):
    file = save(tmp_path / "x.npz", images=shapes["test_images"][:20], labels=shapes["test_labels"][:20])
    stopped, finished = stopped_run(), finished_run()
    answer = cli("runs", "predict", stopped.id, "--data", file)
    assert answer.code == 2 and "--weights best has its best epoch so far" in answer.err
    assert answer_of(cli, stopped.id, "--data", file, "--weights", "best")[0]["which"] == "best"
    answer = cli("runs", "predict", finished.id, "--data", file, "--tta")
    assert answer.code == 2 and "has no test-time augmentation (evaluate.tta is off)" in answer.err
    answer = cli("runs", "predict", finished.id, "--data", file, "--weights", "last")
    assert answer.code == 2 and "--weights: got 'last', needs final, best or ema" in answer.err
    assert not finished.predicted.exists()


def test_labels_in_another_order_of_the_classes_are_noticed(cli, finished_run, shapes, by_hand, tmp_path):
    run, images = finished_run(), shapes["test_images"][:200]
    shuffled = (by_hand(run, images).argmax(1) + 1) % 10
    file = save(tmp_path / "x.npz", images=images, labels=shuffled)
    answer = cli("runs", "predict", run.id, "--data", file)
    assert answer.code == 0 and "the labels look like another order of the classes" in answer.err
    assert "one class for each label 100.0 % would be correct" in answer.err


def test_every_corruption_of_the_paper_is_known():
    assert len(CORRUPTIONS) == len(set(CORRUPTIONS)) == 19


@pytest.fixture
def compared(cli, finished_run, shapes, corrupted, tmp_path):
    """Two runs, of which the second has wrong answers to some images, on one plain and one corruption set."""
    runs = [finished_run(), finished_run()]
    file = save(tmp_path / "newer.npz", images=shapes["test_images"][:80], labels=shapes["test_labels"][:80])
    for data in (file, corrupted[0]):
        answer_of(cli, *(run.id for run in runs), "--data", data)
    entry = next(one for one in predicted.entries(runs[1]) if one.name == "newer")
    answers = predicted.answered(runs[1], entry)
    answers.logits[:20] = np.roll(answers.logits[:20], 1, axis=1)
    hits = float((answers.logits.argmax(1) == answers.labels).mean())
    predicted.write(runs[1], dataclasses.replace(entry, accuracy=hits, arrays={}), answers)
    return runs


def test_show_has_the_results_in_text_and_json(cli, compared, tmp_path):
    run = compared[0]
    text = cli("runs", "show", run.id).out
    (line,) = [line for line in text.splitlines() if line.startswith("also on ")]
    assert "newer: " in line and "shapes-c: " in line
    found = json.loads(cli("runs", "show", run.id, "--json").out)["test_sets"]
    assert [one["name"] for one in found] == ["newer", "shapes-c"]
    (again,) = answer_of(cli, run.id, "--data", tmp_path / "newer.npz")
    assert found[0] == {key: value for key, value in again.items() if key not in ("id", "computed")}


def test_a_tab_of_inspect_shows_a_further_test_set(cli, compared):
    run = compared[0]
    assert "shapes-c, test % by severity" in cli("runs", "show", run.id, "--tab", "overview", "--on", "shapes-c").out
    assert "confusion, newer" in cli("runs", "show", run.id, "--tab", "confusion", "--on", "newer").out
    answer = cli("runs", "show", run.id, "--tab", "confusion", "--on", "newr")
    assert answer.code == 2 and "has no such test set; did you mean newer?" in answer.err
    answer = cli("runs", "show", run.id, "--on", "newer")
    assert answer.code == 2 and "--on: give it with --tab" in answer.err


def test_compare_pairs_runs_on_the_same_files(cli, compared):
    ids = [run.id for run in compared]
    found = json.loads(cli("runs", "compare", *ids, "--json").out)["test_sets"]
    assert [(one["name"], one["comparisons"]) for one in found] == [("newer", 1), ("shapes-c", 0)]
    base, other = found[0]["rows"]
    assert other["difference"] == pytest.approx(other["accuracy"] - base["accuracy"]) and base["difference"] is None
    assert found[1]["rows"][1]["reason"] == "no original image tells them apart"
    text = cli("runs", "compare", *ids).out
    assert "newer, 80 images (1 comparison)" in text and "shapes-c, 2 corruptions of 40 images" in text
    assert "newer, 80 images" in cli("runs", "compare", *ids, "--format", "md").out


def with_tta(run):
    """The run, as if it had been evaluated with mirrored images as well."""
    text = run.recipe_toml.read_text()
    run.recipe_toml.write_text(text.replace('tta = "off"', 'tta = "flip"'))
    assert run.recipe().evaluate.tta == "flip"
    return run


def test_views_are_averaged_as_in_the_evaluation_of_a_training(cli, finished_run, shapes, by_hand, corrupted, tmp_path):
    run, images, labels = with_tta(finished_run()), shapes["test_images"][:60], shapes["test_labels"][:60]
    file = save(tmp_path / "x.npz", images=images, labels=labels)
    assert answer_of(cli, run.id, "--data", file)[0]["tta_accuracy"] is None
    (found,) = answer_of(cli, run.id, "--data", file, "--tta")
    mirrored = (by_hand(run, images) + by_hand(run, images[:, :, ::-1].copy())) / 2
    assert found["computed"] and found["tta"] == "flip"
    assert found["tta_accuracy"] == (mirrored.argmax(1) == labels).mean()
    assert found["accuracy"] == (by_hand(run, images).argmax(1) == labels).mean()
    assert not answer_of(cli, run.id, "--data", file)[0]["computed"]  # what was computed with views holds the rest, too
    folder, made, labels = corrupted
    (found,) = answer_of(cli, run.id, "--data", folder, "--tta")
    fog = (by_hand(run, made["fog"]) + by_hand(run, made["fog"][:, :, ::-1].copy())) / 2
    expected = (fog.argmax(1) == np.tile(labels, 5)).reshape(5, -1).mean(1)
    (row,) = (row for row in found["corruptions"] if row["name"] == "fog")
    assert row["tta_accuracy"] == pytest.approx(expected.tolist())


def test_a_run_with_code_that_is_not_trusted_does_not_predict(cli, finished_run, shapes, tmp_path):
    run = finished_run()
    run.parts.mkdir()
    shutil.copy(OWN_PARTS, run.parts / "mine.py")
    file = save(tmp_path / "x.npz", images=shapes["test_images"][:9], labels=shapes["test_labels"][:9])
    answer = cli("runs", "predict", run.id, "--data", file)
    assert answer.code == 2 and "is not among the parts that run" in answer.err and not run.predicted.exists()


def test_weights_of_the_same_name_that_have_changed_are_predicted_anew(cli, finished_run, shapes, tmp_path):
    run = finished_run()
    file = save(tmp_path / "x.npz", images=shapes["test_images"][:9], labels=shapes["test_labels"][:9])
    answer_of(cli, run.id, "--data", file)
    told = json.loads((run.predicted / "x.json").read_text())
    (run.predicted / "x.json").write_text(json.dumps(told | {"weights_sha256": "0" * 64}))
    assert answer_of(cli, run.id, "--data", file)[0]["computed"]


def test_images_of_a_set_are_shown_while_its_files_are_there(cli, finished_run, shapes, tmp_path):
    run = finished_run()
    file = save(tmp_path / "x.npz", images=shapes["test_images"][:40], labels=shapes["test_labels"][:40])
    answer_of(cli, run.id, "--data", file)
    sheet = tmp_path / "sheet.png"
    arguments = ("runs", "show", run.id, "--tab", "mistakes", "--on", "x", "--out", sheet)
    answer = cli(*arguments)
    assert answer.code == 0, answer.err
    entry = predicted.entries(run)[0]
    wrong = np.flatnonzero(predicted.answered(run, entry).logits.argmax(1) != shapes["test_labels"][:40])
    assert f"wrote {len(wrong)} images of {run.id[-4:]}" in answer.err and sheet.exists()
    file.unlink()
    sheet.unlink()
    answer = cli(*arguments)
    assert answer.code == 2 and "the files of x cannot be read any more" in answer.err


def test_imported_weights_predict_from_their_file(cli, finished_run, shapes, by_hand, tmp_path):
    run = finished_run()
    torch.save(load_weights(run.checkpoints)["model"], tmp_path / "theirs.pth")
    few = ("--dataset", "shapes", "--device", "cpu", "--set", "data.test_slice=first:0.05")
    answer = cli("runs", "import-weights", tmp_path / "theirs.pth", "--model", "lenet", *few, "--json")
    assert answer.code == 0, answer.err
    imported = json.loads(answer.out)["id"]
    images, labels = shapes["test_images"][:50], shapes["test_labels"][:50]
    file = save(tmp_path / "x.npz", images=images, labels=labels)
    (found,) = answer_of(cli, imported, "--data", file)
    assert found["accuracy"] == (by_hand(run, images).argmax(1) == labels).mean()
    assert found["weights_sha256"] == hashlib.sha256((tmp_path / "theirs.pth").read_bytes()).hexdigest()
    answer = cli("runs", "predict", imported, "--data", file, "--weights", "best")
    assert answer.code == 2 and "it has no others than --weights final" in answer.err
    torch.save({}, tmp_path / "theirs.pth")
    answer = cli("runs", "predict", imported, "--data", file, "--again")
    assert answer.code == 2 and "has changed: its SHA-256 is not" in answer.err
    (tmp_path / "theirs.pth").unlink()
    answer = cli("runs", "predict", imported, "--data", file)
    assert answer.code == 2 and "which is not there any more: weights are not copied" in answer.err
