"""`predicted/`: what a run answers for further test sets, those that a user brings. Two files for each set.

`NAME.json` says what was predicted with which weights, and how well; its fields are those of `Predicted`. `NAME.npz`
holds the answers, an archive without pickles:

classes           (C,) names
labels            (N,) int64 the correct classes; (0,) if they are not known; (5, n) for a corruption set
logits            (N, C) float16, minus the largest of each row; not for a corruption set
files             (N,) the file of each image, for a folder of images; else (0,)
corruptions       (K,) names, for a corruption set: one whose images have five severities of each corruption
predicted         (K, 5, n) int16 the classes with the largest logit, for a corruption set
confidence        (K, 5, n) float16 their probabilities, for a corruption set

Results of the weights of the best epoch have `@best` after their NAME.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tokenize import TokenError
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.contract.files import locked, make_folder, read_file, write_atomic
from engine.contract.lines import open_regular
from engine.contract.run.folder import RunFolder
from engine.contract.values import Count, Moment, Share, Size, build, encode_table, parse

SCHEMA: Final = 1
NAN: Final = float("nan")
NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
"""The name of a further test set."""
STEM: Final = re.compile(rf"{NAME.pattern}(@best)?")
FOLDER: Final = "predicted"
"""The folder within a run folder."""
SEVERITIES: Final = 5
MAX_ENTRY: Final = 64 << 20
"""Bytes of the largest NAME.json that is read; a folder of a million images has one of this size."""
DAMAGE: Final = (
    OSError, ValueError, KeyError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, TypeError, TokenError,
)  # fmt: skip
"""What reading a damaged NAME.npz may raise."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """`NAME.json`. Accuracies are 0..1; NaN where there are no labels."""

    schema: int = SCHEMA
    name: str = ""
    layout: str = ""
    """cifar10.1, corruptions, npy, npz or folder."""
    files: list[dict[str, Any]] = field(default_factory=list)
    """What was read: {"name", "role", "bytes", "sha256"}, without the folder that they were in."""
    data: str = ""
    """SHA-256 of the roles and hashes of all files: equal ones mean the same images in the same order."""
    images: Count = 0
    """Predicted images; of a corruption set those of all corruptions and severities."""
    which: str = "final"
    """The weights: "final" or "best"."""
    weights: str = "raw"
    """Their kind: raw, ema or swa."""
    weights_sha256: str = ""
    epoch: Count = 0
    """Of the weights, from 1."""
    accuracy: Share = NAN
    """Of a corruption set: the mean over its standard corruptions, all severities alike."""
    loss: Size = NAN
    """Mean cross entropy; not of a corruption set."""
    top5: Share = NAN
    """Top-5 accuracy; NaN for up to 20 classes, and of a corruption set."""
    per_class: list[Share] = field(default_factory=list)
    per_class_count: list[Count] = field(default_factory=list)
    sd: Size = NAN
    """Of a corruption set: the standard deviation, over its n original images, of the share of the versions of an
    image that are classified correctly. The corruptions that count are those of `accuracy`."""
    corruptions: list[dict[str, Any]] = field(default_factory=list)
    """Of a corruption set: {"name", "standard", "accuracy" and "tta_accuracy" by severity}."""
    tta: str = "off"
    """The test-time augmentation of `tta_accuracy`."""
    tta_accuracy: Share = NAN
    precision: str = "fp32"
    device: str = ""
    device_name: str = ""
    seconds: Size = NAN
    created: Moment = 0.0
    made_by: str = ""
    notes: list[str] = field(default_factory=list)
    """What a reader must know, as sentences."""
    arrays: dict[str, Any] = field(default_factory=dict)
    """{"bytes", "sha256"} of NAME.npz."""

    @property
    def stem(self) -> str:
        """The name of both files without their endings."""
        return self.name + ("" if self.which == "final" else f"@{self.which}")

    @property
    def labeled(self) -> bool:
        """Whether there are labels, and so an accuracy."""
        return self.accuracy == self.accuracy

    @property
    def corrupted(self) -> bool:
        """Whether it is a corruption set."""
        return bool(self.corruptions)

    @property
    def originals(self) -> int:
        """The number of different images; every version of an image of a corruption set is one and the same."""
        return self.images // (len(self.corruptions) * SEVERITIES) if self.corruptions else self.images


@dataclass(frozen=True, slots=True)
class Answered:
    """The arrays of NAME.npz, described in the module's docstring; those that a set does not have are empty."""

    classes: Sequence[str]
    labels: NDArray[np.int64]
    logits: NDArray[np.float16]
    files: Sequence[str] = ()
    corruptions: Sequence[str] = ()
    predicted: NDArray[np.int16] = field(default_factory=lambda: np.zeros((0, SEVERITIES, 0), np.int16))
    confidence: NDArray[np.float16] = field(default_factory=lambda: np.zeros((0, SEVERITIES, 0), np.float16))


