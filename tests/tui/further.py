"""Results on further test sets, written as `runs predict` writes them, but without a model."""

import numpy as np

from engine.contract.run import predicted
from engine.contract.run.fold import RunFold
from engine.contract.run.folder import RunFolder
from engine.contract.run.predicted import Answered, Predicted

CORRUPTIONS = ("gaussian_noise", "fog", "jpeg_compression", "spatter")
IMAGES = 60


def put_results(run: RunFolder, seed: int = 0, wrong: float = 0.2) -> None:
    """On `newer` (60 images), on `cifar10-c` (60 images, four corruptions) and on `unknown`, which has no labels."""
    rng = np.random.default_rng(seed)
    started = RunFold(run.events).poll().course.started
    assert started is not None
    classes = tuple(started.classes)
    labels = np.arange(IMAGES) % len(classes)
    guesses = np.where(rng.random(IMAGES) < wrong, (labels + rng.integers(1, len(classes), IMAGES)) % 10, labels)
    logits = rng.normal(-6, 1, (IMAGES, len(classes))).astype(np.float16)
    logits[np.arange(IMAGES), guesses] = 0
    hits = guesses == labels
    plain = Predicted(
        name="newer", layout="npz", images=IMAGES, accuracy=float(hits.mean()), data="a" * 64, epoch=3,
        per_class=[float(hits[labels == label].mean()) for label in range(len(classes))],
        per_class_count=np.bincount(labels).tolist(), loss=0.5,
    )  # fmt: skip
    predicted.write(run, plain, Answered(classes, labels, logits))
    unknown = Predicted(name="unknown", layout="npy", images=IMAGES, data="b" * 64, epoch=3)
    predicted.write(run, unknown, Answered(classes, np.zeros(0, np.int64), logits))
    _put_corrupted(run, classes, labels, guesses, rng)


def _put_corrupted(run: RunFolder, classes, labels, guesses, rng) -> None:
    shape = (len(CORRUPTIONS), predicted.SEVERITIES, IMAGES)
    harder = np.arange(1, 6)[None, :, None] * 0.1
    answers = np.where(rng.random(shape) < harder, (labels + 1) % len(classes), guesses).astype(np.int16)
    right = answers == labels
    rows = [
        {"name": name, "standard": name != "spatter", "accuracy": right[at].mean(1).tolist(), "tta_accuracy": []}
        for at, name in enumerate(CORRUPTIONS)
    ]
    shares = right[:3].mean((0, 1))
    entry = Predicted(
        name="cifar10-c", layout="corruptions", images=right.size, accuracy=float(shares.mean()), data="c" * 64,
        sd=float(shares.std(ddof=1)), corruptions=rows, epoch=3,
    )  # fmt: skip
    none = np.zeros((0, len(classes)), np.float16)
    all_labels = np.tile(labels, (predicted.SEVERITIES, 1))
    predicted.write(run, entry, Answered(classes, all_labels, none, (), CORRUPTIONS, answers, right.astype(np.float16)))
