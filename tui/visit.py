"""What one visit of the workbench leaves for the next: when it ended, its colors, marked runs, columns of Results."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.contract.files import read_json, write_atomic
from tui.drawing.palette import DARK, PALETTES


@dataclass(frozen=True, slots=True)
class Visit:
    """The contents of the state file."""

    left: float = 0.0
    """When the workbench was last left, Unix seconds; 0 if never."""
    theme: str = DARK.name
    marked: list[Any] = field(default_factory=list)
    """The marks as `tui.marks.to_table` writes them."""
    columns: list[str] | None = None
    """Keys of the columns that Results shows; None for those shown by default."""
    picked: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By folder of a marked run: its place among so many runs in the list sorted by accuracy, when it was marked."""

    @classmethod
    def read(cls, file: Path) -> Visit:
        """The last visit; whatever is missing or damaged has its default."""
        known = read_json(file) or {}
        left, theme, marked = known.get("left"), known.get("theme"), known.get("marked")
        if theme not in PALETTES:
            theme = "light" if known.get("light") is True else DARK.name  # as version 0.1 wrote it
        columns = known.get("columns")
        texts = [key for key in columns if isinstance(key, str)] if isinstance(columns, list) else None
        picked = known.get("picked")
        ranks = _ranks(picked) if isinstance(picked, dict) else {}
        return cls(_number(left), str(theme), marked if isinstance(marked, list) else [], texts, ranks)

    def write(self, file: Path) -> None:
        """Save it. If that fails, the next visit begins without news, colors and marks."""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(file, json.dumps(asdict(self)).encode(), durable=False)
        except OSError:
            return


def _ranks(table: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """The places that are well-formed."""
    found: dict[str, tuple[int, int]] = {}
    for folder, rank in table.items():
        match rank:
            case [int(place), int(number)] if 1 <= place <= number:
                found[folder] = (place, number)
    return found


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
