"""What a run's evaluations have found so far: the results of the last one and of the best one."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from engine.contract.recipe.schema import Recipe
from engine.contract.run import predictions
from engine.contract.run.events import NAN, Finished
from engine.contract.run.predictions import StoredPredictions
from engine.data.load import DataSet
from engine.loop.checkpoint_files import Tree
from engine.loop.judge import Evaluation, as_kept
from engine.loop.setup import Setup


class EvaluationResults:
    """The results of the last and of the best evaluation. Checkpoints hold both, so that a resumed run has them.

    A result has the epoch (from 1), the test accuracy, logits and more; the best one also has its weights. They are
    empty before the first evaluation.
    """

    def __init__(self, recipe: Recipe, setup: Setup, data: DataSet) -> None:
        self._recipe, self._setup, self._data = recipe, setup, data
        self.last: Tree = {}
        self.best: Tree = {}

    @property
    def best_on(self) -> Literal["holdout", "test", ""]:
        """The images on which the best epoch is selected; "" if the run is tested only once, at its end."""
        if not self._recipe.evaluate.every:
            return ""
        return "test" if self._setup.holdout is None else "holdout"

    def remember(self, evaluation: Evaluation, epoch: int) -> None:
        """Keep a test's results as the last ones and, if they are the best so far, as the best, with the weights.

        A run that is tested only once has no best results.
        """
        self.last = {
            "epoch": epoch,
            "test_accuracy": evaluation.fields["test_accuracy"],
            "selection": evaluation.selection,
            "logits": evaluation.logits,
            "holdout": evaluation.holdout,
        }
        if self.best_on and (not self.best or evaluation.selection > self.best["selection"]):
            copies = {name: value.detach().clone() for name, value in self._setup.averaging.model.state_dict().items()}
            self.best = self.last | {"weights": self._setup.averaging.weights, "model": copies}

    def write_predictions(self, path: Path) -> None:
        """Write the logits of the last and the best evaluation to `path`, in the first rank.

        Nothing is written before the first evaluation.
        """
        last, data = self.last, self._data
        if not last or not self._setup.world.leads:
            return
        best = self.best or last  # the best is missing if only its file was damaged
        best_logits = as_kept(best["logits"]).numpy()  # early checkpoints hold raw logits
        weights = self._setup.averaging.weights
        holdout = data.holdout if last.get("holdout") is not None else None  # early checkpoints have no such logits
        contents = StoredPredictions(
            labels=data.test.labels.numpy(),
            classes=data.classes,
            last=as_kept(last["logits"]).numpy(),
            last_epoch=last["epoch"],
            best=best_logits if self.best_on else best_logits[:0],
            best_epoch=best["epoch"] if self.best_on else 0,
            weights=weights,
            best_weights=best.get("weights", weights),
            test_index=np.arange(len(data.test)),  # a test subset is the first part of the test set
            holdout=last["holdout"].numpy() if holdout else np.zeros((0, len(data.classes)), np.float16),
            holdout_labels=holdout.labels.numpy() if holdout else np.zeros(0, np.int64),
            data=data.fingerprint,
        )
        predictions.write(path, contents)

    def finished(self, epochs: int) -> Finished:
        """The last event of a finished run; its writer adds the training time."""
        return Finished(
            epochs=epochs,
            last_accuracy=self.last["test_accuracy"],
            best_accuracy=self.best.get("test_accuracy", NAN),
            best_epoch=self.best.get("epoch", 0),
            best_on=self.best_on,
            weights=self._setup.averaging.weights,
        )
