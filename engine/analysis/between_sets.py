"""Marked runs against a baseline on further test sets, each on the same images: what this says about these models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.analysis.further import averaged
from engine.analysis.pairing import Answers, Unpaired, pair
from engine.analysis.statistics.student import quantile, two_sided_p
from engine.analysis.stats import Interval
from engine.analysis.verdict import Outcome, Rules, family_size
from engine.contract.run import predicted
from engine.contract.run.folder import RunFolder
from engine.contract.run.predicted import Answered, Predicted
from engine.contract.run.summary import Summary


@dataclass(frozen=True, slots=True)
class SetVerdict:
    """A run on a further test set, and against the baseline."""

    run: str
    entry: Predicted
    difference: float = math.nan
    """Accuracy of the run minus that of the baseline, -1..1; NaN for the baseline and where they are not compared."""
    interval: Interval | None = None
    """95 % confidence interval of `difference`, unadjusted."""
    p: float = math.nan
    """Two-sided: the mid-p value of McNemar's test, or of a corruption set that of a t test over original images."""
    adjusted: float = math.nan
    """`p` corrected for the runs that are compared on this set."""
    outcome: Outcome = "untested"
    reason: str = ""
    """Why it is not compared; "" if it is, and for the baseline."""


@dataclass(frozen=True, slots=True)
class OnSet:
    """The marked runs that were tested on one further test set: one family of comparisons."""

    name: str
    data: str
    """SHA-256 that the files have in common."""
    baseline: str
    rows: tuple[SetVerdict, ...]
    """The baseline first, if it was tested on this set; then the others in the order of their marks."""
    rules: Rules

    @property
    def size(self) -> int:
        """Number of comparisons with a p value."""
        return family_size([row.p for row in self.rows])


def compare_on_sets(runs: Sequence[Summary], baseline: str, rules: Rules | None = None) -> tuple[OnSet, ...]:
    """Compare runs with the baseline on every further test set with labels that any of them was tested on.

    Only final weights are compared: the best epoch may have been picked on the test set. Files with the same SHA-256
    are one set, whatever they are called.

    Args:
        runs: all marked runs, among them the baseline.
        baseline: its id.
    """
    rules = rules or Rules()
    folders = {run.id: RunFolder(Path(run.folder)) for run in runs}
    order = sorted(runs, key=lambda run: run.id != baseline)
    sets: dict[str, list[tuple[Summary, Predicted]]] = {}
    for run in order:
        for entry in predicted.entries(folders[run.id]):
            if entry.which == "final" and entry.labeled:
                sets.setdefault(entry.data, []).append((run, entry))
    found = []
    for data, tested in sets.items():
        base = next((one for one in tested if one[0].id == baseline), None)
        rows = [_verdict(run, entry, base, folders) for run, entry in tested]
        adjusted = rules.corrected([row.p for row in rows])
        judged = [
            replace(row, adjusted=value, outcome=rules.judge(row.interval, value))
            for row, value in zip(rows, adjusted, strict=True)
        ]
        found.append(OnSet(tested[0][1].name, data, baseline, tuple(judged), rules))
    return tuple(sorted(found, key=lambda one: one.name))


def _verdict(
    run: Summary, entry: Predicted, base: tuple[Summary, Predicted] | None, folders: dict[str, RunFolder]
) -> SetVerdict:
    row = SetVerdict(run.id, entry)
    if base is None:
        return replace(row, reason="the baseline was not tested on it")
    if run.id == base[0].id:
        return row
    if run.excluded or base[0].excluded:
        return replace(row, reason=run.excluded or f"the baseline is left out: {base[0].excluded}")
    try:
        mine, theirs = (predicted.answered(folders[one.id], its) for one, its in ((run, entry), base))
    except (OSError, ValueError):
        return replace(row, reason="its answers cannot be read")
    if list(mine.classes) != list(theirs.classes) or not np.array_equal(mine.labels, theirs.labels):
        return replace(row, reason="it has other classes")
    return _by_original(row, mine, theirs) if entry.corrupted else _by_image(row, base[1], mine, theirs)


def _by_image(row: SetVerdict, base: Predicted, mine: Answered, theirs: Answered) -> SetVerdict:
    """McNemar's test, as on the test set."""
    both = pair(answers_on(row.run, row.entry, mine), answers_on("", base, theirs))
    if isinstance(both, Unpaired):
        return replace(row, reason=both.reason)
    counts = both.counts
    return replace(row, difference=counts.difference, interval=counts.interval(), p=counts.mid_p)


def _by_original(row: SetVerdict, mine: Answered, theirs: Answered) -> SetVerdict:
    """A t test on the mean difference of original images.

    All versions of an image share its fate, so each image counts once, with the share of its versions that a model
    classifies correctly; counting every version would make the interval several times too short.
    """
    names = {one["name"] for one in averaged(row.entry)}
    gaps = shares_right(mine, names) - shares_right(theirs, names)
    n, mean = len(gaps), float(gaps.mean())
    error = float(gaps.std(ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    if not error:
        return replace(row, difference=mean, reason="no original image tells them apart")
    half = quantile(0.975, n - 1) * error
    interval = Interval(max(mean - half, -1.0), min(mean + half, 1.0))
    return replace(row, difference=mean, interval=interval, p=two_sided_p(mean / error, n - 1))


def shares_right(found: Answered, names: set[str]) -> NDArray[np.float64]:
    """(n,) of each original image the share of its versions that are classified correctly, over these corruptions."""
    chosen = [at for at, name in enumerate(found.corruptions) if name in names]
    shares: NDArray[np.float64] = (found.predicted[chosen] == found.labels).mean((0, 1))
    return shares


def answers_on(run: str, entry: Predicted, found: Answered) -> Answers:
    """The answers of a run on a set with labels, in the form that those on the test set have."""
    return Answers(
        run=run,
        labels=found.labels,
        predicted=found.logits.argmax(1),
        index=np.arange(len(found.labels)),
        classes=tuple(found.classes),
        data=entry.data,
        weights=entry.weights,
        epoch=entry.epoch,
    )
