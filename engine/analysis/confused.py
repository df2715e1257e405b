"""The confusion matrix of a run's last test by class, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.analysis.history import History

Matrix = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Confused:
    """Images by their true class (rows) and the class that they are given (columns)."""

    epoch: int
    names: tuple[str, ...]
    matrix: Matrix
    """(C, C)."""

    @property
    def accuracy(self) -> float:
        """Share of all images on the diagonal, 0..1."""
        return float(self.matrix.trace() / max(int(self.matrix.sum()), 1))

    @property
    def recall(self) -> list[float]:
        """Share of the images of each class that are recognized, 0..1; NaN for a class without images."""
        return _shares(self.matrix.diagonal(), self.matrix.sum(1))

    @property
    def precision(self) -> list[float]:
        """Share of the images given each class that belong to it, 0..1; NaN for a class given to none."""
        return _shares(self.matrix.diagonal(), self.matrix.sum(0))

    @property
    def lost(self) -> list[int]:
        """Images of each class that are taken for another."""
        return [int(value) for value in self.matrix.sum(1) - self.matrix.diagonal()]

    @property
    def gained(self) -> list[int]:
        """Images of other classes that are taken for each class."""
        return [int(value) for value in self.matrix.sum(0) - self.matrix.diagonal()]

    def share(self, label: int, predicted: int) -> float:
        """Images of a cell as a share of their true class, 0..1; 0 for a class without images."""
        return float(self.matrix[label, predicted] / max(int(self.matrix[label].sum()), 1))

    def pairs(self, most: int = 0) -> list[tuple[int, int, int]]:
        """(true class, class given, images) of the mistakes, the most frequent first, by class where they are equal."""
        wrong = self.matrix.copy()
        np.fill_diagonal(wrong, 0)
        found = [(int(i), int(j), int(wrong[i, j])) for i, j in np.argwhere(wrong > 0)]
        found.sort(key=lambda one: (-one[2], one[0], one[1]))
        return found[:most] if most else found

    def by_similarity(self) -> list[int]:
        """The classes in an order in which those confused often stand beside each other.

        A chain: it begins with the two classes confused most, and grows at whichever end has the closest neighbor.
        """
        both = self.matrix + self.matrix.T
        np.fill_diagonal(both, -1)
        first, second = np.unravel_index(int(both.argmax()), both.shape)
        chain = [int(first), int(second)]
        while len(chain) < len(self.names):
            rest = [one for one in range(len(self.names)) if one not in chain]
            ends = [(int(both[end, one]), end == chain[0], one) for end in (chain[-1], chain[0]) for one in rest]
            _, front, one = max(ends, key=lambda found: found[0])
            chain = [one, *chain] if front else [*chain, one]
        return chain

    def to_json(self) -> dict[str, Any]:
        """The object of `runs show --json`."""
        return {
            "epoch": self.epoch,
            "accuracy": self.accuracy,
            "classes": list(self.names),
            "matrix": self.matrix.tolist(),
            "recall": self.recall,
            "precision": self.precision,
            "lost": self.lost,
            "gained": self.gained,
            "mistakes": [
                {"truth": self.names[i], "taken_for": self.names[j], "images": count, "share": self.share(i, j)}
                for i, j, count in self.pairs()
            ],
        }


def confused(history: History) -> Confused | None:
    """The matrix of the last test by class; None without one, and for more classes than it is recorded for."""
    judged = next((epoch for epoch in reversed(history.epochs) if epoch.per_class), None)
    if judged is None or len(judged.per_class) < 2 or len(judged.confused) != len(judged.per_class) ** 2:
        return None
    n = len(judged.per_class)
    names = history.started.classes if history.started and len(history.started.classes) == n else []
    matrix = np.asarray(judged.confused, np.int64).reshape(n, n)
    return Confused(judged.epoch, tuple(names or [f"class {i}" for i in range(n)]), matrix)


def _shares(part: Matrix, whole: Matrix) -> list[float]:
    with np.errstate(invalid="ignore"):
        return [float(value) for value in np.where(whole > 0, part / whole, np.nan)]
