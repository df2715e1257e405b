"""What a model makes of a set of images: logits first, then every figure from them on the host."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.data.device import Resident

CONFUSION_UP_TO: Final = 20  # classes; a matrix of 100 x 100 in every epoch's event would be most of the file
TOP5_ABOVE: Final = 20  # classes; among ten, five guesses say little

View = Callable[[Tensor], Tensor]
"""From images as the model takes them, (B, C, H, W), to another look at them of the same shape."""


def plain(x: Tensor) -> Tensor:
    """The images themselves."""
    return x


def mirror(x: Tensor) -> Tensor:
    """Left and right exchanged."""
    return x.flip(3)


def moved(x: Tensor, by: int) -> Tensor:
    """Images moved by so many pixels to the right and down (negative: left and up), their rims reflected."""
    margin = abs(by)
    start, (height, width) = margin - by, x.shape[2:]
    return F.pad(x, (margin,) * 4, mode="reflect")[:, :, start : start + height, start : start + width]


VIEWS: Final[dict[str, tuple[tuple[float, View], ...]]] = {
    "off": ((1.0, plain),),
    "flip": ((0.5, plain), (0.5, mirror)),
    "crops": (
        (0.25, plain),
        (0.25, mirror),
        (0.125, lambda x: moved(x, 1)),
        (0.125, lambda x: moved(x, -1)),
        (0.125, lambda x: mirror(moved(x, 1))),
        (0.125, lambda x: mirror(moved(x, -1))),
    ),
}
"""By name of the test-time augmentation: the looks at each image and the weight of each one's logits, plain first.

"crops" is what the CIFAR-10 speed records by Jordan (airbench, arXiv:2404.00498) do: the mean is over logits.
"""


class Interrupted(Exception):
    """A stop was asked for between two batches."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Top-1 figures over a set of images; NaN where there were none.

    An image with a logit that is not a finite number is never right, neither at top 1 nor at top 5.
    """

    loss: float
    """Cross entropy against the true class, mean over images (no label smoothing); NaN where `nonfinite` is not 0."""
    accuracy: float
    per_class: list[float]
    """Accuracy of the images of each class; NaN for a class without images."""
    per_class_count: list[int]
    top5: float
    """Part of the images whose class is among the five largest logits; NaN up to 20 classes."""
    confusion: list[int]
    """Images by (true, predicted) class, rows = truth, flattened; empty above 20 classes.

    Images with logits that are not finite have no predicted class and are left out.
    """
    nonfinite: int = 0
    """Images with a logit that is not a finite number."""


def predict(
    model: nn.Module,
    split: Resident,
    batch_size: int,
    prepare: Callable[[Tensor], Tensor],
    autocast: Callable[[], torch.autocast],
    stopping: Callable[[], bool] = lambda: False,
) -> Tensor:
    """Logits (N, classes) in fp32 on the host of the images as they are; see `predict_views`."""
    return predict_views(model, split, batch_size, prepare, autocast, [plain], stopping)[0]


def predict_views(
    model: nn.Module,
    split: Resident,
    batch_size: int,
    prepare: Callable[[Tensor], Tensor],
    autocast: Callable[[], torch.autocast],
    views: Sequence[View],
    stopping: Callable[[], bool] = lambda: False,
) -> Tensor:
    """Logits (views, N, classes) in fp32 on the host.

    The last batch is padded and its surplus rows are cut off, so that cuDNN sees one shape. The model is in eval mode
    meanwhile, and afterwards what it was.

    Args:
        prepare: from uint8 images to what the model takes.
        autocast: makes the context that the model runs in, the same as in training.
        views: of what `prepare` made; each goes through the model by itself, so none changes another's logits.

    Raises:
        Interrupted: as soon as `stopping` is true, which is asked before each batch.
    """
    training = model.training
    model.eval()
    logits = []
    try:
        with torch.no_grad(), autocast():
            for images, _, _ in split.padded(batch_size):
                if stopping():
                    raise Interrupted
                x = prepare(images)
                logits.append(torch.stack([model(view(x)).float() for view in views]))
    finally:
        model.train(training)
    return torch.cat(logits, dim=1)[:, : len(split)].cpu()


def average(logits: Tensor, tta: str) -> Tensor:
    """The mean (N, classes) of the logits (views, N, classes) of a test-time augmentation, by its weights."""
    weights = torch.tensor([weight for weight, _ in VIEWS[tta]])
    return torch.einsum("v,vnc->nc", weights, logits)


def score(logits: Tensor, labels: Tensor) -> Scores:
    """The figures of logits (N, classes) against labels (N,), in float64 on the host: no batch size enters them."""
    scores = logits.double().numpy()
    truth = labels.cpu().numpy()
    classes = scores.shape[1]
    sound = np.isfinite(scores).all(axis=1)  # argmax takes the first NaN for the largest value
    counts = np.bincount(truth, minlength=classes)
    confusion = np.bincount(truth[sound] * classes + scores[sound].argmax(axis=1), minlength=classes * classes)
    hits = confusion.reshape(classes, classes).diagonal()
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN that a class without images gets
        per_class = hits / counts
    return Scores(
        loss=_cross_entropy(scores, truth) if sound.all() else math.nan,
        accuracy=float(hits.sum() / len(truth)),
        per_class=per_class.tolist(),
        per_class_count=counts.tolist(),
        top5=float(((_ranks(scores, truth) < 5) & sound).mean()) if classes > TOP5_ABOVE else math.nan,
        confusion=confusion.tolist() if classes <= CONFUSION_UP_TO else [],
        nonfinite=int((~sound).sum()),
    )


def _cross_entropy(scores: np.ndarray, truth: np.ndarray) -> float:
    """Mean over images of the cross entropy of finite scores (N, classes)."""
    top = scores.max(axis=1, keepdims=True)
    log_sum = top[:, 0] + np.log(np.exp(scores - top).sum(axis=1))
    return float((log_sum - scores[np.arange(len(truth)), truth]).mean())


def _ranks(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """How many classes come before the true one, (N,): those of a larger logit, and of equal ones those named first.

    So rank 0 is what argmax finds, and a model that says the same of all classes gains nothing by it.
    """
    own = scores[np.arange(len(truth)), truth][:, None]
    earlier = np.arange(scores.shape[1]) < truth[:, None]
    ahead: np.ndarray = ((scores > own) | ((scores == own) & earlier)).sum(axis=1)
    return ahead
