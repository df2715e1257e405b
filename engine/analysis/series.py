"""Growing columns of numbers ordered by a key, in which repeated rows replace earlier ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Series:
    """Rows of float64 in named columns, kept strictly ascending by key.

    A row whose key is not above the last one replaces all rows from its key on: after a crash the repeated steps
    replace the lost ones, and adding the same rows again changes nothing.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = {name: row for row, name in enumerate(names, 1)}  # row 0 holds the keys
        self._data = np.empty((len(names) + 1, 256))
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def column(self, name: str) -> Array:
        """A read-only view (rows,), valid until rows are added. KeyError for an unknown name."""
        view = self._data[self._names[name], : self._size]
        view.flags.writeable = False
        return view

    def extend(self, keys: Array, rows: Array) -> None:
        """Add rows (n, columns) with keys (n,), which must be finite."""
        falls = np.flatnonzero(np.diff(keys) <= 0) + 1
        for part_keys, part in zip(np.split(keys, falls), np.split(rows, falls), strict=True):
            if len(part_keys):
                self.cut(part_keys[0])
                self._append(part_keys, part)

    def cut(self, key: float) -> None:
        """Drop the rows with a key of at least `key`."""
        if self._size and key <= self._data[0, self._size - 1]:
            self._size = int(np.searchsorted(self._data[0, : self._size], key))

    def _append(self, keys: Array, rows: Array) -> None:
        end = self._size + len(keys)
        if end > self._data.shape[1]:
            grown = np.empty((len(self._data), max(end, 2 * self._data.shape[1])))
            grown[:, : self._size] = self._data[:, : self._size]
            self._data = grown
        self._data[0, self._size : end] = keys
        self._data[1:, self._size : end] = rows.T
        self._size = end
