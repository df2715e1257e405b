"""Marked runs against a baseline: what their predictions on the same images say about these models.

One run of a recipe is one model. Its p value says whether chance in the choice of test images explains the difference
of two models; what another seed would give is not in it. See `engine.analysis.between_recipes` for recipes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.analysis.compare import Comparison, comparable
from engine.analysis.pairing import Answers, Pair, Unpaired, answers, common_images, pair
from engine.analysis.standing import Standing
from engine.analysis.statistics.agreement import Churn
from engine.analysis.statistics.agreement import churn as churn_of
from engine.analysis.statistics.mcnemar import PairedCounts, unpaired_interval
from engine.analysis.stats import Interval
from engine.analysis.verdict import Outcome, Rules, family_size
from engine.contract.run.summary import Summary


@dataclass(frozen=True, slots=True)
class ModelVerdict:
    """A run against the baseline."""

    run: str
    difference: float
    """Accuracy of the run minus that of the baseline, -1..1; on the common images if paired."""
    interval: Interval | None
    """95 % confidence interval of `difference`, unadjusted; without `pair` it is the wider one for unpaired images.
    None if the number of test images is unknown."""
    pair: Pair | None
    reason: str
    """Why the run is not paired: "not finished", "no predictions"; "" if it is."""
    churn: Churn | None = None
    """How often both predict different classes; None without `pair`."""
    p: float = math.nan
    """Two-sided mid-p value of McNemar's test; NaN without `pair`."""
    adjusted: float = math.nan
    """`p` corrected for the family."""
    outcome: Outcome = "untested"


@dataclass(frozen=True, slots=True)
class ClassVerdict:
    """A pair of runs on the test images of one class."""

    name: str
    counts: PairedCounts
    p: float
    """Two-sided mid-p value of McNemar's test on these images."""
    adjusted: float
    """`p` corrected for the number of classes."""


@dataclass(frozen=True, slots=True)
class Models:
    """All marked runs against the baseline: one family of comparisons."""

    baseline: str
    rows: tuple[ModelVerdict, ...]
    left_out: tuple[tuple[str, str], ...]
    """Runs without a row, with the reason: they were tested on other data, or the user has left them out."""
    rules: Rules

    @property
    def size(self) -> int:
        """Number of comparisons with a p value, for which the p values are corrected."""
        return family_size([row.p for row in self.rows])


def compare_models(
    rows: Sequence[Comparison], runs: Sequence[Summary], baseline: str, rules: Rules | None = None
) -> Models:
    """Compare runs with the baseline, image by image where both have finished and kept their predictions.

    Args:
        rows: all marked runs, among them the baseline, with their differences to it.
        runs: the same runs in the same order.
        baseline: id of the baseline.
    """
    rules = rules or Rules()
    found = {run.id: answers(run) for run in runs if not run.excluded}
    standings = {row.standing.id: row.standing for row in rows}
    seeds = _seeds_of_recipes(runs, found)
    verdicts, left_out = [], []
    for row in rows:
        if row.standing.id == baseline:
            continue
        if why := row.standing.excluded or standings[baseline].excluded:
            left_out.append((row.standing.id, why if row.standing.excluded else f"the baseline is left out: {why}"))
            continue
        verdict = _verdict(row, standings[baseline], found[row.standing.id], found[baseline], seeds)
        if isinstance(verdict, Unpaired):
            left_out.append((row.standing.id, verdict.reason))
        else:
            verdicts.append(verdict)
    adjusted = rules.corrected([verdict.p for verdict in verdicts])
    judged = [
        replace(verdict, adjusted=value, outcome=rules.judge(verdict.interval, value))
        for verdict, value in zip(verdicts, adjusted, strict=True)
    ]
    return Models(baseline, tuple(judged), tuple(left_out), rules)


def by_class(both: Pair, rules: Rules) -> list[ClassVerdict]:
    """The difference of a pair class by class; the classes are a family of their own."""
    p = [counts.mid_p for counts in both.per_class]
    return [
        ClassVerdict(name, counts, value, adjusted)
        for name, counts, value, adjusted in zip(both.classes, both.per_class, p, rules.corrected(p), strict=True)
    ]


def _verdict(
    row: Comparison,
    base: Standing,
    mine: Answers | Unpaired,
    theirs: Answers | Unpaired,
    seeds: Sequence[Sequence[Answers]],
) -> ModelVerdict | Unpaired:
    one = row.standing
    if not comparable(one, base) and one.data != base.data:
        return Unpaired("tested on other data", other_data=True)
    if isinstance(mine, Answers) and isinstance(theirs, Answers):
        both = pair(mine, theirs)
        if isinstance(both, Pair):
            counts = both.counts
            gap, interval = counts.difference, counts.interval()
            return ModelVerdict(one.id, gap, interval, both, "", _churn(mine, theirs, seeds), counts.mid_p)
        return both
    reason = mine.reason if isinstance(mine, Unpaired) else f"of the baseline: {_reason(theirs)}"
    if not comparable(one, base):
        return Unpaired("tested on another number of images, without predictions to pair", other_data=True)
    return ModelVerdict(one.id, row.against, _unpaired(row, base), None, reason)


def _reason(found: Answers | Unpaired) -> str:
    return found.reason if isinstance(found, Unpaired) else ""


def _unpaired(row: Comparison, base: Standing) -> Interval | None:
    """The interval for the epochs at which both are compared; None without a difference or a number of images."""
    one = row.standing
    if math.isnan(row.against) or not one.test_images or not base.test_images:
        return None
    right = round(one.accuracy_at(row.at_epoch) * one.test_images)
    base_right = round(base.accuracy_at(row.base_epoch) * base.test_images)
    return unpaired_interval(right, one.test_images, base_right, base.test_images)


def _seeds_of_recipes(runs: Sequence[Summary], found: dict[str, Answers | Unpaired]) -> list[list[Answers]]:
    """The predictions of runs that differ only in the seed, one list per recipe with several of them."""
    recipes: dict[str, dict[int, Answers]] = {}
    for run in runs:
        known = found.get(run.id)  # None for a run that is left out
        if isinstance(known, Answers):
            recipes.setdefault(run.recipe_id, {})[run.seed] = known
    return [list(seeds.values()) for seeds in recipes.values() if len(seeds) > 1]


def _churn(mine: Answers, theirs: Answers, seeds: Sequence[Sequence[Answers]]) -> Churn:
    """Churn on the images that the two share with the seeds of the reference, which leaves out the pair itself."""
    seeds = [[one for one in group if one is not mine or theirs not in group] for group in seeds]
    flat = [one for group in seeds for one in group]
    places = common_images([mine, theirs, *flat])
    if isinstance(places, Unpaired):  # some of the seeds were tested on other images
        flat, seeds, places = [], [], common_images([mine, theirs])
    assert not isinstance(places, Unpaired)  # the two are paired
    predicted = [one.predicted[place] for one, place in zip([mine, theirs, *flat], places, strict=True)]
    rest = iter(predicted[2:])
    return churn_of(
        predicted[0], predicted[1], mine.labels[places[0]], [[next(rest) for _ in group] for group in seeds]
    )
