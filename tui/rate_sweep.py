"""Finding a learning rate for a draft: what the command and the workbench share. The sweep itself is a process."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.analysis.lr_curve import Curve
from engine.contract.catalog import Catalog
from engine.contract.errors import BadInput
from engine.contract.teacher import with_teacher
from engine.data.fetch import require
from engine.launch.sweep import Place, Sweep, place
from tui.format import learning_rate
from tui.forms.draft import Draft

LEAST: Final = 1e-9
MOST: Final = 1e3
FEW: Final = 20
MANY: Final = 10_000


@dataclass(frozen=True, slots=True)
class Span:
    """The rates to try: `steps` of them from `low` to `high`, by equal factors."""

    low: float = 1e-7
    high: float = 10.0
    steps: int = 100

    def problems(self) -> list[str]:
        """What is wrong with it, with the flag and its range."""
        found = []
        if not LEAST <= self.low <= MOST:
            found.append(f"--min: got {self.low:g}, needs {LEAST:g} <= x <= {MOST:g}")
        if not self.low < self.high <= MOST:
            found.append(f"--max: got {self.high:g}, needs {self.low:g} (--min) < x <= {MOST:g}")
        if not FEW <= self.steps <= MANY:
            found.append(f"--steps: got {self.steps}, needs {FEW} <= x <= {MANY}")
        return found


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
    draft: Draft, source: str, span: Span, roots: Sequence[Path], parts: Catalog, own_parts: Sequence[str] = ()
) -> Job:
    """Resolve a draft and check everything that can be known without torch.

    Args:
        source: the file or name behind `draft.preset`.
        roots: the runs folders in which a teacher is looked for.
        own_parts: files with parts of the user's own, which `parts` knows already.

    Raises:
        BadInput: with every problem of the span, or of the recipe, or the first one outside them.
    """
    if problems := span.problems():
        raise BadInput(problems)
    recipe, teacher = with_teacher(draft.recipe(source, parts), roots, parts)
    placement = draft.placement()
    data = parts.get("dataset", recipe.data.name).meta
    if data.get("downloadable"):
        require(recipe.data.name, placement.data_dir)
    where = place(placement)
    request = {
        "recipe": recipe.to_table(),
        "teacher": teacher,
        "parts": [str(Path(file).expanduser().absolute()) for file in own_parts],
        "low": span.low,
        "high": span.high,
        "steps": span.steps,
        "seed": draft.seeds()[0],
        "device": where.device,
        "threads": placement.threads,
        "data_dir": str(Path(placement.data_dir).expanduser().absolute()) if placement.data_dir else "",
    }
    guessing = math.log(data["classes"]) if recipe.loss.name == "cross_entropy" else math.inf
    return Job(draft, span, request, where, guessing)


def text_of(rate: float) -> str:
    """A rate as a flag takes it: 0.022, 2.2e-05."""
    return f"{rate:.3g}"


def command(draft: Draft, rate: float) -> str:
    """The command that trains the draft with that rate."""
    words = draft.put("optimizer.lr", text_of(rate)).command()
    return shlex.join([word for word in words if word != "--detach"])


def verdict(curve: Curve) -> list[str]:
    """The suggestion and a second one, each with its rule; or what to try where there is none."""
    if not curve.found:
        return [f"no suggestion: {curve.rule}", "try more steps, a larger batch or a narrower range"]
    lines = [f"{learning_rate(curve.suggestion)}  {curve.rule} (arXiv:1506.01186)"]
    return [*lines, f"{learning_rate(curve.tenth)}  a tenth of the rate with the lowest smoothed loss"]
