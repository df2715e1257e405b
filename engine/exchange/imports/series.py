"""What a scalar of another program means: which series of ours it is, of which images, in which unit."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.contract.errors import BadInput, nearest, nearest_or_all
from engine.exchange.imports.points import Points
from engine.exchange.tensorboard.tags import PER_CLASS, SECONDS, STEP_MS, TAGS

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SPLITS: Final = {
    "train": TRAIN, "training": TRAIN, "tr": TRAIN,
    "val": VALIDATION, "valid": VALIDATION, "validation": VALIDATION, "eval": VALIDATION, "evaluation": VALIDATION,
    "dev": VALIDATION, "test": TEST, "testing": TEST,
}  # fmt: skip
"""Words in tags and names of folders for the images of a series. Evaluation sets count as validation, never as test."""
EPOCH: Final = "epoch"
"""The series that says which epoch a step belongs to."""
STEP_LOSS: Final = "step.loss"
"""The loss of single training steps."""
OTHER: Final = "other"
"""A scalar that is none of our series: kept as it is."""
NAMES: Final = {
    "train_loss": "train_loss", "train_accuracy": "train_accuracy", "test_loss": "test_loss",
    "test_accuracy": "test_accuracy", "val_loss": "holdout_loss", "val_accuracy": "holdout_accuracy",
    "test_top5": "test_top5", "lr": "lr", "images_per_second": "images_per_second", "grad_norm": "grad_norm",
    "update_ratio": "update_ratio", "step_loss": STEP_LOSS, EPOCH: EPOCH, OTHER: OTHER,
}  # fmt: skip
"""What `--map TAG=NAME` takes, and the series that each name stands for."""
OURS: Final = {tag: name for name, tag in TAGS.items()}
"""The tags of our own event files."""
SHARES: Final = (
    "train_accuracy", "test_accuracy", "holdout_accuracy", "clean_train_accuracy", "raw_test_accuracy", "test_top5",
    "tta_accuracy",
)  # fmt: skip
"""Series between 0 and 1."""
LARGEST_SHARE: Final = 1.5
"""An accuracy with a larger value anywhere is in percent."""

_LOSS: Final = {"loss", "nll", "xent", "crossentropy"}
_ACCURACY: Final = {"acc", "accuracy", "top1", "acc1", "prec1"}
_TOP5: Final = {"top5", "acc5", "prec5"}
_RATE: Final = {"lr"}
_SPEED: Final = {"throughput", "img/s"}
_QUIET: Final = {"epoch", "step", "batch", "avg", "mean", "average", "metrics", "metric", "sparse", "categorical"}
"""Words that do not change what a scalar is."""
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+\d*|\d+")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a scalar is taken for."""

    series: str
    """A field of `Epoch`, "class.NAME", "seconds.PART", "step_ms.PART", `STEP_LOSS`, `EPOCH` or `OTHER`."""
    split: str = ""
    percent: bool = False
    note: str = ""
    """Why it is not what its name suggests, for the user."""


def words(tag: str) -> list[str]:
    """The words of a tag in lower case: "Loss/trainStep" -> ["loss", "train", "step"]."""
    found = [word.lower() for word in _WORD.findall(tag.replace("@", "").replace("-", "_"))]
    text = " ".join(found).replace("learning rate", "lr").replace("cross entropy", "crossentropy")
    return re.sub(r"\b(top|acc|prec) ([15])\b", r"\1\2", text).split()


def meanings(tags: Mapping[str, str], given: Mapping[str, str], val_is_test: bool) -> dict[str, Meaning]:
    """What each tag of a run means.

    Args:
        tags: the tags, each with the split that its folder says, or "".
        given: the series of some tags, as the user has named them.
        val_is_test: take validation series for test series, because the user says so.
    """
    found = {tag: _ours(tag) or _guess(tag, split, tags) for tag, split in tags.items()}
    for tag, name in given.items():
        if tag in found:
            found[tag] = Meaning(NAMES[name], _split_of(NAMES[name]))
    if val_is_test:
        found = {tag: _as_test(meaning) if tag not in given else meaning for tag, meaning in found.items()}
    return _once(found, given)


def check_names(given: Mapping[str, str]) -> None:
    """BadInput if the user has named an unknown series."""
    if unknown := [tag for tag in given if given[tag] not in NAMES]:
        lines = (f"--map {tag}={given[tag]}: no series of that name" for tag in unknown)
        raise BadInput([line + nearest_or_all(given[tag], NAMES) for line, tag in zip(lines, unknown, strict=True)])


def check_map(given: Mapping[str, str], tags: Collection[str]) -> None:
    """BadInput if the user has named a tag that no run has."""
    if unknown := [tag for tag in given if tag not in tags]:
        raise BadInput([f"--map {tag}={given[tag]}: no run has this tag{nearest(tag, tags)}" for tag in unknown])


