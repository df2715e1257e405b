"""Evaluate a model on a set of images: first the logits, then every figure from them on the host."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.data.device import Resident
from engine.distributed import ALONE, World

CONFUSION_UP_TO: Final = 20  # classes; a 100 x 100 matrix in every Epoch event would make up most of the events file
TOP5_ABOVE: Final = 20  # classes; with ten classes, top-5 accuracy means little

View = Callable[[Tensor], Tensor]
"""From images as the model receives them, (B, C, H, W), to a changed version of the same shape."""


def plain(x: Tensor) -> Tensor:
    """The images, unchanged."""
    return x


def mirror(x: Tensor) -> Tensor:
    """The images, flipped horizontally."""
    return x.flip(3)


def shifted(x: Tensor, by: int) -> Tensor:
    """The images, shifted by `by` pixels to the right and down (negative: left and up), with reflected borders."""
    margin = abs(by)
    start, (height, width) = margin - by, x.shape[2:]
    return F.pad(x, (margin,) * 4, mode="reflect")[:, :, start : start + height, start : start + width]


VIEWS: Final[dict[str, tuple[tuple[float, View], ...]]] = {
    "off": ((1.0, plain),),
    "flip": ((0.5, plain), (0.5, mirror)),
    "crops": (
        (0.25, plain),
        (0.25, mirror),
        (0.125, lambda x: shifted(x, 1)),
        (0.125, lambda x: shifted(x, -1)),
        (0.125, lambda x: mirror(shifted(x, 1))),
        (0.125, lambda x: mirror(shifted(x, -1))),
    ),
}
"""By name of the test-time augmentation: its views and the weight of each view's logits, the unchanged images first.

"crops" is the test-time augmentation of the CIFAR-10 speed records by Jordan (airbench, arXiv:2404.00498), which
averages logits.
"""


class Interrupted(Exception):
    """A stop was requested between two batches."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Figures over a set of images; NaN if there are no images.

    An image with a logit that is not finite counts as wrong, for top-1 and for top-5.
    """

    loss: float
    """Mean cross entropy over images, without label smoothing; NaN if `nonfinite` is not 0."""
    accuracy: float
    per_class: list[float]
    """Accuracy for each class; NaN for a class without images."""
    per_class_count: list[int]
    top5: float
    """Top-5 accuracy; NaN for up to 20 classes."""
    confusion: list[int]
    """Number of images by (true, predicted) class, one row per true class, flattened; empty above 20 classes.

    Images with logits that are not finite have no predicted class and are left out.
    """
    nonfinite: int = 0
    """Images with a logit that is not finite."""


Forward = Callable[[Tensor], tuple[Tensor]]
"""From images as the model receives them, (B, C, H, W), to their logits (views, B, classes) in fp32."""


def forward_views(
    model: nn.Module, views: Sequence[View], autocast: Callable[[], AbstractContextManager[Any]] = nullcontext
) -> Forward:
    """The forward pass of an evaluation, which goes through the model once for each view.

    Each call enters autocast anew. Autocast keeps the converted weights until it is left, and a CUDA graph that began
    in the middle of it would use them forever.

    Args:
        views: applied to the images. As each goes through the model separately, none changes another's logits.
        autocast: makes the context that the model runs in, the same as in training.
    """

    def forward(x: Tensor) -> tuple[Tensor]:
        with torch.no_grad(), autocast():
            return (torch.stack([model(view(x)).float() for view in views]),)

    return forward


def predict_views(
    model: nn.Module,
    split: Resident,
    batch_size: int,
    prepare: Callable[[Tensor], Tensor],
    forward: Forward,
    stopping: Callable[[], bool] = lambda: False,
    world: World = ALONE,
) -> Tensor:
    """Logits (views, N, classes) in fp32 on the host.

    The ranks take the batches in turn. The batches are those of a single rank, and so are the logits, bit for bit.

    The last batch is padded and its surplus rows are dropped, so that cuDNN and `forward` see a single shape. The model
    runs in eval mode and is then put back into the mode it was in.

    Args:
        prepare: turns uint8 images into the model's input.
        forward: the result of `forward_views` for the model; it may return the same tensor each time.
        stopping: called before each batch of this rank.
        world: the ranks that evaluate together; each of them gets all logits.

    Raises:
        Interrupted: `stopping` returned True.
    """
    training = model.training
    model.eval()
    logits = []
    batches = [images for images, _, _ in split.padded(batch_size)]
    try:
        for first in range(0, len(batches), world.size):
            if stopping():
                raise Interrupted
            # A rank whose turn comes after the last batch repeats that one, so that all have equally many.
            (found,) = forward(prepare(batches[min(first + world.rank, len(batches) - 1)]))
            logits.append(found.clone())
    finally:
        model.train(training)
    return torch.cat(world.gather_batches(logits), dim=1)[:, : len(split)].cpu()


def average(logits: Tensor, tta: str) -> Tensor:
    """The weighted mean (N, classes) of the logits (views, N, classes) of a test-time augmentation."""
    weights = torch.tensor([weight for weight, _ in VIEWS[tta]])
    return torch.einsum("v,vnc->nc", weights, logits)


def score(logits: Tensor, labels: Tensor) -> Scores:
    """The figures of logits (N, classes) for labels (N,), computed in float64 on the host: batch size has no effect."""
    scores = logits.double().numpy()
    truth = labels.cpu().numpy()
    classes = scores.shape[1]
    sound = np.isfinite(scores).all(axis=1)  # argmax returns the first NaN, if there is one
    counts = np.bincount(truth, minlength=classes)
    confusion = np.bincount(truth[sound] * classes + scores[sound].argmax(axis=1), minlength=classes * classes)
    hits = confusion.reshape(classes, classes).diagonal()
    with np.errstate(invalid="ignore"):  # 0 / 0 gives the NaN of a class without images
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
    """Mean cross entropy over images of finite scores (N, classes) for true classes (N,)."""
    top = scores.max(axis=1, keepdims=True)
    log_sum = top[:, 0] + np.log(np.exp(scores - top).sum(axis=1))
    return float((log_sum - scores[np.arange(len(truth)), truth]).mean())


def _ranks(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """How many classes rank before the true one, (N,): those with a larger logit, and earlier ones with an equal logit.

    So the class of rank 0 is the argmax, and a model that gives all classes the same logit does not gain by it.
    """
    own = scores[np.arange(len(truth)), truth][:, None]
    earlier = np.arange(scores.shape[1]) < truth[:, None]
    ahead: np.ndarray = ((scores > own) | ((scores == own) & earlier)).sum(axis=1)
    return ahead
