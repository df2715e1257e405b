"""What runs predict together: how much two of them differ, what their mean predicts, and which labels look wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt

Classes = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float64]

SUSPECT_RUNS: Final = 3
SUSPECT_RECIPES: Final = 2
SUSPECT_PROBABILITY: Final = 0.9


def softmax(logits: npt.NDArray[np.floating]) -> Probabilities:
    """Probabilities (N, C) of logits (N, C) of any float type, in float64."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(-1, keepdims=True)
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(-1, keepdims=True)
    return shifted


@dataclass(frozen=True, slots=True)
class Churn:
    """The share of images to which two runs give different classes, with two references. All are 0..1.

    Churn alone means nothing: two seeds of one recipe, whose accuracies are equal, differ on several percent.
    """

    share: float
    independent: float
    """The churn if each run drew its answer at random with the frequencies of its own confusion matrix."""
    two_seeds: float
    """Mean churn of two seeds of one recipe; NaN if there are none."""
    pairs: int
    """Number of pairs of seeds in `two_seeds`."""


def churn(predicted: Classes, baseline: Classes, labels: Classes, seeds: Sequence[Sequence[Classes]] = ()) -> Churn:
    """Compare the predictions of two runs.

    Args:
        predicted: (N,) classes that a run predicts.
        baseline: (N,) the same for the baseline.
        labels: (N,) correct classes.
        seeds: for each recipe the predictions (N,) of its runs, each with another seed.
    """
    same = [float((one != other).mean()) for runs in seeds for one, other in combinations(runs, 2)]
    return Churn(
        share=float((predicted != baseline).mean()),
        independent=_independent(predicted, baseline, labels),
        two_seeds=sum(same) / len(same) if same else math.nan,
        pairs=len(same),
    )


def _independent(predicted: Classes, baseline: Classes, labels: Classes) -> float:
    number = int(max(predicted.max(), baseline.max(), labels.max())) + 1
    counts = []
    for one in (predicted, baseline):
        counts.append(np.bincount(labels * number + one, minlength=number * number).reshape(number, number))
    members = np.maximum(counts[0].sum(1), 1)
    agreeing = (counts[0] * counts[1]).sum(1) / members  # expected number of images of each class
    return float(1 - agreeing.sum() / len(labels))


@dataclass(frozen=True, slots=True)
class Ensemble:
    """What several runs predict together, compared with what they predict alone."""

    runs: int
    accuracy: float
    """Accuracy of the class with the highest mean probability, 0..1."""
    alone: float
    """Mean accuracy of the runs."""


def ensemble(probabilities: Sequence[Probabilities], labels: Classes) -> Ensemble:
    """Average the probabilities (N, C) of runs, such as the seeds of a recipe, for images with these labels (N,)."""
    mean = np.mean(probabilities, axis=0)
    alone = [float((one.argmax(1) == labels).mean()) for one in probabilities]
    return Ensemble(len(alone), float((mean.argmax(1) == labels).mean()), sum(alone) / len(alone))


@dataclass(frozen=True, slots=True)
class Suspect:
    """An image whose label is worth a look: all runs give it the same other class. Not proof of a wrong label."""

    image: int
    """Position in the arrays given."""
    label: int
    predicted: int
    probability: float
    """Mean probability of `predicted` over the runs, at least `SUSPECT_PROBABILITY`."""


def suspects(probabilities: Sequence[Probabilities], recipes: Sequence[str], labels: Classes) -> list[Suspect]:
    """Images to which all runs give the same wrong class with a high mean probability, the surest first.

    None unless there are at least `SUSPECT_RUNS` runs of at least `SUSPECT_RECIPES` recipes, since runs of one recipe
    share its mistakes.

    Args:
        probabilities: (N, C) of each run.
        recipes: the recipe id of each run.
        labels: (N,) the labels given.
    """
    if len(probabilities) < SUSPECT_RUNS or len(set(recipes)) < SUSPECT_RECIPES:
        return []
    predicted = np.stack([one.argmax(1) for one in probabilities])
    mean = np.mean(probabilities, axis=0)[np.arange(len(labels)), predicted[0]]
    agreed = (predicted == predicted[0]).all(0) & (predicted[0] != labels) & (mean >= SUSPECT_PROBABILITY)
    found = [Suspect(int(at), int(labels[at]), int(predicted[0, at]), float(mean[at])) for at in np.flatnonzero(agreed)]
    return sorted(found, key=lambda one: -one.probability)