def checked(meaning: Meaning, points: Points) -> Meaning:
    """The meaning with the unit that the values show; `OTHER` if they cannot be what the name suggests."""
    known = points.values[np.isfinite(points.values)]
    name = meaning.series
    if name in SHARES or name.startswith("class."):
        percent = bool(len(known)) and float(known.max()) > LARGEST_SHARE
        top = 100.0 if percent else 1.0
        if len(known) and not (known.min() >= 0 and known.max() <= top * (1 + 1e-6)):
            return Meaning(OTHER, note=f"not {name}: from {known.min():.4g} to {known.max():.4g}")
        return Meaning(name, meaning.split, percent, meaning.note)
    negative = bool(len(known)) and float(known.min()) < 0
    if (negative and name in ("lr", "images_per_second", EPOCH)) or (negative and "." in name):
        return Meaning(OTHER, note=f"not {name}: as low as {known.min():.4g}")
    return meaning


def _ours(tag: str) -> Meaning | None:
    """The meaning of a tag of our own event files."""
    if tag in OURS:
        return Meaning(OURS[tag], _split_of(OURS[tag]))
    for start, kind in ((PER_CLASS, "class."), (SECONDS, "seconds."), (STEP_MS, "step_ms.")):
        if tag.startswith(start):
            return Meaning(kind + tag.removeprefix(start), TEST if kind == "class." else "")
    return None


def _guess(tag: str, folder: str, tags: Collection[str]) -> Meaning:
    found = words(tag)
    if found in (["epoch"], ["current", "epoch"], ["trainer", "epoch"]):
        return Meaning(EPOCH)
    if tag == "hp_metric":
        return Meaning(OTHER, note="a placeholder of Lightning, -1 unless the program sets it")
    splits = {SPLITS[word] for word in found if word in SPLITS} or ({folder} if folder else set())
    rest = [word for word in found if word not in SPLITS and word not in _QUIET]
    if rest and rest[0] == "lr" and len(splits - {TRAIN}) == 0 and _is_rate(rest):
        return Meaning("lr")
    if len(splits) > 1 or len(rest) != 1:
        return Meaning(OTHER)
    (word,), split = rest, next(iter(splits), "")
    quantity = "loss" if word in _LOSS else "accuracy" if word in _ACCURACY else "top5" if word in _TOP5 else ""
    if not quantity:
        return Meaning(OTHER)
    if not split:  # Keras calls the figures of training by their bare names, beside val_ for the others
        beside = any(words(other) == ["val", *found] for other in tags)
        if quantity != "loss" and not beside:
            return Meaning(OTHER, note=f"of which images? --map {tag}=test_accuracy or another series")
        split = TRAIN
    if quantity == "loss" and split == TRAIN and {"step", "batch"} & set(found):
        return Meaning(STEP_LOSS, TRAIN)
    start = {TRAIN: "train", VALIDATION: "holdout", TEST: "test"}[split]
    if quantity == "top5" and split != TEST:
        return Meaning(OTHER, split)
    return Meaning(f"{start}_{quantity}", split)


def _is_rate(rest: list[str]) -> bool:
    """Whether the words are a learning rate, perhaps of an optimizer or of its first group ("lr-SGD", "lr/pg1")."""
    return all(word in ("lr", "sgd", "adam", "w", "pg1", "0", "group0", "main", "base") for word in rest)


def _split_of(series: str) -> str:
    for start, split in (("train", TRAIN), ("clean_train", TRAIN), ("holdout", VALIDATION), ("test", TEST)):
        if series.startswith(start):
            return split
    return TEST if series in ("raw_test_accuracy", "tta_accuracy") else ""


def _as_test(meaning: Meaning) -> Meaning:
    if meaning.split != VALIDATION or not meaning.series.startswith("holdout"):
        return meaning
    return Meaning(meaning.series.replace("holdout", "test"), TEST, meaning.percent, meaning.note)


def _once(found: Mapping[str, Meaning], given: Collection[str]) -> dict[str, Meaning]:
    """Each series from one tag: the one that the user named, else one per epoch, else the first."""
    ranked = sorted(found, key=lambda tag: (tag not in given, "epoch" not in words(tag), list(found).index(tag)))
    taken: dict[str, str] = {}
    for tag in ranked:
        if found[tag].series != OTHER:
            taken.setdefault(found[tag].series, tag)
    return {
        tag: meaning
        if taken.get(meaning.series, tag) == tag
        else Meaning(OTHER, meaning.split, note=f"{meaning.series} is {taken[meaning.series]}")
        for tag, meaning in found.items()
    }
