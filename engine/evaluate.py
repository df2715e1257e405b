"""What a model makes of a set of images: logits first, then every figure from them on the host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from engine.data.device import Resident

CONFUSION_UP_TO = 20  # classes; a matrix of 100 x 100 in every epoch's event would be most of the file


class Interrupted(Exception):
    """A stop was asked for between two batches."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Top-1 figures over a set of images; NaN where there were none."""

    loss: float
    """Cross entropy against the true class, mean over images (no label smoothing)."""
    accuracy: float
    per_class: list[float]
    """Accuracy of the images of each class; NaN for a class without images."""
    per_class_count: list[int]
    confusion: list[int]
    """Images by (true, predicted) class, rows = truth, flattened; empty above 20 classes."""


def predict(
    model: nn.Module,
    split: Resident,
    batch_size: int,
    prepare: Callable[[Tensor], Tensor],
    autocast: Callable[[], torch.autocast],
    stopping: Callable[[], bool] = lambda: False,
) -> Tensor:
    """Logits (N, classes) in fp32 on the host.

    The last batch is padded and its surplus rows are cut off, so that cuDNN sees one shape. The model is in eval mode
    meanwhile, and afterwards what it was.

    Args:
        prepare: from uint8 images to what the model takes.
        autocast: makes the context that the model runs in, the same as in training.

    Raises:
        Interrupted: as soon as `stopping` is true.
    """
    training = model.training
    model.eval()
    logits = []
    try:
        with torch.no_grad(), autocast():
            for images, _, _ in split.padded(batch_size):
                if stopping():
                    raise Interrupted
                logits.append(model(prepare(images)).float())
    finally:
        model.train(training)
    return torch.cat(logits)[: len(split)].cpu()


def score(logits: Tensor, labels: Tensor) -> Scores:
    """The figures of logits (N, classes) against labels (N,), in float64 on the host: no batch size enters them."""
    scores = logits.double().numpy()
    truth = labels.cpu().numpy()
    classes = scores.shape[1]
    top = scores.max(axis=1, keepdims=True)
    log_sum = top[:, 0] + np.log(np.exp(scores - top).sum(axis=1))
    losses = log_sum - scores[np.arange(len(truth)), truth]
    confusion = np.bincount(truth * classes + scores.argmax(axis=1), minlength=classes * classes)
    hits = confusion.reshape(classes, classes).diagonal()
    counts = np.bincount(truth, minlength=classes)
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN that a class without images gets
        per_class = hits / counts
    return Scores(
        loss=float(losses.mean()),
        accuracy=float(hits.sum() / len(truth)),
        per_class=per_class.tolist(),
        per_class_count=counts.tolist(),
        confusion=confusion.tolist() if classes <= CONFUSION_UP_TO else [],
    )
