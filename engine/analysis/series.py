"""Growing columns of numbers ordered by the first one, in which repeated rows replace earlier ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

FIRST_ROWS: Final = 256
GROWTH: Final = 1.5


class Series:
    """Rows of float64 in named columns, kept strictly ascending by the first column, the key.

    A row whose key is not above the last one replaces all rows from its key on: after a crash the repeated steps
    replace the lost ones, and adding the same rows again changes nothing.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = {name: row for row, name in enumerate(names)}
        self._data = np.empty((len(names), FIRST_ROWS))
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def column(self, name: str) -> Array:
        """A read-only view (rows,), valid until rows are added or dropped. KeyError for an unknown name."""
        view = self._data[self._names[name], : self._size]
        view.flags.writeable = False
        return view

    def extend(self, rows: Array) -> None:
        """Add rows (n, columns), whose keys must be finite."""
        falls = np.flatnonzero(np.diff(rows[:, 0]) <= 0) + 1
        for part in np.split(rows, falls):
            if len(part):
                self.cut(part[0, 0])
                self._append(part)

    def cut(self, key: float) -> None:
        """Drop the rows with a key of at least `key`."""
        if self._size and key <= self._data[0, self._size - 1]:
            self._size = int(np.searchsorted(self._data[0, : self._size], key))

    def keep_last(self, rows: int) -> None:
        """Drop all rows but the last ones."""
        if self._size > rows:
            self._data[:, :rows] = self._data[:, self._size - rows : self._size]
            self._size = rows

    def _append(self, rows: Array) -> None:
        end = self._size + len(rows)
        if end > self._data.shape[1]:
            grown = np.empty((len(self._data), max(end, int(GROWTH * self._data.shape[1]))))
            grown[:, : self._size] = self._data[:, : self._size]
            self._data = grown
        self._data[:, self._size : end] = rows.T
        self._size = end
