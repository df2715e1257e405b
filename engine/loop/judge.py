"""Judging the model at the end of an epoch: which evaluations are due, on which images, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from torch import Tensor, nn

from engine.contract.recipe.schema import Recipe
from engine.contract.run.events import NAN
from engine.data.device import Resident, training_batches
from engine.loop.evaluate import VIEWS, Interrupted, Scores, average, predict_views, score
from engine.loop.observe import NonFiniteLogits
from engine.loop.setup import Setup

EVALUATION_BATCH: Final = {"cpu": 250, "mps": 500, "cuda": 1000}
HALF_MAX: Final = 65504.0  # of float16, in which logits are kept


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the evaluations of an epoch have found."""

    fields: dict[str, Any]
    """Of the epoch's event."""
    logits: Tensor | None = None
    """Of the test images, as they are kept, (N, classes) on the host; None where no test was due."""
    holdout: Tensor | None = None
    """The same of the hold-out, where there is one."""
    selection: float = NAN
    """The accuracy that the best epoch is chosen by."""


class Judge:
    """Evaluates a run's model, or its average, in eval mode and without touching a weight."""

    def __init__(self, recipe: Recipe, setup: Setup, seed: int, stopping: Callable[[], bool]) -> None:
        self._recipe, self._setup, self._seed, self._stopping = recipe, setup, seed, stopping

    def look(self, epoch: int) -> Verdict:
        """What is due at the end of this epoch (from 1).

        Raises:
            Interrupted: when a stop is asked for.
            NonFiniteLogits: the model's output is not finite for some image; such an epoch has no figures.
        """
        setup, asked = self._setup, self._recipe.evaluate
        due = epoch % asked.every == 0 or epoch == self._recipe.epochs
        clean_due = asked.train_every > 0 and epoch % asked.train_every == 0
        if due or clean_due:
            setup.averaging.settle(self._shown(epoch), setup.autocast)
        model = setup.averaging.model
        fields: dict[str, Any] = {}
        if clean_due:
            clean = _score(self._predict(model, setup.train)[0], setup.train.labels, epoch, "training")
            fields |= {"clean_train_loss": clean.loss, "clean_train_accuracy": clean.accuracy}
        if not due:
            return Verdict(fields)
        views = self._predict(model, setup.test, asked.tta)
        test = _score(views[0], setup.test.labels, epoch, "test")
        selection = test.accuracy
        fields |= {"test_loss": test.loss, "test_accuracy": test.accuracy, "confused": test.confusion}
        fields |= {"per_class": test.per_class, "per_class_count": test.per_class_count, "test_top5": test.top5}
        if asked.tta != "off":
            seen = _score(average(views, asked.tta), setup.test.labels, epoch, "test")
            fields |= {"tta": asked.tta, "tta_accuracy": seen.accuracy}
        held: Tensor | None = None
        if setup.holdout is not None:
            held = self._predict(model, setup.holdout)[0]
            holdout = _score(held, setup.holdout.labels, epoch, "hold-out")
            selection = holdout.accuracy
            fields |= {"holdout_loss": holdout.loss, "holdout_accuracy": holdout.accuracy}
        if model is not setup.model:
            raw = _score(self._predict(setup.model, setup.test)[0], setup.test.labels, epoch, "test")
            fields["raw_test_accuracy"] = raw.accuracy
        return Verdict(fields, as_kept(views[0]), as_kept(held) if held is not None else None, selection)

    def _shown(self, epoch: int) -> Iterator[Tensor]:
        """The epoch's training images (B, C, H, W) as the model was shown them. Raises Interrupted."""
        setup, recipe = self._setup, self._recipe
        batches = training_batches(
            setup.train,
            setup.augmented,
            seed=self._seed,
            epoch=epoch - 1,
            batch_size=recipe.batch_size,
            last_batch=recipe.last_batch,
        )
        for images, _ in batches:
            if self._stopping():
                raise Interrupted
            yield images

    def _predict(self, model: nn.Module, split: Resident, tta: str = "off") -> Tensor:
        """Logits (views, N, classes) of the looks that a test-time augmentation takes at each image, plain first."""
        setup, batch_size = self._setup, min(EVALUATION_BATCH[self._setup.device.type], len(split))
        views = [view for _, view in VIEWS[tta]]
        return predict_views(model, split, batch_size, setup.clean, setup.autocast, views, self._stopping)


def as_kept(logits: Tensor) -> Tensor:
    """Logits (N, classes) less the largest of each row, as float16.

    A softmax does not see the difference, and near 0 float16 is so fine that two largest ones do not become equal.
    """
    logits = logits.float()
    return (logits - logits.amax(1, keepdim=True)).clamp(min=-HALF_MAX).half()


def _score(logits: Tensor, labels: Tensor, epoch: int, kind: str) -> Scores:
    """The figures of logits (N, classes); NonFiniteLogits where one of them is not a finite number."""
    found = score(logits, labels)
    if found.nonfinite:
        raise NonFiniteLogits(epoch, found.nonfinite, len(labels), kind)
    return found
