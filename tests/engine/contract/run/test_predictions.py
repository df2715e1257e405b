"""What a run keeps of its evaluations, and what is read of files that older versions wrote."""

import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.contract.run import predictions
from engine.contract.run.events import Epoch
from engine.data.load import Split
from engine.loop.judge import as_kept


@pytest.fixture
def with_holdout(tiny):
    images, labels = tiny.train.images, tiny.train.labels
    return replace(tiny, train=Split(images[:256], labels[:256]), holdout=Split(images[256:], labels[256:]))


def test_the_hold_out_is_kept_as_the_run_saw_it(make, with_holdout):
    trial = make(images=with_holdout)
    trial.go()
    found = predictions.read(trial.run.predictions)
    last = [event for event in trial.events if isinstance(event, Epoch)][-1]
    assert np.array_equal(found.holdout_labels, with_holdout.holdout.labels.numpy())
    assert (found.holdout.argmax(1) == found.holdout_labels).mean() == pytest.approx(last.holdout_accuracy)
    losses = torch.nn.functional.cross_entropy(
        torch.from_numpy(found.holdout).double(), torch.from_numpy(found.holdout_labels)
    )
    assert float(losses) == pytest.approx(last.holdout_loss, rel=1e-3)


def test_it_survives_a_resume(make, with_holdout):
    whole, pieces = make(images=with_holdout), make(images=with_holdout)
    whole.go()
    while pieces.go(stop_after=4)[-1].KIND != "finished":
        assert pieces.attempts < 30
    assert pieces.run.predictions.read_bytes() == whole.run.predictions.read_bytes()


def test_what_is_kept_is_less_the_largest_and_ties_stay_apart():
    logits = torch.tensor([[1000.0, 1000.001, -7e4], [3.0, -1.0, 2.0]])
    kept = as_kept(logits)
    assert kept.dtype == torch.float16
    assert kept.argmax(1).tolist() == logits.argmax(1).tolist() == [1, 0]
    assert kept.amax(1).tolist() == [0.0, 0.0]
    assert kept.isfinite().all()
    assert torch.equal(as_kept(kept), kept)
    assert logits[0, :2].half().unique().numel() == 1  # float16 itself sees no difference up there


def test_a_file_of_version_1_is_read(tmp_path):
    """As version 0.1.0 wrote it."""
    path = tmp_path / "predictions.npz"
    labels, logits = np.array([0, 1, 1]), np.array([[2, 1], [0, 3], [1, 0]], np.float16)
    np.savez_compressed(
        path, labels=labels, classes=np.array(["cat", "dog"]), last=logits, last_epoch=np.int64(5), best=logits,
        best_epoch=np.int64(3), weights=np.array("ema"),
    )  # fmt: skip
    found = predictions.read(path)
    assert (found.version, found.weights, found.best_weights, found.data) == (1, "ema", "ema", "")
    assert np.array_equal(found.last, logits)
    assert found.holdout.shape == (0, 2) and found.holdout_labels.shape == found.test_index.shape == (0,)


@pytest.mark.parametrize("missing", ["holdout", "data", "test_index"])
def test_a_file_of_version_2_that_lacks_something_is_damaged(make, tmp_path, missing):
    trial = make(epochs=1)
    trial.go()
    with np.load(trial.run.predictions) as file:
        kept = {name: file[name] for name in file if name != missing}
    np.savez(tmp_path / "broken.npz", **kept)
    with pytest.raises(KeyError):
        predictions.read(tmp_path / "broken.npz")


def test_whatever_is_damaged_it_reads_or_raises_what_it_says(make, tmp_path):
    trial = make(epochs=1)
    trial.go()
    whole, path = trial.run.predictions.read_bytes(), tmp_path / "damaged.npz"
    rng = np.random.default_rng(0)
    raised = 0
    for at in rng.integers(0, len(whole), 400).tolist():
        path.write_bytes(whole[:at] + bytes([whole[at] ^ int(rng.integers(1, 256))]) + whole[at + 1 :])
        try:
            predictions.read(path)
        except (OSError, ValueError, KeyError):
            raised += 1
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="is damaged"):
        predictions.read(path)
    assert raised > 200


def test_a_header_that_ends_in_the_middle_is_damage(tmp_path):
    """NumPy passes on what Python's tokenizer raises for it, which is no ValueError."""
    text = b"{'descr': '<i8', 'fortran_order': False, 'shape': ("
    with zipfile.ZipFile(tmp_path / "p.npz", "w") as archive:
        archive.writestr("labels.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    with pytest.raises(ValueError, match="is damaged"):
        predictions.read(tmp_path / "p.npz")
