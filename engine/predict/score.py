"""Run a model over a further test set, part by part, and work out its figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.contract.errors import BadInput
from engine.contract.run.predicted import SEVERITIES, Answered
from engine.data.given.corruptions import STANDARD
from engine.data.given.layouts import Given, ImageSubset
from engine.data.load import Split
from engine.loop.evaluate import average, score
from engine.loop.judge import as_kept

CHUNK: Final = 16384
"""Images in memory at once."""
MISPLACED: Final = 0.3
"""How much more accurate another order of the classes has to be to be worth a note."""

Views = Callable[[Split], Tensor]
"""From images to their logits (views, N, classes) in fp32 on the host."""
Report = Callable[[int, str], None]
"""Called with the number of images done and what is worked on."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The figures of a set, as fields of `Predicted`, with the answers."""

    fields: dict[str, Any]
    answered: Answered


def judge(given: Given, views: Views, classes: Sequence[str], tta: str, report: Report) -> Scored:
    """Predict a whole set. Raises BadInput if a logit is not finite, or a file is damaged."""
    if given.layout == "corruptions":
        return _corrupted(given, views, classes, tta, report)
    plain, averages = _logits(given.parts[0], views, tta, lambda done: report(done, given.name))
    kept = as_kept(plain).numpy()
    files = [file.role for file in given.files] if given.by_file else []
    labels = given.labels if given.labels is not None else np.zeros(0, np.int64)
    answered = Answered(classes=classes, labels=labels, logits=kept, files=files)
    if given.labels is None:
        return Scored({"tta": tta}, answered)
    truth = torch.from_numpy(labels)
    found = score(plain, truth)
    fields: dict[str, Any] = {
        "accuracy": found.accuracy,
        "loss": found.loss,
        "top5": found.top5,
        "per_class": found.per_class,
        "per_class_count": found.per_class_count,
        "tta": tta,
        "tta_accuracy": score(averages, truth).accuracy if averages is not None else math.nan,
    }
    note = misplaced(plain.argmax(1).numpy(), labels, classes)
    return Scored(fields | {"notes": [*given.notes, *note]}, answered)


def _corrupted(given: Given, views: Views, classes: Sequence[str], tta: str, report: Report) -> Scored:
    """Only the class and its probability are kept of each image: there are 950,000 in CIFAR-10-C."""
    labels, names = given.labels, given.corruptions
    assert labels is not None
    shape = (len(names), *labels.shape)
    predicted, confidence = np.zeros(shape, np.int16), np.zeros(shape, np.float16)
    with_views, done = np.zeros(shape, np.int16), 0
    for at, part in enumerate(given.parts):
        plain, averages = _logits(part, views, tta, _reporting(report, done, part))
        done += len(part.images)
        top = plain.softmax(1).max(1)
        cell = divmod(at, SEVERITIES)
        predicted[cell], confidence[cell] = top.indices.numpy(), top.values.numpy()
        if averages is not None:
            with_views[cell] = averages.argmax(1).numpy()
    right = predicted == labels  # (corruptions, severities, images)
    tta_right = (with_views == labels).mean(2) if tta != "off" else None
    truth = np.broadcast_to(labels, shape).ravel()
    fields = _figures(names, right, tta_right, labels[0], len(classes)) | {
        "tta": tta,
        "notes": [*given.notes, *misplaced(predicted.ravel(), truth, classes)],
    }
    no_logits = np.zeros((0, len(classes)), np.float16)
    return Scored(fields, Answered(classes, labels, no_logits, (), names, predicted, confidence))


def _figures(
    names: Sequence[str],
    right: NDArray[np.bool_],
    tta_right: NDArray[np.float64] | None,
    labels: NDArray[np.int64],
    classes: int,
) -> dict[str, Any]:
    """The figures of a corruption set; the averages are over its standard corruptions, or over all without any.

    Args:
        right: (K, 5, n) whether each version of each image is classified correctly.
        tta_right: (K, 5) the accuracies with averaged views.
        labels: (n,) of the original images, of which every class has some.
    """
    counted = [at for at, name in enumerate(names) if name in STANDARD] or list(range(len(names)))
    versions = right[counted].mean((0, 1))
    return {
        "accuracy": float(versions.mean()),
        "sd": float(versions.std(ddof=1)) if len(versions) > 1 else math.nan,
        "per_class": [float(versions[labels == label].mean()) for label in range(classes)],
        "per_class_count": np.bincount(labels, minlength=classes).tolist(),
        "corruptions": [
            {
                "name": name,
                "standard": name in STANDARD,
                "accuracy": right[at].mean(1).tolist(),
                "tta_accuracy": tta_right[at].tolist() if tta_right is not None else [],
            }
            for at, name in enumerate(names)
        ],
        "tta_accuracy": float(tta_right[counted].mean()) if tta_right is not None else math.nan,
    }


def _reporting(report: Report, before: int, part: ImageSubset) -> Callable[[int], None]:
    return lambda done: report(before + done, f"{part.corruption}, severity {part.severity}")


def _logits(part: ImageSubset, views: Views, tta: str, report: Callable[[int], None]) -> tuple[Tensor, Tensor | None]:
    """Logits (N, classes) of the images as they are, and with `tta` those of the averaged views."""
    plain, averages, done = [], [], 0
    for pixels in part.images.batches(CHUNK):
        images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
        found = views(Split(images, torch.zeros(len(images), dtype=torch.int64)))
        if not torch.isfinite(found).all():
            raise BadInput("the model's output is not finite for some of these images")
        plain.append(found[0])
        if tta != "off":
            averages.append(average(found, tta))
        done += len(images)
        report(done)
    return torch.cat(plain), torch.cat(averages) if averages else None


def misplaced(predicted: NDArray[Any], labels: NDArray[Any], classes: Sequence[str]) -> list[str]:
    """A note if the labels look like those of the same classes in another order; [] otherwise.

    That is so if most images of each label are predicted as one other class, a different one for each label.
    """
    number = len(classes)
    table = np.bincount(labels * number + predicted, minlength=number * number).reshape(number, number)
    mode = table.argmax(1)
    there = table.sum(1) > 0
    if len(np.unique(mode[there])) < there.sum():
        return []
    own, other = table.trace() / table.sum(), table.max(1).sum() / table.sum()
    if other - own < MISPLACED:
        return []
    label = int(np.flatnonzero(there & (mode != np.arange(number)))[0])
    return [
        f"the labels look like another order of the classes: most images of label {label} ({classes[label]}) are "
        f"predicted as {classes[mode[label]]}, and with one class for each label {100 * other:.1f} % would be correct"
    ]
