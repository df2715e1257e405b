"""Two runs on the same test images: where one is right and the other wrong, and how often their answers differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from engine.analysis.chosen import by_recipe
from engine.analysis.judged_images import JudgedImages
from engine.analysis.pairing import Answers, Pair, Unpaired, answers, common_images, pair
from engine.analysis.statistics.agreement import Churn, Classes, Ensemble, churn, ensemble
from engine.contract.run.summary import Summary

MOST_SEEDS: Final = 4
"""Seeds of a recipe that are read at most for the churn of two seeds."""


@dataclass(frozen=True, slots=True, eq=False)
class Disagreement:
    """A run and another one; `pair` counts the images with the other run as its baseline."""

    other: JudgedImages
    pair: Pair
    wrong_alike: int
    """Images to which both give the same wrong class."""
    churn: Churn
    together: Ensemble
    accuracies: tuple[float, float]
    """Of the run and of the other one on the images that both have, 0..1."""
    places: tuple[tuple[int, int], ...]
    """(place in the run, place in the other one) of the images that only one has right, the surest first."""

    def to_json(self, judged: JudgedImages) -> dict[str, Any]:
        """The object of `runs show --json`."""
        counts, names = self.pair.counts, judged.classes

        def image(mine: int, theirs: int) -> dict[str, Any]:
            return {
                "index": int(judged.answers.index[mine]),
                "truth": names[int(judged.answers.labels[mine])],
                "run": [{"class": names[one], "probability": share} for one, share in judged.top(mine, 2)],
                "other": [{"class": names[one], "probability": share} for one, share in self.other.top(theirs, 2)],
            }

        return {
            "other": self.other.run,
            "images": counts.images,
            "both_right": counts.both,
            "only_run_right": counts.won,
            "only_other_right": counts.lost,
            "both_wrong": counts.neither,
            "shares": [count / counts.images for count in (counts.both, counts.won, counts.lost, counts.neither)],
            "wrong_alike": self.wrong_alike,
            "exact_p": counts.exact_p,
            "mid_p": counts.mid_p,
            "churn": asdict(self.churn),
            "by_class": [
                {"class": name, "only_run": one.won, "only_other": one.lost}
                for name, one in zip(names, self.pair.per_class, strict=True)
            ],
            "accuracies": list(self.accuracies),
            "together": self.together.accuracy,
            "count": len(self.places),
            "disagree": [image(*one) for one in self.places],
        }


def disagreement(judged: JudgedImages, other: JudgedImages, rows: Sequence[Summary]) -> Disagreement | Unpaired:
    """Compare two runs image by image; else why they cannot be paired.

    Args:
        rows: runs among which the seeds of both recipes are looked for, for the churn of two seeds of one recipe.
    """
    found = common_images([judged.answers, other.answers])
    paired = pair(judged.answers, other.answers)
    if isinstance(found, Unpaired):
        return found
    if isinstance(paired, Unpaired):
        return paired
    mine, theirs = found
    labels, one, two = judged.answers.labels[mine], judged.answers.predicted[mine], other.answers.predicted[theirs]
    apart = np.flatnonzero((one == labels) != (two == labels))
    sure = np.maximum(judged.probabilities[mine[apart], one[apart]], other.probabilities[theirs[apart], two[apart]])
    apart = apart[np.argsort(-sure, kind="stable")]
    return Disagreement(
        other=other,
        pair=paired,
        wrong_alike=int(((one == two) & (one != labels)).sum()),
        churn=churn(one, two, labels, _seeds(judged, other, rows)),
        together=ensemble([judged.probabilities[mine], other.probabilities[theirs]], labels),
        accuracies=(float((one == labels).mean()), float((two == labels).mean())),
        places=tuple((int(mine[at]), int(theirs[at])) for at in apart),
    )


def _seeds(judged: JudgedImages, other: JudgedImages, rows: Sequence[Summary]) -> list[list[Classes]]:
    """The predictions of a few seeds of both recipes, each on the images that they have in common."""
    recipes = {row.recipe_id for row in rows if row.id in (judged.run, other.run)}
    known = {one.run: one.answers for one in (judged, other)}
    groups = []
    for group in by_recipe(row for row in rows if row.recipe_id in recipes):
        read: list[Answers] = []
        for row in group.runs[:MOST_SEEDS]:
            one = known.get(row.id) or answers(row)
            if not isinstance(one, Unpaired):
                read.append(one)
        places = common_images(read) if len(read) > 1 else []
        if not isinstance(places, Unpaired):
            groups.append([one.predicted[place] for one, place in zip(read, places, strict=False)])
    return groups
