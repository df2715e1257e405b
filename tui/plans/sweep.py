"""Finding a learning rate for a draft, for the command line and the workbench alike. The sweep itself is a process."""

from __future__ import annotations

import math
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from engine.analysis.cost import seconds_left
from engine.analysis.lr_curve import (
    FEWEST_STEPS,
    HIGHEST_RATE,
    LOWEST_RATE,
    MOST_STEPS,
    STEEPEST,
    LrCurve,
    Span,
    fold,
)
from engine.contract.errors import BadInput, user_path
from engine.contract.numbers import duration, learning_rate, number
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.schema import Recipe
from engine.contract.run import own_code
from engine.contract.run.events import Event, Failed, Message, Phase, RunStarted, Step
from engine.contract.run.folder import RunFolder
from engine.contract.run.initial import with_initial
from engine.contract.run.teacher import with_teacher
from engine.launch.sweep import Sweep, SweepDevice, pick_device
from tui.plans.configured import placement_of
from tui.plans.draft import Draft
from tui.plans.resolution import Resolution

BELOW: Final = 1 / 100
"""Where a sweep begins by default, as a multiple of the optimizer's own rate: nets hardly move at that rate."""
ABOVE: Final = 30.0
"""Where a sweep ends by default, as such a multiple: nets explode beyond it, and steps there tell nothing."""


@dataclass(frozen=True, slots=True)
class SweepRange:
    """The learning rates that a user asks for; None where the default applies."""

    low: float | None = None
    high: float | None = None
    steps: int | None = None

    def around(self, rate: float) -> Span:
        """The span of the sweep; its defaults lie around the optimizer's own rate. Raises BadInput."""
        low = rate * BELOW if self.low is None else self.low
        high = rate * ABOVE if self.high is None else self.high
        problems = []
        if not LOWEST_RATE <= low <= HIGHEST_RATE:
            problems.append(f"--min: got {low:g}, needs {LOWEST_RATE:g} <= x <= {HIGHEST_RATE:g}")
        if not low < high <= HIGHEST_RATE:
            problems.append(f"--max: got {high:g}, needs {low:g} (--min) < x <= {HIGHEST_RATE:g}")
        if self.steps is not None and not FEWEST_STEPS <= self.steps <= MOST_STEPS:
            problems.append(f"--steps: got {self.steps}, needs {FEWEST_STEPS} <= x <= {MOST_STEPS}")
        if problems:
            raise BadInput(problems)
        return Span(low, high, self.steps or 0)


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """A sweep that is ready to start: all checks have passed."""

    draft: Draft
    span: Span
    request: dict[str, Any]
    """What `engine.lr_find` reads from its standard input."""
    place: SweepDevice
    guessing: float
    """The cross-entropy of a net that finds all classes equally likely; infinite for any other loss."""

    def start(self) -> Sweep:
        """Start the process."""
        return Sweep(self.request, self.place.environment)


def plan_sweep(
    found: Resolution, wanted: SweepRange, roots: Sequence[Path], own_parts: Sequence[str] = (), *, trust: bool = False
) -> SweepPlan:
    """Check everything about a resolved draft that can be known without torch, and make a sweep of it.

    Args:
        roots: the runs folders in which a teacher is looked for.
        own_parts: files with the user's own parts, which the catalog of `found` includes already.
        trust: run the code of another run even if another user wrote it or it has changed.

    Raises:
        Untrusted: there is such code, and `trust` is not set.
        BadInput: with every problem of the recipe or of the rates, or else the first problem outside them.
    """
    draft, parts = found.draft, found.parts
    recipe, teacher = with_teacher(found.recipe, roots, parts)
    recipe, initial = with_initial(recipe, roots)
    span = wanted.around(_own_rate(recipe, parts))
    taught_by = [RunFolder(Path(teacher["folder"]))] if teacher else []
    own_code.approve(own_code.brought_by(own_parts), trust)
    approved = own_code.approve(taught_by, trust)
    placement = placement_of(draft)
    data = parts.get("dataset", recipe.data.name).meta
    if data.get("downloadable"):
        from engine.data.fetch import require

        require(recipe.data.name, placement.data_dir)
    device = pick_device(placement)
    where = replace(device, environment={**device.environment, **own_code.environment(approved)})
    request = {
        "recipe": recipe.to_table(),
        "teacher": teacher,
        "initial": initial,
        "parts": [str(user_path(file).absolute()) for file in own_parts],
        "low": span.low,
        "high": span.high,
        "steps": span.steps,
        "seed": draft.seeds()[0],
        "device": where.device,
        "threads": placement.threads,
        "data_dir": str(user_path(placement.data_dir).absolute()) if placement.data_dir else "",
    }
    guessing = math.log(data["classes"]) if recipe.loss.name == "cross_entropy" else math.inf
    return SweepPlan(draft, span, request, where, guessing)


def _own_rate(recipe: Recipe, parts: Catalog) -> float:
    """The default learning rate of the recipe's optimizer."""
    (rate,) = (param.default for param in parts.get("optimizer", recipe.optimizer.name).params if param.name == "lr")
    return float(rate)


class SweepProgress:
    """How far a sweep has come: its curve, what it is doing, and how long it will take.

    Args:
        guessing: as in `SweepPlan`.
    """

    def __init__(self, guessing: float = math.inf) -> None:
        self.guessing = guessing
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.steps = 0
        """How many there will be; 0 while that is not known."""
        self.state = "preparing"
        """What it is doing, or how it ended."""
        self.failed: Failed | None = None
        self._began = self._now = 0.0

    def take(self, event: Event, now: float | None = None) -> None:
        """Take in an event of the sweep.

        Args:
            now: seconds of a monotonic clock; by default the time now.
        """
        match event:
            case RunStarted():
                self.steps = event.steps_per_epoch
            case Step():
                self._now = time.monotonic() if now is None else now
                self._began = self._began if self.rates else self._now
                self.rates.append(event.lr)
                self.losses.append(event.loss)
                at = f"step {event.step} of {self.steps}" if self.steps else f"step {event.step}"
                self.state = f"{at} · lr {learning_rate(event.lr)} · loss {number(event.loss)}{self._eta()}"
            case Phase():
                self.state = f"{event.name}{': ' if event.note else ''}{event.note}"
            case Message():
                self.state = event.text
            case Failed():
                self.failed = event

    def seconds_left(self) -> float:
        """At the pace so far; NaN while that is not known."""
        done = len(self.rates)
        if done < 2 or not self.steps:
            return math.nan
        return seconds_left(self.steps, done, (self._now - self._began) / (done - 1))

    def _eta(self) -> str:
        left = self.seconds_left()
        return "" if math.isnan(left) else f" · ~{duration(left)} left"

    def curve(self) -> LrCurve:
        """The curve of all steps so far."""
        return fold(self.rates, self.losses, self.guessing)


def text_of(rate: float) -> str:
    """A learning rate as a flag takes it: 0.022, 2.2e-05."""
    return f"{rate:.3g}"


def command(draft: Draft, rate: float) -> str:
    """The command that trains the draft with that learning rate."""
    return shlex.join(draft.put("optimizer.lr", text_of(rate)).command(detach=False))


def suggestions(curve: LrCurve) -> list[str]:
    """The suggested learning rate and a second one, each with its rule; or why there is none."""
    if not curve.found:
        return [f"no suggestion: {curve.rule}"]
    return [
        f"{learning_rate(curve.suggestion)}  {curve.rule}",
        f"{learning_rate(curve.second)}  {STEEPEST}",
    ]
