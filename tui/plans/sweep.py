"""Finding a learning rate for a draft: what the command and the workbench share. The sweep itself is a process."""

from __future__ import annotations

import math
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from engine.analysis.lr_curve import STEEPEST, Curve, fold
from engine.contract.errors import BadInput, user_path
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.schema import Recipe
from engine.contract.run import own_code
from engine.contract.run.events import Event, Failed, Message, Phase, RunStarted, Step
from engine.contract.run.folder import RunFolder
from engine.contract.run.teacher import with_teacher
from engine.data.fetch import require
from engine.launch.sweep import Place, Sweep, place
from tui.drawing.format import duration, learning_rate, number
from tui.plans.draft import Draft

LEAST: Final = 1e-9
MOST: Final = 1e3
FEW: Final = 20
MANY: Final = 10_000
BELOW: Final = 1 / 100
"""Of the optimizer's own rate, what a sweep begins with where nobody says so: at that rate nets hardly move."""
ABOVE: Final = 30.0
"""Of it, what the sweep ends with: beyond it nets explode, and steps there are lost on all others."""


@dataclass(frozen=True, slots=True)
class Span:
    """The rates to try: `steps` of them from `low` to `high`, by equal factors."""

    low: float
    high: float
    steps: int = 0
    """0: as many as fit into a minute, which `engine.lr_find` finds out."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a span somebody asks for; None where they leave it to us."""

    low: float | None = None
    high: float | None = None
    steps: int | None = None

    def around(self, rate: float) -> Span:
        """The span, with what nobody asked for set around an optimizer's own rate. Raises BadInput."""
        low = rate * BELOW if self.low is None else self.low
        high = rate * ABOVE if self.high is None else self.high
        problems = []
        if not LEAST <= low <= MOST:
            problems.append(f"--min: got {low:g}, needs {LEAST:g} <= x <= {MOST:g}")
        if not low < high <= MOST:
            problems.append(f"--max: got {high:g}, needs {low:g} (--min) < x <= {MOST:g}")
        if self.steps is not None and not FEW <= self.steps <= MANY:
            problems.append(f"--steps: got {self.steps}, needs {FEW} <= x <= {MANY}")
        if problems:
            raise BadInput(problems)
        return Span(low, high, self.steps or 0)


@dataclass(frozen=True, slots=True)
class Job:
    """A sweep that may be started: all checks have passed."""

    draft: Draft
    span: Span
    request: dict[str, Any]
    place: Place
    guessing: float
    """The loss of a net that finds all classes equally likely; infinite where the recipe's loss is another one."""

    def start(self) -> Sweep:
        """Start its process."""
        return Sweep(self.request, self.place.environment)


def check(
    draft: Draft,
    source: str,
    wanted: Wanted,
    roots: Sequence[Path],
    parts: Catalog,
    own_parts: Sequence[str] = (),
    *,
    trust: bool = False,
) -> Job:
    """Resolve a draft and check everything that can be known without torch.

    Args:
        source: the file or name behind `draft.preset`.
        roots: the runs folders in which a teacher is looked for.
        own_parts: files with parts of the user's own, which `parts` knows already.
        trust: run the code that another run brings along even where it is another user's or has changed.

    Raises:
        Untrusted: there is such code.
        BadInput: with every problem of the span, or of the recipe, or the first one outside them.
    """
    recipe, teacher = with_teacher(draft.recipe(source, parts), roots, parts)
    span = wanted.around(_own_rate(recipe, parts))
    taught_by = [RunFolder(Path(teacher["folder"]))] if teacher else []
    own_code.approve(own_code.brought_by(own_parts), trust)
    approved = own_code.approve(taught_by, trust)
    placement = draft.placement()
    data = parts.get("dataset", recipe.data.name).meta
    if data.get("downloadable"):
        require(recipe.data.name, placement.data_dir)
    found = place(placement)
    where = replace(found, environment={**found.environment, **own_code.told(approved)})
    request = {
        "recipe": recipe.to_table(),
        "teacher": teacher,
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
    return Job(draft, span, request, where, guessing)


def _own_rate(recipe: Recipe, parts: Catalog) -> float:
    """The default learning rate of the recipe's optimizer."""
    (rate,) = (param.default for param in parts.get("optimizer", recipe.optimizer.name).params if param.name == "lr")
    return float(rate)


class Progress:
    """A sweep as far as it has come: its curve, what it is doing, and how long it will go on."""

    def __init__(self, guessing: float = math.inf) -> None:
        self.guessing = guessing
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.steps = 0
        """How many there will be; 0 while nobody knows."""
        self.state = "preparing"
        """What it is doing, or how it has ended."""
        self.failed: Failed | None = None
        self._began = self._now = 0.0

    def take(self, event: Event, now: float | None = None) -> None:
        """Add what it says.

        Args:
            now: seconds of a clock that never steps, for tests.
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
                self.state = f"{at} · rate {learning_rate(event.lr)} · loss {number(event.loss)}{self._eta()}"
            case Phase():
                self.state = f"{event.name}{': ' if event.note else ''}{event.note}"
            case Message():
                self.state = event.text
            case Failed():
                self.failed = event

    def seconds_left(self) -> float:
        """At the pace so far; NaN while it is not known."""
        done = len(self.rates)
        if done < 2 or not self.steps:
            return math.nan
        return (self._now - self._began) / (done - 1) * (self.steps - done)

    def _eta(self) -> str:
        left = self.seconds_left()
        return "" if math.isnan(left) else f" · ~{duration(left)} left"

    def curve(self) -> Curve:
        """Of all the steps so far."""
        return fold(self.rates, self.losses, self.guessing)


def text_of(rate: float) -> str:
    """A rate as a flag takes it: 0.022, 2.2e-05."""
    return f"{rate:.3g}"


def command(draft: Draft, rate: float) -> str:
    """The command that trains the draft with that rate."""
    words = draft.put("optimizer.lr", text_of(rate)).command()
    return shlex.join([word for word in words if word != "--detach"])


def verdict(curve: Curve) -> list[str]:
    """The suggestion and a second one, each with its rule; or why there is none."""
    if not curve.found:
        return [f"no suggestion: {curve.rule}"]
    return [
        f"{learning_rate(curve.suggestion)}  {curve.rule}",
        f"{learning_rate(curve.second)}  {STEEPEST}",
    ]
