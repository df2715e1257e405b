"""Everything that the tabs of Inspect show of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.analysis.against import Against
from engine.analysis.against_files import AgainstBaseline
from engine.analysis.confused import Confused, confused
from engine.analysis.disagree import Disagreement, disagreement
from engine.analysis.further import to_json
from engine.analysis.judged_images import JudgedImages, judged
from engine.analysis.mistakes import Doubts, doubts
from engine.analysis.mistakes import to_json as mistakes_to_json
from engine.analysis.on_set import MATRIX_UP_TO, classes_of, on_same_set, read_set
from engine.analysis.overview import Overview, overview
from engine.analysis.pairing import Unpaired, common_images
from engine.contract.errors import BadInput
from engine.contract.run.predicted import Predicted, entries
from engine.contract.run.store import RunFolder, Summary
from engine.data.given.shown import GivenImages, given_images
from engine.data.images import StoredImages, stored_images
from engine.predict.asked import model_input
from tui.dashboard.accuracy_series import CurveStyle
from tui.dashboard.options import Options
from tui.dashboard.view import RunView
from tui.drawing.kept import Kept


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read of a run."""

    view: RunView
    overview: Overview
    confused: Confused | None
    judged: JudgedImages | Unpaired
    """What it predicts for each test image; else why that is not known."""
    images: StoredImages | GivenImages | str
    """The test images; else why they cannot be shown, as a sentence."""
    others: tuple[JudgedImages, ...] = ()
    """The other marked runs that were tested on the same data, in the order of their marks."""
    disagreements: tuple[Disagreement, ...] = ()
    """The run against each of `others` with which it can be paired."""
    doubt: Doubts = field(default_factory=Doubts)
    """The images whose labels are worth a look."""
    look: CurveStyle = field(default_factory=CurveStyle)
    looks: Mapping[str, CurveStyle] = field(default_factory=dict)
    """The looks of the other marked runs, by id."""
    baseline: RunView | None = None
    """The run that all differences are to; None if there is none, or if it is this run."""
    against: Against | None = None
    """The run against the baseline on the same images."""
    options: Options = field(default_factory=Options)
    """How curves are drawn."""
    further: tuple[Predicted, ...] = ()
    """Its results on further test sets."""
    on: Predicted | None = None
    """The one of these that the tabs show; None for the test set."""
    kept: Kept = field(default_factory=Kept, repr=False, compare=False)
    """What the tabs have made of all this but `options`. Another reading begins with nothing."""

    @property
    def id(self) -> str:
        return self.view.run.id[-4:]

    @property
    def set_name(self) -> str:
        """What the images of the tabs are called in headings."""
        return self.on.stem if self.on else "test"

    def to_json(self) -> dict[str, Any]:
        """Every figure of the tabs, for `runs show --json`."""
        return {
            "test_sets": [to_json(one) for one in self.further],
            "overview": self.overview.to_json() | {"baseline": self._against_json()},
            "confusion": self.confused.to_json() if self.confused else None,
            "mistakes": None
            if isinstance(self.judged, Unpaired)
            else mistakes_to_json(self.judged, self.others, self.doubt),
            "disagree": []
            if isinstance(self.judged, Unpaired)
            else [one.to_json(self.judged) for one in self.disagreements],
        }

    def _against_json(self) -> dict[str, Any] | None:
        base, found = self.baseline, self.against
        if base is None or found is None:
            return None
        difference, epoch, base_epoch = self.view.against(base)
        return {
            "id": base.run.id,
            "difference": difference,
            "epoch": epoch,
            "baseline_epoch": base_epoch,
            "paired_difference": found.difference,
            "interval": [found.interval.low, found.interval.high] if found.interval else None,
            "images": found.images,
            "why": found.why,
        }