def entries(run: RunFolder) -> list[Predicted]:
    """What was predicted, by name; files that are damaged are left out. Never raises."""
    try:
        names = sorted(path.name for path in run.predicted.iterdir() if path.suffix == ".json")
    except OSError:
        return []
    found = [entry_in(run.predicted / name) for name in names]
    return [one for one in found if one is not None]


def entry_in(path: Path) -> Predicted | None:
    """The content of a NAME.json; None if it is missing or damaged."""
    try:
        table = parse(read_file(path, MAX_ENTRY))
        one = build(Predicted, table) if table is not None else None
    except (OSError, TypeError):
        return None
    return one if one is not None and STEM.fullmatch(path.stem) and one.stem == path.stem and _is_whole(one) else None


def _is_whole(one: Predicted) -> bool:
    """Whether the rows of a corruption set are complete."""
    return all(
        isinstance(row.get("name"), str) and len(row.get("accuracy", ())) == SEVERITIES for row in one.corruptions
    )


def write(run: RunFolder, entry: Predicted, answered: Answered) -> None:
    """Write both files, replacing those of the same name. Raises OSError, for example on a full disk.

    `entry.arrays` is filled in here.
    """
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        classes=np.array(list(answered.classes)),
        labels=answered.labels,
        logits=answered.logits,
        files=np.array(list(answered.files), dtype=np.str_),
        corruptions=np.array(list(answered.corruptions), dtype=np.str_),
        predicted=answered.predicted,
        confidence=answered.confidence,
    )
    data = buffer.getvalue()
    entry.arrays.update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    make_folder(run.predicted, exist_ok=True)
    with locked(run.predicted / "lock", wait=True):  # two commands at once: each pair of files is of one of them
        write_atomic(run.predicted / f"{entry.stem}.npz", data)
        write_atomic(run.predicted / f"{entry.stem}.json", encode_table(entry))


def answered(run: RunFolder, entry: Predicted) -> Answered:
    """The answers of an entry. Raises OSError or ValueError if they are missing, damaged or do not belong to it."""
    path = run.predicted / f"{entry.stem}.npz"
    try:
        with os.fdopen(open_regular(path), "rb") as opened, np.load(opened, allow_pickle=False) as file:
            found = Answered(
                classes=file["classes"].tolist(),
                labels=file["labels"],
                logits=file["logits"],
                files=file["files"].tolist(),
                corruptions=file["corruptions"].tolist(),
                predicted=file["predicted"],
                confidence=file["confidence"],
            )
    except OSError:
        raise
    except DAMAGE as error:
        raise ValueError(f"{path} is damaged: {error or type(error).__name__}") from error
    if problem := _problem(entry, found):
        raise ValueError(f"{path} is damaged: {problem}")
    return found


def _problem(entry: Predicted, found: Answered) -> str:
    """Why the arrays do not fit together, or the entry; "" if they do."""
    labels, classes = found.labels, len(found.classes)
    if entry.corrupted:
        shape = (len(entry.corruptions), SEVERITIES, entry.originals)
        if list(found.corruptions) != [row["name"] for row in entry.corruptions]:
            return "it has other corruptions"
        if found.predicted.shape != shape or found.confidence.shape != shape or labels.shape != shape[1:]:
            return f"the shapes are not those of {shape[0]} corruptions of {shape[2]} images"
    elif found.logits.shape != (entry.images, classes) or labels.shape not in ((entry.images,), (0,)):
        return f"the shapes are not those of {entry.images} images of {classes} classes"
    if labels.size and (labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= classes):
        return f"a label is not one of the {classes} classes"
    return ""
