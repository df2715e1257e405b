"""What the reader of a file returns, whatever its format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from engine.exchange.imports.points import Tracks

Progress = Callable[[int], None]
"""Told how many bytes of a file have been read since the last call."""


def unwatched(size: int) -> None:
    """A `Progress` that nobody looks at."""


@dataclass(slots=True)
class Content:
    """The scalars of a file, and what else it says about its run."""

    tracks: Tracks = field(default_factory=Tracks)
    settings: dict[str, str | float | bool] = field(default_factory=dict)
    """Hyperparameters by name."""
    axis: Literal["step", "epoch"] = "step"
    """What the positions of the points count."""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that belongs to a run."""

    path: Path
    kind: Literal["events", "csv"]
    prefix: str = ""
    """The series of `add_scalars` that its folder stands for, appended to its tags."""
    split: str = ""
    """"train", "validation" or "test" if the folder says so."""
    part: str = ""
    """The run within a table that holds several."""
