"""Evaluation at the end of an epoch: which evaluations are due, on which images, and their figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from torch import Tensor, nn

from engine.contract.recipe.schema import Recipe
from engine.contract.run.events import NAN
from engine.data.device import Resident, training_batches
from engine.loop.evaluate import VIEWS, Forward, Interrupted, Scores, average, forward_views, predict_views, score
from engine.loop.observe import NonFiniteLogits
from engine.loop.setup import Setup
from engine.loop.steps import CudaRecorder, Recorded, Recorder

EVALUATION_BATCH: Final = {"cpu": 250, "mps": 500, "cuda": 1000}
HALF_MAX: Final = 65504.0  # largest float16, the type in which logits are stored


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The results of an epoch's evaluations."""

    fields: dict[str, Any]
    """Fields of the Epoch event."""
    logits: Tensor | None = None
    """Logits of the test images as `as_kept` returns them, (N, classes) on the host; None if no test was due."""
    holdout: Tensor | None = None
    """The same for the hold-out images; None without a hold-out."""
    selection: float = NAN
    """The accuracy by which the best epoch is selected."""


class Judge:
    """Evaluates a run's model, or its averaged model, in eval mode and without changing a weight.

    Args:
        stopping: returns True once a stop has been requested.
    """

    def __init__(self, recipe: Recipe, setup: Setup, seed: int, stopping: Callable[[], bool]) -> None:
        self._recipe, self._setup, self._seed, self._stopping = recipe, setup, seed, stopping
        self._recorder: Recorder | None = CudaRecorder(setup.device) if setup.decisions.graph else None
        self._forwards: dict[tuple[int, str, int], Forward] = {}

    def evaluate(self, epoch: int) -> Evaluation:
        """Run the evaluations that are due at the end of this epoch (from 1).

        Raises:
            Interrupted: a stop was requested.
            NonFiniteLogits: the model's output is not finite for some image; such an epoch has no figures.
        """
        setup, plan = self._setup, self._recipe.evaluate
        test_due = (plan.every > 0 and epoch % plan.every == 0) or epoch == self._setup.epochs
        train_due = plan.train_every > 0 and epoch % plan.train_every == 0
        if test_due or train_due:
            setup.averaging.settle(self._shown(epoch), setup.autocast)
        model = setup.averaging.model
        fields: dict[str, Any] = {}
        if train_due:
            clean = _score(self._predict(model, setup.train)[0], setup.train.labels, epoch, "training")
            fields |= {"clean_train_loss": clean.loss, "clean_train_accuracy": clean.accuracy}
        return self._test(model, epoch, fields) if test_due else Evaluation(fields)

    def _test(self, model: nn.Module, epoch: int, fields: dict[str, Any]) -> Evaluation:
        """Evaluate on the test images and, if there are any, the hold-out images; adds to `fields`."""
        setup, tta = self._setup, self._recipe.evaluate.tta
        views = self._predict(model, setup.test, tta)
        test = _score(views[0], setup.test.labels, epoch, "test")
        selection = test.accuracy
        fields |= {"test_loss": test.loss, "test_accuracy": test.accuracy, "confused": test.confusion}
        fields |= {"per_class": test.per_class, "per_class_count": test.per_class_count, "test_top5": test.top5}
        if tta != "off":
            averaged = _score(average(views, tta), setup.test.labels, epoch, "test")
            fields |= {"tta": tta, "tta_accuracy": averaged.accuracy}
        holdout_logits: Tensor | None = None
        if setup.holdout is not None:
            logits = self._predict(model, setup.holdout)[0]
            holdout = _score(logits, setup.holdout.labels, epoch, "hold-out")
            holdout_logits, selection = as_kept(logits), holdout.accuracy
            fields |= {"holdout_loss": holdout.loss, "holdout_accuracy": holdout.accuracy}
        if model is not setup.model:
            raw = _score(self._predict(setup.model, setup.test)[0], setup.test.labels, epoch, "test")
            fields["raw_test_accuracy"] = raw.accuracy
        return Evaluation(fields, as_kept(views[0]), holdout_logits, selection)

    def _shown(self, epoch: int) -> Iterator[Tensor]:
        """The epoch's training images (B, C, H, W) as the model was shown them, by batch. Raises Interrupted.

        Every rank sees all of them, since only then are the statistics taken from them the same everywhere.
        """
        setup, recipe = self._setup, self._recipe
        batches = training_batches(
            setup.train,
            setup.augmented,
            seed=self._seed,
            epoch=epoch - 1,
            batch_size=recipe.batch_size,
            last_batch=recipe.last_batch,
        )
        for images, _ in islice(batches, setup.steps_in(epoch - 1)):
            if self._stopping():
                raise Interrupted
            yield images

    def _predict(self, model: nn.Module, split: Resident, tta: str = "off") -> Tensor:
        """Logits (views, N, classes) for the views of a test-time augmentation, the unchanged images first."""
        setup, batch_size = self._setup, min(EVALUATION_BATCH[self._setup.device.type], len(split))
        forward = self._forward(model, tta, batch_size)
        return predict_views(model, split, batch_size, setup.clean, forward, self._stopping, setup.world)

    def _forward(self, model: nn.Module, tta: str, batch_size: int) -> Forward:
        """The forward pass of an evaluation; if training steps are CUDA graphs, it is one, recorded once in a run."""
        key = (id(model), tta, batch_size)
        if key not in self._forwards:
            forward = forward_views(model, [view for _, view in VIEWS[tta]], self._setup.autocast)
            if self._recorder is not None:
                warn = self._setup.warnings.append
                forward = Recorded(forward, self._recorder, warn, name="the evaluation", eager_calls=1)
            self._forwards[key] = forward
        return self._forwards[key]


def as_kept(logits: Tensor) -> Tensor:
    """Logits (N, classes) as they are stored: minus the largest value of each row, as float16.

    A softmax does not change by that, and float16 is so fine near 0 that the two largest logits do not become equal.
    """
    logits = logits.float()
    return (logits - logits.amax(1, keepdim=True)).clamp(min=-HALF_MAX).half()


def _score(logits: Tensor, labels: Tensor, epoch: int, kind: str) -> Scores:
    """The figures of logits (N, classes). Raises NonFiniteLogits if one of them is not finite."""
    scores = score(logits, labels)
    if scores.nonfinite:
        raise NonFiniteLogits(epoch, scores.nonfinite, len(labels), kind)
    return scores
