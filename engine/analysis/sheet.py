"""A sheet of small pictures: what passes from the process that makes them to the one that shows them. No torch."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """Pictures in rows and columns."""

    tiles: np.ndarray
    """uint8 (rows, columns, H, W, 3)."""
    heads: list[str]
    """Over each column."""
    captions: list[list[list[str]]]
    """Under each picture of each row: lines of text."""

    def __post_init__(self) -> None:
        rows, columns = self.tiles.shape[:2]
        if len(self.heads) != columns or [len(row) for row in self.captions] != [columns] * rows:
            raise ValueError(f"{rows} x {columns} pictures need a head a column and a caption each")

    def to_bytes(self) -> bytes:
        """One line of JSON, then the pixels."""
        head = {"shape": self.tiles.shape, "heads": self.heads, "captions": self.captions}
        return json.dumps(head).encode() + b"\n" + np.ascontiguousarray(self.tiles, np.uint8).tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Sheet:
        """The sheet again. Raises ValueError where the bytes are not one."""
        line, _, pixels = data.partition(b"\n")
        head = json.loads(line)
        tiles = np.frombuffer(pixels, np.uint8).reshape(head["shape"])
        return cls(tiles, head["heads"], head["captions"])
