"""The state of a run during training, and everything around the training steps: evaluate, save, resume, report."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal

from torch import Tensor

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Recipe
from engine.contract.run.events import Epoch, Event, Message, Resumed
from engine.curves import Swing
from engine.data.device import training_batches
from engine.data.load import DataSet
from engine.distributed import synchronized_tensors
from engine.loop.checkpoint import Checkpoints
from engine.loop.checkpoint_files import Saved
from engine.loop.compiling import Compilations
from engine.loop.evaluate import Interrupted
from engine.loop.hard_examples import HardExamples
from engine.loop.judge import Judge
from engine.loop.observe import Diverged, Totals
from engine.loop.results import EvaluationResults
from engine.loop.setup import Setup
from engine.loop.step_clock import StepClock
from engine.optim.lookahead import at_slow_weights, evaluated_state, slow_weights
from engine.randomness import rng_state, set_rng_state


class Session:
    """One attempt at a run: its parts, its progress, and its checkpoints.

    `epoch` counts completed epochs, `step` the completed steps of the next one, whose sums are in `totals`.

    Args:
        stopping: returns True once a stop has been requested.
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
        """Whether kernels have yet to be compiled, which makes the first step take about a minute."""
        self.totals = Totals(setup.device)
        self.clock = StepClock(setup.device)
        self.compilations = Compilations()
        self.examples = HardExamples(
            recipe.hard_examples,
            images=len(setup.train),
            batch_size=recipe.batch_size,
            steps=setup.steps,
            length=setup.length,
            seed=seed,
            device=setup.device,
        )
        self._judge = Judge(recipe, setup, seed, stopping)
        self.results = EvaluationResults(recipe, setup, data)
        self._saving = 0.0  # seconds that training waited for snapshots in this epoch

    @property
    def done(self) -> int:
        """Completed steps of the whole training."""
        return self.epoch * self.setup.steps + self.step

    def scheduled(self, step: int, until: float = 1.0) -> Swing:
        """The schedule at a step (from 0) of this epoch: learning rate as a fraction of its peak, and momentum.

        Args:
            until: the fraction of the training over which the schedule runs; at its end from there on.
        """
        progress = (self.epoch + step / self.setup.steps) / self.setup.length
        return self.setup.schedule(progress if until == 1 else min(progress / until, 1.0))

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The remaining batches of this epoch as the model sees them: images (B, C, H, W) and targets (B, classes)."""
        recipe, setup = self.recipe, self.setup
        for number, start, order in self.examples.passes(self.epoch, self.step, setup.steps_in(self.epoch)):
            yield from training_batches(
                setup.train,
                partial(setup.augmented, passed=number),
                seed=self.seed,
                epoch=self.epoch,
                batch_size=recipe.batch_size,
                last_batch=recipe.last_batch,
                start=start,
                order=order,
            )

    def end_epoch(self) -> Epoch | None:
        """Read the epoch's sums, evaluate, and count the epoch as completed.

        Returns:
            The epoch's event; None if a stop was requested meanwhile. The epoch is then left after its last step, and
            a resumed run evaluates it.

        Raises:
            Diverged: the loss of some step, or the model's output for some image, was not finite.
        """
        figures = self.totals.read()
        lr, loss = self.setup.peak_lr * self.scheduled(self.step - 1).factor, figures["train_loss"]
        if not math.isfinite(loss):
            raise Diverged(self.epoch + 1, self.step, loss, lr)
        self.setup.world.check_alike(synchronized_tensors(self.setup.model))
        started = time.monotonic()
        try:
            with at_slow_weights(self.setup.optimizer):
                evaluation = self._judge.evaluate(self.epoch + 1)
                if evaluation.logits is not None:
                    self.results.remember(evaluation, self.epoch + 1)
        except Interrupted:
            return None
        seconds = {"train": self.totals.seconds, "evaluate": time.monotonic() - started, "save": self._saving}
        if self.compilations.seconds:
            seconds["compile"] = self.compilations.seconds
        if again := self.compilations.end_epoch(self.epoch + 1):
            self.setup.warnings.append(again)
        event = Epoch(
            epoch=self.epoch + 1,
            train_mixed=self.setup.mixed,
            lr=lr,
            images_per_second=self.totals.images / max(self.totals.seconds, 1e-9),
            seconds=seconds,
            step_ms=self.clock.read(),
            weights=self.setup.averaging.weights,
            **figures,
            **evaluation.fields,
        )
        self.epoch, self.step, self._saving = self.epoch + 1, 0, 0.0
        self.totals = Totals(self.setup.device)
        return event

    def save(self, why: Literal["interval", "stop", "end"]) -> None:
        """Take a snapshot of everything and hand it to the checkpoint writer."""
        started = time.monotonic()
        setup = self.setup
        evaluated = evaluated_state(setup.averaging.model, setup.optimizer)
        in_training = setup.averaging.model is setup.model and not slow_weights(setup.optimizer)
        weights = {"epoch": self.epoch, "weights": setup.averaging.weights, "model": evaluated}
        if self.step == 0 and self.results.last.get("epoch") == self.epoch:
            weights = self.results.last | weights
        state = {
            "model": None if in_training else setup.model.state_dict(),
            "averaging": setup.averaging.state_dict(),
            "optimizer": setup.optimizer.state_dict(),
            "rng": rng_state(setup.device),
            "totals": self.totals.state_dict(),
            "last": self.results.last,
        }
        if examples := self.examples.state_dict():
            state["hard_examples"] = examples
        self.checkpoints.save((self.epoch, self.step), weights, self.results.best or None, state, why)
        self._saving += time.monotonic() - started

    def restore(self, attempt: int) -> Iterator[Event]:
        """Load the newest intact checkpoint, and report its position and whether the result will be bit-identical.

        Raises:
            BadInput: the checkpoint belongs to another recipe, seed or data set, or to a finished run.
        """
        saved, warnings = self.checkpoints.load()
        yield from (Message(level="warning", text=warning) for warning in warnings)
        if saved is None:
            if attempt > 1:
                yield Resumed(exact=not self.setup.decisions.promise(), why="no intact checkpoint: started over")
            return
        differences = self._load(saved)
        why = f"resumed, not bit-identical: {'; '.join(differences)}" if differences else ""
        yield Resumed(epoch=self.epoch, step=self.step, exact=not differences, why=why)

    def _load(self, saved: Saved) -> list[str]:
        """Load a checkpoint; returns the reasons why the result will not be bit-identical, if any."""
        setup, state = self.setup, saved.state
        self.epoch, self.step = saved.position
        self.results.best = saved.best or {}
        if state is None:
            if self.epoch < self.setup.epochs:
                raise BadInput(f"checkpoint {saved.path.name} holds only weights: training cannot resume from it")
            self.results.last = saved.weights
            return []
        try:
            setup.model.load_state_dict(state["model"] or saved.weights["model"])
            setup.averaging.load_state_dict(state["averaging"])
            setup.optimizer.load_state_dict(state["optimizer"])
            self.totals.load_state_dict(state["totals"])
            self.examples.load_state_dict(state.get("hard_examples", {}))
            self.results.last, rng = state["last"], state["rng"]
        except (KeyError, RuntimeError, ValueError) as error:  # intact, but not what this version would have written
            raise BadInput(
                f"checkpoint {saved.path.name} does not fit this version's model or optimizer; it was made by "
                f"{saved.made_by} ({type(error).__name__}: {' '.join(str(error).split())[:200]})"
            ) from error
        differences = setup.decisions.differences(saved.made_on)
        if promise := setup.decisions.promise():
            differences.append(promise)
        if not set_rng_state(rng, setup.device):
            differences.append("the random state was saved on another kind of device")
        return differences

    def warnings(self) -> Iterator[Message]:
        """The warnings that the parts have added since the last call."""
        while self.setup.warnings:
            yield Message(level="warning", text=self.setup.warnings.pop(0))
