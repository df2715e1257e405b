"""The mistakes of one run as single images: how sure it was, what else it considered, and what other runs say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from engine.analysis.judged_images import JudgedImages, Places
from engine.analysis.statistics.agreement import (
    SUSPECT_PROBABILITY,
    SUSPECT_RECIPES,
    SUSPECT_RUNS,
    suspects,
)
from engine.contract.run.summary import Summary

Order = Literal["most confident first", "least confident first", "highest loss first", "by index"]
ORDERS: Final[tuple[Order, ...]] = (
    "most confident first", "least confident first", "highest loss first", "by index",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sureness:
    """How sure a run is of its answer to one image."""

    margin: float
    """Logit of the class predicted minus the next one."""
    entropy: float
    """Of the probabilities, in nats."""
    loss: float
    """Cross-entropy of the true class, in nats."""


def sureness(judged: JudgedImages, place: int) -> Sureness:
    """The figures of one image."""
    probabilities = judged.probabilities[place]
    first, second = np.sort(probabilities)[::-1][:2]
    seen = probabilities[probabilities > 0]
    truth = float(probabilities[judged.answers.labels[place]])
    return Sureness(
        margin=math.log(first / second) if second > 0 else math.inf,
        entropy=float(-(seen * np.log(seen)).sum()),
        loss=-math.log(truth) if truth > 0 else math.inf,
    )


def mistaken(judged: JudgedImages, order: Order = ORDERS[0], label: int | None = None) -> Places:
    """The places of the images that are misclassified.

    Args:
        label: only images of this class; None for all classes.
    """
    answers = judged.answers
    wrong = answers.predicted != answers.labels
    found = np.flatnonzero(wrong if label is None else wrong & (answers.labels == label))
    match order:
        case "most confident first":
            return judged.surest_first(found)
        case "least confident first":
            return judged.surest_first(found)[::-1]
        case "highest loss first":
            return found[np.argsort(judged.probabilities[found, answers.labels[found]], kind="stable")]
        case "by index":
            return found


@dataclass(frozen=True, slots=True)
class ClassMistakes:
    """The mistakes of one class."""

    label: int
    images: int
    most: int
    """The class that its images are taken for most often; -1 without a mistake."""


def by_class(judged: JudgedImages) -> list[ClassMistakes]:
    """The mistakes of each class, most first."""
    n, answers = len(judged.classes), judged.answers
    table = np.bincount(answers.labels * n + answers.predicted, minlength=n * n).reshape(n, n)
    np.fill_diagonal(table, 0)
    counts = [ClassMistakes(i, int(row.sum()), int(row.argmax()) if row.any() else -1) for i, row in enumerate(table)]
    return sorted(counts, key=lambda one: -one.images)


@dataclass(frozen=True, slots=True)
class RunAnswer:
    """What one run says about an image."""

    run: str
    predicted: int
    probability: float


def answers_to(runs: Sequence[JudgedImages], index: int) -> list[RunAnswer]:
    """What each run says about the image with this index of the test set; runs not tested on it are left out."""
    found = [(one, one.place(index)) for one in runs]
    return [
        RunAnswer(one.run, int(one.answers.predicted[place]), one.probability(place))
        for one, place in found
        if place is not None
    ]


@dataclass(frozen=True, slots=True)
class Doubts:
    """Images to which all of several runs give the same wrong class; `why` says why none can be named."""

    places: tuple[int, ...] = ()
    """Places in the predictions of the run in question, the surest first."""
    why: str = ""


def doubts(judged: JudgedImages, others: Sequence[JudgedImages], rows: Sequence[Summary]) -> Doubts:
    """The suspects of the run in question and the other marked ones, which must be of the same data.

    Args:
        rows: the rows of all these runs, for their recipes.
    """
    runs = [judged, *others]
    recipes = {row.id: row.recipe_id for row in rows}
    known = [recipes.get(one.run, one.run) for one in runs]
    if len(runs) < SUSPECT_RUNS or len(set(known)) < SUSPECT_RECIPES:
        needs = f"suspects need {SUSPECT_RUNS} marked runs of {SUSPECT_RECIPES} recipes"
        return Doubts(why=f"{needs}; here are {len(runs)} of {len(set(known))}")
    shared = judged.answers.index
    for one in others:
        shared = np.intersect1d(shared, one.answers.index, assume_unique=True)
    places = [np.searchsorted(one.answers.index, shared) for one in runs]
    probabilities = [one.probabilities[place] for one, place in zip(runs, places, strict=True)]
    found = suspects(probabilities, known, judged.answers.labels[places[0]])
    return Doubts(tuple(int(places[0][one.image]) for one in found))


def to_json(judged: JudgedImages, others: Sequence[JudgedImages], doubt: Doubts) -> dict[str, Any]:
    """The object of `runs show --json`: every mistake, the surest first, with its five most probable classes."""
    names, answers = judged.classes, judged.answers

    def image(place: int) -> dict[str, Any]:
        sure = sureness(judged, place)
        index = int(answers.index[place])
        return {
            "index": index,
            "truth": names[int(answers.labels[place])],
            "predicted": names[int(answers.predicted[place])],
            "classes": [{"class": names[label], "probability": share} for label, share in judged.top(place)],
            "truth_probability": float(judged.probabilities[place, answers.labels[place]]),
            "margin": sure.margin,
            "entropy": sure.entropy,
            "loss": sure.loss,
            "others": [
                {"run": one.run, "predicted": names[one.predicted], "probability": one.probability}
                for one in answers_to(others, index)
            ],
        }

    places = mistaken(judged)
    return {
        "images": len(answers.labels),
        "count": len(places),
        "mistakes": [image(int(place)) for place in places],
        "by_class": [
            {"class": names[one.label], "images": one.images, "most": names[one.most] if one.most >= 0 else None}
            for one in by_class(judged)
        ],
        "suspects": [int(answers.index[place]) for place in doubt.places],
        "no_suspects_because": doubt.why or None,
        "suspect_probability": SUSPECT_PROBABILITY,
    }
