"""Read a CSV file with a column for the epoch or the step and named columns, as loggers and web sites write it.

Lightning's metrics.csv fills the columns of training and validation in alternating rows; timm's summary.csv has a row
an epoch; the CSV that W&B's site exports of a chart has a column for each run, `RUN - METRIC`.
"""

from __future__ import annotations

import contextlib
import csv
import io
import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from engine.contract.errors import BadInput
from engine.contract.lines import open_regular
from engine.contract.text import one_line
from engine.exchange.imports.points import MOST_TAGS
from engine.exchange.imports.sources import Content, Progress, unwatched

EPOCH_COLUMNS: Final = ("epoch", "epochs", "ep", "trainer/epoch", "train/epoch")
STEP_COLUMNS: Final = (
    "step", "_step", "steps", "global_step", "trainer/global_step", "train/global_step", "iteration", "iter",
)  # fmt: skip
TIME_COLUMNS: Final = ("_timestamp", "timestamp", "wall_time", "wall time")
EMPTY: Final = ("", "null", "none", "n/a")
"""Cells without a value, in lower case."""
OF_A_RUN: Final = " - "
"""Separates run and metric in the head of a column of W&B."""
_BOUNDS: Final = ("__MIN", "__MAX")
"""Ends of the columns in which W&B puts the least and the greatest value of a group."""


def read_csv(path: Path, progress: Progress = unwatched) -> dict[str, Content]:
    """The columns of a file by run; the run is "" unless the columns name several.

    Raises:
        BadInput: the file cannot be read or is no table, a row has no epoch or step, or a cell is no number.
    """
    with _opened(path, progress) as table:
        return table.read()


def runs_in(path: Path) -> list[str]:
    """The runs that the columns name: [""] for a file of one run. Raises BadInput."""
    with _opened(path, unwatched) as table:
        return list(dict.fromkeys(run for run, _ in table.targets.values())) or [""]


@contextlib.contextmanager
def _opened(path: Path, progress: Progress) -> Iterator[_Table]:
    """A table whose head has been read. Raises BadInput, also while it is read."""
    try:
        raw = os.fdopen(open_regular(path, follow=True), "rb")
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None
    with raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file:
        try:
            yield _Table(path, file, raw.tell, progress)
        except (csv.Error, UnicodeDecodeError) as error:
            raise BadInput(f"{path}: not a CSV file: {error}") from None


class _Table:
    """A file whose head has been read."""

    def __init__(self, path: Path, file: io.TextIOWrapper, tell: Callable[[], int], progress: Progress) -> None:
        self._path, self._file, self._tell, self._progress = path, file, tell, progress
        first = file.readline(1 << 20)
        self._delimiter = max(",;\t", key=first.count)
        self._head = [name.strip() for name in next(csv.reader([first], delimiter=self._delimiter), [])]
        self._check_head()
        lowered = [name.lower() for name in self._head]
        self._epoch, self._step, self._time = (
            next((lowered.index(name) for name in names if name in lowered), None)
            for names in (EPOCH_COLUMNS, STEP_COLUMNS, TIME_COLUMNS)
        )
        if self._epoch is None and self._step is None:
            listed = one_line(", ".join(self._head), 200)
            raise BadInput(f"{path}: no column for the epoch or the step (columns: {listed})")
        self.targets = self._targets()
        """Run and tag of each column that holds values."""

    def read(self) -> dict[str, Content]:
        """All rows."""
        found = {run: Content(axis="step" if self._step is not None else "epoch") for run, _ in self.targets.values()}
        texts: set[int] = set()
        numeric: set[int] = set()
        for number, row in self._rows():
            if all(cell.strip().lower() in EMPTY for column, cell in enumerate(row) if column in self.targets):
                continue
            at = self._position(number, row)
            t = self._cell(number, self._time, row[self._time]) if self._time is not None else 0.0
            for column, (run, tag) in self.targets.items():
                cell = row[column].strip()
                if column in texts or cell.lower() in EMPTY:
                    continue
                if column not in numeric and not _is_number(cell):
                    texts.add(column)
                    continue
                numeric.add(column)
                found[run].tracks.add(tag, at, t or 0.0, self._cell(number, column, cell))
        return found or {"": Content()}

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows with their line numbers, each as long as the head."""
        reported = 0
        rows = csv.reader(self._file, delimiter=self._delimiter)
        for number, row in enumerate(rows, 2):
            if not row:
                continue
            if len(row) != len(self._head):
                raise BadInput(f"{self._path}, row {number}: {len(row)} cells, the head has {len(self._head)}")
            if number % 4096 == 0:
                self._progress(self._tell() - reported)
                reported = self._tell()
            yield number, row
        self._progress(self._tell() - reported)

    def _check_head(self) -> None:
        repeated = {name for name in self._head if name and self._head.count(name) > 1} if len(self._head) < 999 else ()
        if len(self._head) < 2:
            raise BadInput(f"{self._path}: not a table with named columns")
        if len(self._head) > MOST_TAGS:
            raise BadInput(f"{self._path}: {len(self._head):,} columns; at most {MOST_TAGS:,} are read")
        if repeated:
            raise BadInput(f"{self._path}: the column {min(repeated)!r} occurs twice")

    def _targets(self) -> dict[int, tuple[str, str]]:
        places = (self._step, self._time) if self._step is not None else (self._epoch, self._time)
        values = [column for column in range(len(self._head)) if column not in places and self._head[column]]
        named = {column: self._head[column].split(OF_A_RUN) for column in values}
        if values and all(len(parts) >= 2 for parts in named.values()):
            return {
                column: (OF_A_RUN.join(parts[:-1]), parts[-1])
                for column, parts in named.items()
                if not parts[-1].endswith(_BOUNDS) and parts[-1] not in STEP_COLUMNS
            }
        return {column: ("", self._head[column]) for column in values}

    def _position(self, number: int, row: Sequence[str]) -> float:
        column = self._step if self._step is not None else self._epoch
        assert column is not None  # checked when the head was read
        if row[column].strip().lower() in EMPTY:
            raise BadInput(f"{self._path}, row {number}: no value in the column {self._head[column]!r}")
        at = self._cell(number, column, row[column])
        if not 0 <= at <= 2**53:
            raise BadInput(f"{self._path}, row {number}: {self._head[column]} is {row[column]}, needs a count")
        return at

    def _cell(self, number: int, column: int | None, text: str) -> float:
        try:
            return float(text)
        except ValueError:
            name = self._head[column or 0]
            if column == self._time:  # a date
                return 0.0
            raise BadInput(
                f"{self._path}, row {number}, column {name!r}: {one_line(text, 40)!r} is no number"
            ) from None


def _is_number(text: str) -> bool:
    try:
        return not math.isnan(float(text)) or text.lower().lstrip("+-") == "nan"
    except ValueError:
        return False
