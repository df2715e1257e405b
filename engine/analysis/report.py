"""Reported against measured: a published figure and the finished runs of its recipe, with the same epoch selection."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from engine.analysis.seeds import left_out, one_a_seed, repeated
from engine.analysis.stats import Interval, Spread, spread, wilson
from engine.contract.lines import LineReader
from engine.contract.run.course import Course
from engine.contract.run.event_file import from_table
from engine.contract.run.events import Epoch, Event, RunStarted, System
from engine.contract.run.summary import Summary
from engine.contract.values import parse_lines, read_float

Selection = Literal["best_on_test", "last", "unknown"]

BLOCK_BYTES: Final = 4 << 20
_SKIPPED: Final = (b'{"event": "step"', b'{"event": "message"', b'{"event": "checkpoint"')


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one run. `best` is its best epoch on `best_on`: the test set, or images held out of training.

    A run that was tested only at its end has no best epoch: `best` is None and `best_on` "".
    """

    run: str
    seed: int
    last: Epoch
    best: Epoch | None
    best_on: str = "test"
    seconds: float = math.nan
    estimated: bool = False
    """Whether `seconds` was estimated from the wall clock."""
    device: str = ""
    test_images: int = 0
    params: int = 0
    gpu_bytes: float = math.nan
    """Highest GPU memory of the run in any sample."""

    def epoch(self, selection: Selection) -> Epoch | None:
        """The epoch to compare: for a source that does not say which epoch it reports, the last one.

        None if that is the best one and the run has none.
        """
        return self.best if selection == "best_on_test" else self.last


def outcome(run: Summary) -> Outcome | None:
    """The result of a run, from its events; None if no epoch was tested."""
    reader = LineReader(Path(run.folder) / "events.jsonl")
    course, gpu_bytes = Course(), math.nan
    while block := reader.poll(BLOCK_BYTES):
        lines = [line for line in block.split(b"\n") if not line.startswith(_SKIPPED)]
        for table in parse_lines(b"\n".join(lines))[0]:
            match event := from_table(table):
                case System():
                    gpu_bytes = _larger(gpu_bytes, _ours(event))
                case Event():
                    course.take(event)
    if course.last is None:
        return None
    started = course.started or RunStarted(t=0.0)
    return Outcome(
        run=run.id,
        seed=run.seed,
        last=course.last,
        best=None if course.tested_once else course.best or course.last,
        best_on=course.best_on,
        seconds=run.seconds,
        estimated=run.estimated,
        device=started.device_name or started.device,
        test_images=started.test_images,
        params=started.params,
        gpu_bytes=gpu_bytes,
    )


def _larger(a: float, b: float) -> float:
    """The larger value, ignoring NaN."""
    return b if math.isnan(a) or b > a else a


def _ours(sample: System) -> float:
    """GPU memory of the run in a sample, over all GPUs; NaN if no GPU reports it."""
    held = []
    for gpu in sample.gpus:
        try:
            held.append(read_float(gpu.get("memory_ours")))
        except TypeError:
            continue
    return sum(held) if held else math.nan


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A published figure and the finished runs of its recipe, one per seed."""

    id: str
    selection: Selection
    reported: float
    """Published test accuracy, 0..1; NaN if the source gives none."""
    outcomes: tuple[Outcome, ...]
    unfinished: tuple[Summary, ...] = ()
    """Unfinished runs of the recipe, of seeds without a finished run."""
    repeated: str = ""
    """Which seeds have more than one finished run, as a sentence."""
    left_out: str = ""
    """How many runs of the recipe the user has left out, and why, as a sentence."""

    @property
    def measured(self) -> Spread:
        """Test accuracy with the source's epoch selection."""
        return self.at(lambda epoch: epoch.test_accuracy)

    @property
    def last(self) -> Spread:
        """Test accuracy of the last epoch: the headline figure."""
        return self.over(lambda run: run.last.test_accuracy)

    @property
    def best(self) -> Spread:
        """Test accuracy of each run's best epoch, as selected by the run."""
        return spread(run.best.test_accuracy for run in self.outcomes if run.best)

    @property
    def best_on(self) -> str:
        """What the best epochs were selected on: "holdout" only if no run selected on the test set."""
        return "holdout" if {run.best_on for run in self.outcomes if run.best} == {"holdout"} else "test"

    @property
    def estimated(self) -> bool:
        """Whether the time of any run was estimated from the wall clock."""
        return any(run.estimated for run in self.outcomes)

    @property
    def difference(self) -> float:
        """Measured minus reported accuracy, -1..1; NaN if either is missing."""
        return self.measured.mean - self.reported

    @property
    def interval(self) -> Interval | None:
        """95 % confidence interval of the measured mean for the size of the test set alone; None without a figure."""
        return wilson(self.measured.mean, self.test_images) if self.test_images and self.measured.n else None

    @property
    def test_images(self) -> int:
        """Number of test images; 0 without a run."""
        return min((run.test_images for run in self.outcomes), default=0)

    @property
    def seconds(self) -> float:
        """Mean time of a run."""
        return self.over(lambda run: run.seconds).mean

    @property
    def device(self) -> str:
        """The devices of the runs."""
        return ", ".join(dict.fromkeys(run.device for run in self.outcomes))

    @property
    def mixed(self) -> bool:
        """Whether a train accuracy is against mixed labels and so not comparable with a test accuracy."""
        return any(run.last.train_mixed for run in self.outcomes)

    def over(self, figure: Callable[[Outcome], float]) -> Spread:
        """Mean and spread of a figure over the runs."""
        return spread(map(figure, self.outcomes))

    def at(self, figure: Callable[[Epoch], float]) -> Spread:
        """Mean and spread of a figure at the selected epoch of each run that has one."""
        return spread(figure(epoch) for run in self.outcomes if (epoch := run.epoch(self.selection)))


def reproduce(
    id: str,
    recipe_id: str,
    selection: Selection,
    reported: float | None,
    runs: Iterable[Summary],
    read: Callable[[Summary], Outcome | None] = outcome,
) -> Reproduction:
    """Compare the runs of a recipe with a published figure. Of several finished runs with one seed the newest counts.

    Runs that the user has left out do not count, finished or not.

    Args:
        read: returns the outcome of a run; pass a cached function if runs are used for several figures.
    """
    found_here = [run for run in runs if run.recipe_id == recipe_id]
    mine = sorted((run for run in found_here if not run.excluded), key=lambda run: run.created)
    ended, again = one_a_seed([run for run in mine if run.status == "finished"], _seed, lambda run: run.created)
    found = [result for run in sorted(ended, key=_seed) if (result := read(run)) is not None]
    seeds = set(map(_seed, ended))
    others = {run.seed: run for run in mine if run.seed not in seeds}
    return Reproduction(
        id=id,
        selection=selection,
        reported=math.nan if reported is None else reported,
        outcomes=tuple(found),
        unfinished=tuple(others[seed] for seed in sorted(others)),
        repeated=repeated(again, _seed),
        left_out=left_out(run.excluded for run in found_here),
    )


def _seed(run: Summary) -> int:
    return run.seed
