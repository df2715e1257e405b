"""Reads from a run folder what the preview of Results shows."""

from __future__ import annotations

import threading
from pathlib import Path

from engine.analysis.compare import fields
from engine.contract.run.store import RunFolder, Summary
from tui.dashboard.classes import class_rows, evaluated_by_class
from tui.dashboard.view import RunView
from tui.drawing.figures import extra_accuracies, matches_preset, subset_of_test
from tui.drawing.run_preview import AccuracyCurve, PreviewValues


class Reader:
    """Reads previews. Of the run and the baseline that it read last it reads only what is new.

    May be used from several threads; they take turns.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._views: dict[str, RunView] = {}
        """The run and the baseline that were read last."""

    def read(self, run: Summary, baseline: Summary | None = None) -> PreviewValues:
        """The preview of a run. Never raises: a damaged run has an empty curve."""
        with self._lock:
            base = baseline if baseline is not None and baseline.folder != run.folder else None
            wanted = {run.folder, base.folder if base else ""}
            self._views = {place: view for place, view in self._views.items() if place in wanted}
            view = self._polled(run)
            base_view = self._polled(base) if base else None
            history = view.history
            tested = evaluated_by_class(history)
            return PreviewValues(
                run=run,
                curve=curve_of(view),
                test_images=history.started.test_images if history.started else 0,
                promise=view.recipe.promise if view.recipe else None,
                unchanged=matches_preset(run.preset, run.changes),
                details=tuple(filter(None, [*extra_accuracies(history.course.last), subset_of_test(view.recipe)])),
                garbage=history.garbage,
                classes=tuple(class_rows(view, base_view)),
                confused=tuple(tested[0].confused) if tested else (),
                baseline=base,
                baseline_curve=curve_of(base_view) if base_view else AccuracyCurve(),
                fields=tuple(fields(view.recipe).items()) if view.recipe else (),
            )

    def _polled(self, run: Summary) -> RunView:
        """The view of a run, brought up to date."""
        view = self._views.get(run.folder)
        if view is None:
            view = self._views[run.folder] = RunView(RunFolder(Path(run.folder)))
        view.poll()
        return view


def curve_of(view: RunView) -> AccuracyCurve:
    """The test accuracy of a run."""
    return AccuracyCurve(view.epoch_ends, 100 * view.history.epoch("test_accuracy"), view.length)
