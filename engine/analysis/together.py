"""What the predictions of several runs say together: ensembles of seeds, and test images whose labels are suspect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.analysis.pairing import Unpaired, answers_of, common_images, predictions_of
from engine.analysis.statistics.agreement import Classes, Ensemble, Probabilities, Suspect, ensemble, softmax, suspects
from engine.contract.run.predictions import StoredPredictions
from engine.contract.run.summary import Summary


@dataclass(frozen=True, slots=True)
class Suspects:
    """Test images to which all of several runs give the same wrong class with a high mean probability."""

    runs: tuple[str, ...]
    """The runs whose predictions are known."""
    recipes: int
    """Number of different recipes among them."""
    classes: tuple[str, ...]
    images: tuple[Suspect, ...]
    """The surest first; `image` is the index in the full test set."""


def ensemble_of(runs: Sequence[Summary]) -> Ensemble | None:
    """The ensemble of runs on the test images that all of them have; None with predictions of fewer than two."""
    known = _known(runs)
    if len(known) < 2 or isinstance(found := _on_common_images(known), Unpaired):
        return None
    probabilities, labels, _ = found
    return ensemble(probabilities, labels)


def suspects_of(runs: Sequence[Summary]) -> Suspects | None:
    """The suspect images of the runs that have predictions; None if these are of different data, or there are none.

    An empty list of images may also mean too few runs or recipes: see `engine.analysis.statistics.agreement.suspects`.
    """
    known = _known(runs)
    if not known or isinstance(found := _on_common_images(known), Unpaired):
        return None
    probabilities, labels, index = found
    recipes = [run.recipe_id for run, _ in known]
    images = [replace(one, image=int(index[one.image])) for one in suspects(probabilities, recipes, labels)]
    names = tuple(known[0][1].classes)
    return Suspects(tuple(run.id for run, _ in known), len(set(recipes)), names, tuple(images))


def _known(runs: Sequence[Summary]) -> list[tuple[Summary, StoredPredictions]]:
    found = [(run, predictions_of(run)) for run in runs if not run.excluded]
    return [(run, one) for run, one in found if not isinstance(one, Unpaired)]


def _on_common_images(
    known: Sequence[tuple[Summary, StoredPredictions]],
) -> tuple[list[Probabilities], Classes, Classes] | Unpaired:
    """Probabilities (n, C) of each run, labels (n,) and test indices (n,) of the images that all runs have."""
    all_answers = [answers_of(run.id, found) for run, found in known]
    places = common_images(all_answers)
    if isinstance(places, Unpaired):
        return places
    probabilities = [softmax(found.last[place]) for (_, found), place in zip(known, places, strict=True)]
    return probabilities, all_answers[0].labels[places[0]], all_answers[0].index[places[0]]
