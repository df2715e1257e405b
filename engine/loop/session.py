"""Where a run stands, and all that is not the training itself: judging epochs, saving, going on, telling."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Recipe
from engine.contract.run import predictions
from engine.contract.run.events import NAN, Epoch, Event, Finished, Message, Resumed, RunStarted
from engine.contract.run.predictions import Predictions
from engine.curves import Swing
from engine.data.load import DataSet
from engine.loop.checkpoint import Checkpoints
from engine.loop.checkpoint_files import Saved, Tree
from engine.loop.evaluate import Interrupted
from engine.loop.judge import Judge, Verdict, as_kept
from engine.loop.observe import Diverged, Totals
from engine.loop.setup import Setup
from engine.optim.lookahead import at_slow_weights, evaluated_state, slow_weights
from engine.randomness import rng_state, set_rng_state


class Session:
    """One attempt at a run: its parts, how far it has come, and its checkpoints.

    `epoch` counts whole epochs done, `step` the steps done in the epoch after them, whose sums are in `totals`.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: DataSet,
        setup: Setup,
        checkpoints: Checkpoints,
        *,
        seed: int,
        stopping: Callable[[], bool],
    ) -> None:
        self.recipe, self.setup, self.checkpoints = recipe, setup, checkpoints
        self.seed, self.stopping = seed, stopping
        self.epoch = self.step = 0
        self.cold = setup.decisions.compile != "off"
        """Whether compiled kernels are still to be made, which takes the first step a minute."""
        self.totals = Totals(setup.device)
        self._data = data
        self._judge = Judge(recipe, setup, seed, stopping)
        self._last: Tree = {}  # epoch, test_accuracy and logits of the last evaluation
        self._best: Tree = {}  # the same and the weights of the best one
        self._saving = 0.0  # seconds waited for snapshots in this epoch

    @property
    def best_on(self) -> Literal["holdout", "test"]:
        """What the best epoch is chosen on."""
        return "test" if self.setup.holdout is None else "holdout"

    def scheduled(self, step: int) -> Swing:
        """The learning rate of a step (from 0) of this epoch, as a part of its peak, and where its momentum is."""
        return self.setup.schedule((self.epoch + step / self.setup.steps) / self.recipe.epochs)

    def end_epoch(self) -> Epoch | None:
        """Read the epoch's sums, evaluate, and count the epoch as done.

        None where a stop was asked for meanwhile: the epoch then still stands at its end, and a resume evaluates it.

        Raises:
            Diverged: the loss of some step was not finite, or the model's output for some image.
        """
        figures = self.totals.read()
        lr, loss = self.setup.peak_lr * self.scheduled(self.step - 1).factor, figures["train_loss"]
        if not math.isfinite(loss):
            raise Diverged(self.epoch + 1, self.step, loss, lr)
        started = time.monotonic()
        try:
            with at_slow_weights(self.setup.optimizer):
                found = self._judge.look(self.epoch + 1)
                if found.logits is not None:
                    self._keep(found)
        except Interrupted:
            return None
        seconds = {"train": self.totals.seconds, "evaluate": time.monotonic() - started, "save": self._saving}
        event = Epoch(
            epoch=self.epoch + 1,
            train_mixed=self.setup.mixed,
            lr=lr,
            images_per_second=self.totals.images / max(self.totals.seconds, 1e-9),
            seconds=seconds,
            weights=self.setup.averaging.weights,
            **figures,
            **found.fields,
        )
        self.epoch, self.step, self._saving = self.epoch + 1, 0, 0.0
        self.totals = Totals(self.setup.device)
        return event

    def _keep(self, found: Verdict) -> None:
        """Remember a test, and the weights that it was made with where it is the best so far."""
        self._last = {
            "epoch": self.epoch + 1,
            "test_accuracy": found.fields["test_accuracy"],
            "selection": found.selection,
            "logits": found.logits,
            "holdout": found.holdout,
        }
        if not self._best or found.selection > self._best["selection"]:
            copies = {name: value.detach().clone() for name, value in self.setup.averaging.model.state_dict().items()}
            self._best = self._last | {"weights": self.setup.averaging.weights, "model": copies}

    def save(self, why: Literal["interval", "stop", "end"]) -> None:
        """Snapshot everything for the checkpoint writer."""
        started = time.monotonic()
        setup = self.setup
        judged = evaluated_state(setup.averaging.model, setup.optimizer)
        in_training = setup.averaging.model is setup.model and not slow_weights(setup.optimizer)
        weights = {"epoch": self.epoch, "weights": setup.averaging.weights, "model": judged}
        if self.step == 0 and self._last.get("epoch") == self.epoch:
            weights = self._last | weights
        state = {
            "model": None if in_training else setup.model.state_dict(),
            "averaging": setup.averaging.state_dict(),
            "optimizer": setup.optimizer.state_dict(),
            "rng": rng_state(setup.device),
            "totals": self.totals.state_dict(),
            "last": self._last,
        }
        self.checkpoints.save((self.epoch, self.step), weights, self._best or None, state, why)
        self._saving += time.monotonic() - started

    def restore(self, attempt: int) -> Iterator[Event]:
        """Go on from the newest whole checkpoint, saying from where and whether bits will be equal.

        Raises:
            BadInput: it belongs to another recipe, seed or data set, or it is of a finished run.
        """
        saved, notes = self.checkpoints.load()
        yield from (Message(level="warning", text=note) for note in notes)
        if saved is None:
            if attempt > 1:
                yield Resumed(exact=not self.setup.decisions.promise(), why="no whole checkpoint: from the start")
            return
        broken = self._load(saved)
        why = f"resumed, not bit-identical: {'; '.join(broken)}" if broken else ""
        yield Resumed(epoch=self.epoch, step=self.step, exact=not broken, why=why)

    def _load(self, saved: Saved) -> list[str]:
        """Put a checkpoint's contents in place; what keeps the results from being bit-identical."""
        setup, state = self.setup, saved.state
        self.epoch, self.step = saved.position
        self._best = saved.best or {}
        if state is None:
            if self.epoch < self.recipe.epochs:
                raise BadInput(f"checkpoint {saved.path.name} holds weights only: there is nothing to go on from")
            self._last = saved.weights
            return []
        try:
            setup.model.load_state_dict(state["model"] or saved.weights["model"])
            setup.averaging.load_state_dict(state["averaging"])
            setup.optimizer.load_state_dict(state["optimizer"])
            self.totals.load_state_dict(state["totals"])
            self._last, rng = state["last"], state["rng"]
        except (KeyError, RuntimeError, ValueError) as error:  # whole, and not what this code would have written
            raise BadInput(
                f"checkpoint {saved.path.name} does not fit this version's model or optimizer; it was made by "
                f"{saved.made_by} ({type(error).__name__}: {' '.join(str(error).split())[:200]})"
            ) from error
        broken = setup.decisions.differences(saved.made_on)
        if promise := setup.decisions.promise():
            broken.append(promise)
        if not set_rng_state(rng, setup.device):
            broken.append("the random state is of another kind of device")
        return broken

    def write_predictions(self, path: Path) -> None:
        """Write what the last and the best evaluation said of the images; nothing before the first."""
        last, data = self._last, self._data
        best = self._best or last  # the best one is lost where just its file was damaged
        if last:
            weights = self.setup.averaging.weights
            aside = data.holdout if last.get("holdout") is not None else None  # an older checkpoint kept none
            found = Predictions(
                labels=data.test.labels.numpy(),
                classes=data.classes,
                last=as_kept(last["logits"]).numpy(),
                last_epoch=last["epoch"],
                best=as_kept(best["logits"]).numpy(),  # of an older checkpoint, perhaps, which kept them as they were
                best_epoch=best["epoch"],
                weights=weights,
                best_weights=best.get("weights", weights),
                test_index=np.arange(len(data.test)),  # a test slice is the first part of the test set
                holdout=last["holdout"].numpy() if aside else np.zeros((0, len(data.classes)), np.float16),
                holdout_labels=aside.labels.numpy() if aside else np.zeros(0, np.int64),
                data=data.fingerprint,
            )
            predictions.write(path, found)

    def opening(self, attempt: int) -> Iterator[Event]:
        """What it trains on, and how."""
        setup, decisions = self.setup, self.setup.decisions
        yield RunStarted(
            attempt=attempt,
            epochs=self.recipe.epochs,
            steps_per_epoch=setup.steps,
            batch_size=self.recipe.batch_size,
            params=sum(parameter.numel() for parameter in setup.parameters),
            device=str(setup.device),
            device_name=decisions.device_name,
            precision=decisions.precision,
            compile=decisions.compile,
            graph=decisions.graph,
            channels_last=decisions.channels_last,
            threads=decisions.threads,
            classes=list(self._data.classes),
            train_images=len(setup.train),
            test_images=len(setup.test),
            holdout_images=len(setup.holdout or ()),
            best_on=self.best_on,
        )
        threads = "1 CPU thread" if decisions.threads == 1 else f"{decisions.threads} CPU threads"
        graph = "; each step one CUDA graph" if decisions.graph else ""
        yield Message(text=f"{decisions.precision}: {decisions.why}; {threads}; TF32 off{graph}")
        yield from (Message(text=teacher.about) for teacher in setup.teachers)

    def notes(self) -> Iterator[Message]:
        """Warnings that the parts have left since the last call."""
        while self.setup.notes:
            yield Message(level="warning", text=self.setup.notes.pop(0))

    def finished(self) -> Finished:
        """The closing event, to which its writer adds the time at work."""
        return Finished(
            epochs=self.epoch,
            last_accuracy=self._last["test_accuracy"],
            best_accuracy=self._best.get("test_accuracy", NAN),
            best_epoch=self._best.get("epoch", 0),
            best_on=self.best_on,
            weights=self.setup.averaging.weights,
        )
