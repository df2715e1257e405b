"""Rows as a table on the terminal and as a JSON file, both brought up to date after every row."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, Final

from bench.figures import Figure, Row, cell, plain
from bench.machine import Load, warning

FORMAT: Final = 1
FIRST, TEXT, FIGURE = 50, 10, 26  # widths of columns: rows are printed before the widest one is known


class RowPrinter:
    """Prints rows one by one; a row with other columns starts a new table."""

    def __init__(self) -> None:
        self._columns: list[str] = []

    def heading(self, text: str) -> None:
        """A line between tables."""
        print(f"\n{text}", flush=True)
        self._columns = []

    def row(self, row: Row) -> None:
        columns = list(row)
        widths = [FIRST, *(self._width(key, row[key]) for key in columns[1:])]
        for line in [columns] * (columns != self._columns) + [[cell(value) for value in row.values()]]:
            print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip(), flush=True)
        self._columns = columns

    @staticmethod
    def _width(key: str, value: Any) -> int:
        return max(FIGURE if isinstance(value, Figure) else TEXT, len(key))


class Report:
    """Everything that a JSON file of figures holds.

    Args:
        file: written after every row, so that an interrupted benchmark keeps what it has measured; None for no file.
        facts: what holds for the whole file, such as the machine.
    """

    def __init__(self, file: Path | None, load: Load, facts: dict[str, Any]) -> None:
        self._file, self._load = file, load
        self.table: dict[str, Any] = {
            "format": FORMAT,
            "began": time.strftime("%Y-%m-%d %H:%M"),
            "command": ["python", "-m", "bench", *sys.argv[1:]],
            **facts,
            "load": load.so_far(),
            "areas": {},
            "left out": [],
        }

    def add(self, area: str, row: Row) -> None:
        """Keep a row and write the file."""
        self.table["areas"].setdefault(area, []).append({key: plain(value) for key, value in row.items()})
        self.write()

    def end(self, left_out: list[str]) -> str:
        """Write the file for the last time; returns a warning if others were busy, else an empty string."""
        self.table["left out"] = left_out
        self.write()
        return warning(self.table["load"])

    def write(self) -> None:
        self.table["load"] = self._load.so_far()
        if self._file:
            self._file.write_text(json.dumps(self.table, indent=1))