def read_facts(
    view: RunView,
    run: Summary,
    runs: Sequence[Summary],
    others: Sequence[Summary] = (),
    looks: Sequence[CurveStyle] = (),
    baseline: Summary | None = None,
    on: str = "",
) -> Facts:
    """Read what is new of a run. Takes a moment, so it is called in a thread.

    Args:
        runs: all runs, of which those of the same recipe count for a comparison with a reported figure.
        others: the other marked runs.
        looks: of the run and of the others; by default those of a run alone.
        baseline: the run that all differences are to.
        on: the further test set that the tabs show; "", or one that the run has no results on, for the test set.
    """
    view.poll()
    base = RunView(RunFolder(Path(baseline.folder))) if baseline and baseline.folder != run.folder else None
    if base is not None:
        base.poll()
    further = tuple(entries(view.run))
    chosen = next((one for one in further if one.stem == on), None)
    found = judged(run)
    known = _alike(found, others)
    facts = Facts(
        view=view,
        overview=overview(view.run, run, view.history, runs),
        confused=confused(view.history),
        judged=found,
        images=_images(run.data, found),
        others=known,
        disagreements=() if isinstance(found, Unpaired) else _pairs(found, known, runs),
        doubt=Doubts() if isinstance(found, Unpaired) else doubts(found, known, [run, *others]),
        look=looks[0] if looks else CurveStyle(),
        baseline=base,
        against=AgainstBaseline().read(run, baseline) if base is not None and baseline is not None else None,
        looks={other.id: look for other, look in zip(others, looks[1:], strict=False)},
        further=further,
    )
    return facts if chosen is None else on_set(facts, chosen, run, others)


def on_set(facts: Facts, entry: Predicted, run: Summary, others: Sequence[Summary]) -> Facts:
    """The facts with everything about classes and images replaced by that on a further test set."""
    table, found = read_set(run, entry)
    read = [on_same_set(other, entry) for other in others if other.id != run.id]
    known = _paired(found, [one for one in read if isinstance(one, JudgedImages)])
    return replace(
        facts,
        overview=replace(facts.overview, classes=classes_of(table) if table is not None else ()),
        confused=table if table is not None and len(table.names) <= MATRIX_UP_TO else None,
        judged=found,
        images=_given(facts.view.run, entry, found),
        others=known,
        disagreements=() if isinstance(found, Unpaired) else _pairs(found, known, []),
        doubt=Doubts() if isinstance(found, Unpaired) else doubts(found, known, [run, *others]),
        on=entry,
        kept=Kept(),
    )


def _given(run: RunFolder, entry: Predicted, found: JudgedImages | Unpaired) -> GivenImages | str:
    if isinstance(found, Unpaired):
        return f"no images of single cells: {found.reason}"
    try:
        return given_images(entry, model_input(run))
    except (ValueError, BadInput) as error:
        return f"no images: {error}"


def _alike(found: JudgedImages | Unpaired, others: Sequence[Summary]) -> tuple[JudgedImages, ...]:
    """The predictions of the other runs, of those that were tested on the same data."""
    if isinstance(found, Unpaired):
        return ()
    return _paired(found, [judged(other) for other in others if other.id != found.run])


def _paired(found: JudgedImages | Unpaired, read: Sequence[JudgedImages | Unpaired]) -> tuple[JudgedImages, ...]:
    """Those of the other runs' answers that are to the same images."""
    if isinstance(found, Unpaired):
        return ()
    known = [one for one in read if isinstance(one, JudgedImages)]
    return tuple(one for one in known if not isinstance(common_images([found.answers, one.answers]), Unpaired))


def _pairs(found: JudgedImages, others: Sequence[JudgedImages], runs: Sequence[Summary]) -> tuple[Disagreement, ...]:
    compared = [disagreement(found, other, runs) for other in others]
    return tuple(one for one in compared if isinstance(one, Disagreement))


def _images(name: str, found: JudgedImages | Unpaired) -> StoredImages | str:
    if isinstance(found, Unpaired):
        return f"no images of single cells: {found.reason}"
    try:
        images = stored_images(name, found.answers.data)
    except ValueError as error:
        return f"no images: {error}"
    index = found.answers.index
    if len(index) and (index[-1] >= len(images.labels) or (images.labels[index] != found.answers.labels).any()):
        return f"no images: those in {images.path} have other labels than the run was tested with"
    return images
