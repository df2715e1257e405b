"""Saved comparisons: which runs were marked, against which baseline, on which axes, and what was judged."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import platformdirs

from engine.contract.errors import BadInput, nearest_or_all
from engine.contract.files import listed, read_json, write_atomic

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
RESERVED: Final = ("list", "rm", "save", "show")
"""Names that are commands of `cifar-tui compare`."""
X_UNITS: Final = ("epoch", "step", "time", "schedule")
AXES: Final = ("log error", "log loss", "linear")


@dataclass(frozen=True, slots=True)
class SavedComparison:
    """A saved comparison."""

    name: str
    runs: tuple[str, ...]
    """Full ids, in the order of their marks."""
    baseline: str = ""
    """Full id; "" for the first run."""
    x: str = "epoch"
    """Unit of the x axis, one of `X_UNITS`."""
    axis: str = "log error"
    """Scale of the y axis, one of `AXES`."""
    by_recipe: bool = False
    """Whether recipes are judged, and not models."""

    @property
    def summary(self) -> str:
        """What it holds, in a few words: "4 runs against 8fq2, recipes"."""
        base = f" against {(self.baseline or self.runs[0])[-4:]}" if self.runs else ""
        return f"{len(self.runs)} runs{base}, {'recipes' if self.by_recipe else 'models'}"


def folder() -> Path:
    """Where comparisons are kept; it may not exist."""
    return platformdirs.user_data_path("cifar-tui") / "comparisons"


def check_name(name: str) -> None:
    """Raises BadInput for a name that cannot be used, or is taken."""
    if not NAME.fullmatch(name) or name in RESERVED:
        raise BadInput(
            f"comparison name {name!r}: use letters, digits, _ . and -, at most 64; not {', '.join(RESERVED)}"
        )
    if _file(name).exists():
        raise BadInput(f"comparison {name!r} already exists: {_file(name)}")


def save(comparison: SavedComparison, *, replace: bool = False) -> Path:
    """Save a comparison and return its file.

    Args:
        replace: overwrite one of the same name.

    Raises:
        BadInput: the name is malformed or taken, there are fewer than two runs, or the folder cannot be written to.
    """
    if not (replace and NAME.fullmatch(comparison.name) and comparison.name not in RESERVED):
        check_name(comparison.name)
    if len(comparison.runs) < 2:
        raise BadInput(f"comparison {comparison.name!r}: name at least two runs")
    file = _file(comparison.name)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(file, json.dumps(asdict(comparison)).encode())
    except OSError as error:
        raise BadInput(f"cannot save {file}: {error.strerror}") from None
    return file


def load(name: str) -> SavedComparison:
    """A saved comparison. Raises BadInput if there is none of that name, or its file is damaged."""
    found = _read(_file(name)) if NAME.fullmatch(name) else None
    if found is None:
        names = [one.name for one in saved()]
        known = nearest_or_all(name, names) if names else "; none is saved"
        raise BadInput(f"unknown comparison {name!r}{known}")
    return found


def saved() -> list[SavedComparison]:
    """All saved comparisons by name; damaged files are left out."""
    return [one for one in map(_read, sorted(listed(folder(), ".json"))) if one is not None]


def remove(name: str) -> None:
    """Delete a saved comparison; its runs stay. Raises BadInput if there is none of that name."""
    load(name)
    _file(name).unlink(missing_ok=True)


def _file(name: str) -> Path:
    return folder() / f"{name}.json"


def _read(file: Path) -> SavedComparison | None:
    known = read_json(file)
    runs = known.get("runs") if known else None
    if not known or not isinstance(runs, list) or not all(isinstance(run, str) for run in runs) or len(runs) < 2:
        return None
    x, axis, baseline = known.get("x"), known.get("axis"), known.get("baseline")
    return SavedComparison(
        name=file.stem,
        runs=tuple(runs),
        baseline=baseline if isinstance(baseline, str) and baseline in runs else "",
        x=x if x in X_UNITS else "epoch",
        axis=axis if axis in AXES else "log error",
        by_recipe=known.get("by_recipe") is True,
    )
