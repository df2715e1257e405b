"""scalars.npz: the scalars of an imported run that have no series of ours, as they were logged.

tags     (S,) their names
lengths  (S,) int64, points of each
epoch    (sum of lengths,) float64, the epoch of each point, from 1; 0 if there are no epochs
step     the position of each point as it was logged
time     seconds since 1970, 0 if unknown
value    the values
"""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.contract.errors import BadInput
from engine.contract.files import write_atomic
from engine.contract.lines import open_regular
from engine.exchange.imports.epochs import EpochAxis
from engine.exchange.imports.points import Array

if TYPE_CHECKING:
    from engine.exchange.imports.plan import Scalar

FILE: Final = "scalars.npz"
_DAMAGE: Final = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, TypeError, ValueError, KeyError)


@dataclass(frozen=True, slots=True)
class ImportedScalar:
    """One scalar: epoch (0 if unknown), step, time and value of each point, all (n,)."""

    epoch: Array
    step: Array
    time: Array
    value: Array


def write_scalars(folder: Path, scalars: Sequence[Scalar], axis: EpochAxis) -> None:
    """Write the file. Raises OSError, for example on a full disk."""
    steps = np.concatenate([scalar.points.steps for scalar in scalars])
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        tags=np.array([scalar.tag for scalar in scalars]),
        lengths=np.array([len(scalar.points) for scalar in scalars], dtype=np.int64),
        epoch=axis.epoch_of(steps).astype(np.float64) if axis.epochs else np.zeros(len(steps)),
        step=steps,
        time=np.concatenate([scalar.points.times for scalar in scalars]),
        value=np.concatenate([scalar.points.values for scalar in scalars]),
    )
    write_atomic(folder / FILE, buffer.getvalue())


def read_scalars(folder: Path) -> dict[str, ImportedScalar]:
    """The scalars of an imported run by tag; none if it has no such file. BadInput if it is damaged."""
    path = folder / FILE
    try:
        with os.fdopen(open_regular(path), "rb") as opened, np.load(opened, allow_pickle=False) as file:
            tags, ends = file["tags"].tolist(), np.cumsum(file["lengths"])[:-1]
            columns = [np.split(file[name], ends) for name in ("epoch", "step", "time", "value")]
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None
    except _DAMAGE as error:
        raise BadInput(f"{path} is damaged: {error or type(error).__name__}") from None
    return {str(tag): ImportedScalar(*parts) for tag, parts in zip(tags, zip(*columns, strict=True), strict=True)}
