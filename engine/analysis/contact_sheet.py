"""A contact sheet of small pictures, sent from the process that makes them to the one that shows them. No torch."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class ContactSheet:
    """Small pictures in rows and columns."""

    tiles: np.ndarray
    """uint8 (rows, columns, H, W, 3)."""
    heads: list[str]
    """The heading of each column."""
    captions: list[list[list[str]]]
    """The lines of text under each picture, by row and column."""

    def __post_init__(self) -> None:
        rows, columns = self.tiles.shape[:2]
        if len(self.heads) != columns or [len(row) for row in self.captions] != [columns] * rows:
            raise ValueError(f"{rows} x {columns} pictures need one heading per column and one caption per picture")

    def to_bytes(self) -> bytes:
        """One line of JSON, then the pixels."""
        head = {"shape": self.tiles.shape, "heads": self.heads, "captions": self.captions}
        return json.dumps(head).encode() + b"\n" + np.ascontiguousarray(self.tiles, np.uint8).tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> ContactSheet:
        """The sheet from `to_bytes`. Raises ValueError if the bytes are not a sheet."""
        line, _, pixels = data.partition(b"\n")
        head = json.loads(line)
        tiles = np.frombuffer(pixels, np.uint8).reshape(head["shape"])
        return cls(tiles, head["heads"], head["captions"])
