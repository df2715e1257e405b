"""Results on further test sets: both files come back as written, and damage is noticed."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from engine.contract.run import predicted
from engine.contract.run.folder import RunFolder
from engine.contract.run.predicted import Answered, Predicted

LOGITS = -np.arange(12, dtype=np.float16).reshape(4, 3)
PLAIN = Predicted(name="mine", layout="npz", images=4, accuracy=0.5, data="d" * 64)
ANSWERED = Answered(("a", "b", "c"), np.array([0, 1, 2, 0]), LOGITS)


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path)


def corruption_set():
    rows = [{"name": name, "standard": True, "accuracy": [0.5] * 5, "tta_accuracy": []} for name in ("fog", "snow")]
    entry = Predicted(name="c", layout="corruptions", images=40, accuracy=0.5, corruptions=rows)
    answers = np.ones((2, 5, 4), np.int16)
    labels = np.tile([0, 1, 2, 0], (5, 1))
    found = Answered(("a", "b", "c"), labels, LOGITS[:0], (), ("fog", "snow"), answers, answers.astype(np.float16))
    return entry, found


def test_both_files_come_back(run):
    predicted.write(run, PLAIN, ANSWERED)
    (entry,) = predicted.entries(run)
    assert entry.arrays == {
        "bytes": (run.predicted / "mine.npz").stat().st_size,
        "sha256": entry.arrays["sha256"],
    }
    assert (entry.name, entry.accuracy, entry.labeled, entry.originals) == ("mine", 0.5, True, 4)
    assert math.isnan(entry.loss) and math.isnan(entry.tta_accuracy)
    found = predicted.answered(run, entry)
    assert (found.logits == LOGITS).all() and list(found.classes) == ["a", "b", "c"] and list(found.files) == []


def test_a_corruption_set_counts_its_original_images(run):
    entry, answers = corruption_set()
    predicted.write(run, entry, answers)
    (entry,) = predicted.entries(run)
    assert entry.corrupted and entry.originals == 4 and entry.corruptions[1]["accuracy"] == [0.5] * 5
    assert predicted.answered(run, entry).predicted.shape == (2, 5, 4)


def test_best_weights_have_files_of_their_own(run):
    for which in ("final", "best"):
        predicted.write(run, dataclasses.replace(PLAIN, which=which, arrays={}), ANSWERED)
    assert [entry.stem for entry in predicted.entries(run)] == ["mine", "mine@best"]


def test_a_run_without_any_has_none(run):
    assert predicted.entries(run) == []


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b'{"name": 3}', b'{"name": "other"}', b'{"name": "mine", "corruptions": [{}]}']
)
def test_a_damaged_entry_is_left_out(run, content):
    run.predicted.mkdir()
    (run.predicted / "mine.json").write_bytes(content)
    assert predicted.entries(run) == []


@pytest.mark.parametrize(
    "change",
    [
        {"logits": LOGITS[:3]},
        {"labels": np.array([0, 1, 2, 3])},
        {"labels": np.array([0, 1, 2])},
        {"classes": ("a", "b")},
    ],
)
def test_arrays_that_do_not_fit_are_damage(run, change):
    predicted.write(run, PLAIN, dataclasses.replace(ANSWERED, **change))
    with pytest.raises(ValueError, match="is damaged"):
        predicted.answered(run, PLAIN)


def test_arrays_of_a_corruption_set_that_do_not_fit_are_damage(run):
    entry, answers = corruption_set()
    for change in ({"corruptions": ("fog", "frost")}, {"confidence": answers.confidence[:1]}):
        predicted.write(run, entry, dataclasses.replace(answers, **change))
        with pytest.raises(ValueError, match="is damaged"):
            predicted.answered(run, entry)


def test_a_file_that_is_no_archive_is_damage(run):
    predicted.write(run, PLAIN, ANSWERED)
    Path(run.predicted / "mine.npz").write_bytes(b"PK not one")
    with pytest.raises(ValueError, match="is damaged"):
        predicted.answered(run, PLAIN)
    (run.predicted / "mine.npz").unlink()
    with pytest.raises(FileNotFoundError):
        predicted.answered(run, PLAIN)
