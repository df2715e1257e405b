"""The events of a run as TensorBoard's summaries: figures of an epoch, hyperparameters, the confusion matrix."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from engine.contract.run.events import Epoch, RunStarted
from engine.contract.run.folder import RunInfo
from engine.exchange.tensorboard.tags import CONFUSION, FACTS, PER_CLASS, SECONDS, STEP_MS, TAGS

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary

CELL: Final = 24  # px of a cell of the confusion matrix, large enough to be seen without zooming
STARTED: Final = (
    "epochs", "steps_per_epoch", "batch_size", "params", "train_images", "test_images", "holdout_images", "best_on",
    "device", "device_name", "precision",
)  # fmt: skip
"""Facts of the start event that go among the hyperparameters."""


def figures(epoch: Epoch, classes: Sequence[str]) -> Iterator[tuple[str, float]]:
    """Tag and value of every figure that was measured in an epoch.

    Args:
        classes: names of the classes; without them they are numbered from 0.
    """
    for name, tag in TAGS.items():
        value = getattr(epoch, name)
        if name == "nonfinite":
            value = value or math.nan  # a number only where there were any
        if not math.isnan(value):
            yield tag, value
    for number, share in enumerate(epoch.per_class):
        name = classes[number] if len(classes) == len(epoch.per_class) else str(number)
        if not math.isnan(share):
            yield PER_CLASS + name, share
    for start, parts in ((SECONDS, epoch.seconds), (STEP_MS, epoch.step_ms)):
        for part, value in parts.items():
            yield start + part, value


def scalars(epoch: Epoch, classes: Sequence[str]) -> Summary:
    """The figures of an epoch. Event files hold them in single precision."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in figures(epoch, classes)])


def hyperparameters(
    recipe: Mapping[str, Any], info: RunInfo, started: RunStarted | None, epochs: Sequence[Epoch]
) -> Summary:
    """What the HParams tab lists: the fields of the recipe by their paths, and facts about the run after "run.".

    Args:
        recipe: the recipe as a table.
        epochs: the first of them says whether the train accuracy is against mixed labels.
    """
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    facts: dict[str, Any] = {"id": info.id, "seed": info.seed, "model": info.model, "data": info.data}
    facts |= {"preset": info.preset, "changes": info.changes}
    if started:
        facts |= {name: getattr(started, name) for name in STARTED}
    if epochs:
        facts |= {"train_mixed": epochs[0].train_mixed, "weights": epochs[-1].weights}
    named = {FACTS + name: value for name, value in facts.items() if value != ""}
    return hparams_pb(dict(_flat(recipe)) | named, trial_id=info.id, start_time_secs=info.created)


def _flat(table: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Numbers, switches and texts of a table by their paths; lists of tables by the names in them."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{key}.")
        elif isinstance(value, list | tuple):
            yield f"{path}{key}", ", ".join(str(one["name"] if isinstance(one, Mapping) else one) for one in value)
        elif isinstance(value, bool | int | float | str) and key not in ("title", "description"):
            yield f"{path}{key}", value


def confusion(epoch: Epoch) -> Summary | None:
    """The confusion matrix as a picture, a row per true class; None if the epoch has none.

    The darker a cell, the larger the share of the images of its row that are in it.
    """
    classes = math.isqrt(len(epoch.confused))
    if not classes or classes * classes != len(epoch.confused):
        return None
    from PIL import Image
    from tensorboard.compat.proto.summary_pb2 import Summary

    counts = np.array(epoch.confused, dtype=np.float64).reshape(classes, classes)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    pixels = np.round(255 * (1 - shares)).astype(np.uint8).repeat(CELL, 0).repeat(CELL, 1)
    png = io.BytesIO()
    Image.fromarray(pixels).save(png, "PNG")
    side = len(pixels)
    image = Summary.Image(height=side, width=side, colorspace=1, encoded_image_string=png.getvalue())
    return Summary(value=[Summary.Value(tag=CONFUSION, image=image)])
