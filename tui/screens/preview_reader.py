"""Reads from a run folder what the preview of Results shows."""

from __future__ import annotations

import threading
from contextlib import suppress

from engine.analysis.history import History
from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Recipe
from engine.contract.run.store import RunFolder, Summary
from tui.drawing.figures import extra_accuracies, matches_preset, subset_of_test
from tui.drawing.run_preview import Preview


class Reader:
    """Reads previews. Of the run that it read last it reads only what is new. Serves one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folder: RunFolder | None = None
        self._history: History | None = None
        self._recipe: Recipe | None = None

    def read(self, run: Summary, folder: RunFolder) -> Preview:
        """The preview of a run. Never raises: a damaged run has an empty curve."""
        with self._lock:
            if self._history is None or folder != self._folder:
                self._folder, self._history, self._recipe = folder, History(folder.events), None
                with suppress(BadInput):  # the row in the table already shows the problem
                    self._recipe = folder.inspect()[0]
            history = self._history
            history.poll()
            images = history.started.test_images if history.started else 0
            epochs, test = history.epoch("epoch").copy(), 100 * history.epoch("test_accuracy")
            promise = self._recipe.promise if self._recipe else None
            more = tuple(filter(None, [*extra_accuracies(history.course.last), subset_of_test(self._recipe)]))
        own = matches_preset(run.preset, run.changes)
        return Preview(run, epochs, test, images, promise, own, more, history.garbage)
