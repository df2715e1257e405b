"""A grid of recipes: every preset with every combination of the varied values, as cells of a batch."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.contract.errors import BadInput
from tui.plans.batch import MOST_RUNS, Cell
from tui.plans.draft import NAMED, Draft, from_flags

SHORT: Final = {"lr": "optimizer.lr", "batch-size": "batch_size", "add-op": "add_op", "drop-op": "drop_op"}
"""Keys of `--vary` that are flags rather than paths."""
OPS: Final = ("add_op", "drop_op")
ABSENT: Final = "-"
"""Stands for no op at all in `add_op=-,cutout`."""
OPEN, CLOSE, QUOTES = "([{", ")]}", "\"'"


@dataclass(frozen=True, slots=True)
class Axis:
    """A key that is varied and its values, as texts."""

    key: str
    values: tuple[str, ...]


def axis(text: str) -> Axis:
    """`optimizer.lr=0.1,0.2`; lists go in brackets, and where `;` stands between values commas belong to them.

    Raises:
        BadInput: no key, no value, an empty or a repeated one, or the seed, which has a flag of its own.
    """
    key, equals, rest = text.partition("=")
    key = key.strip()
    if not equals or not key or not rest.strip():
        raise BadInput(f"--vary {text}: write key=value,value, for example optimizer.lr=0.05,0.1")
    if key in ("seed", "seeds"):
        raise BadInput(f"--vary {text}: seeds are given with --seeds, for example --seeds 0-4")
    by_semicolon = _split(rest, ";")
    values = [value.strip() for value in (by_semicolon if len(by_semicolon) > 1 else _split(rest, ","))]
    if "" in values:
        raise BadInput(f"--vary {text}: an empty value")
    if twice := {value for value in values if values.count(value) > 1}:
        raise BadInput(f"--vary {text}: {', '.join(sorted(twice))} stands there twice")
    return Axis(SHORT.get(key, key), tuple(values))


def _split(text: str, separator: str) -> list[str]:
    """Split where the separator is neither within brackets nor within quotes."""
    pieces, depth, quote, start = [], 0, "", 0
    for i, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in QUOTES:
            quote = letter
        elif letter in OPEN or letter in CLOSE:
            depth += 1 if letter in OPEN else -1
        elif letter == separator and depth <= 0:
            pieces.append(text[start:i])
            start = i + 1
    return [*pieces, text[start:]]


def cells(sources: Mapping[str, str], varied: Sequence[str], flags: Mapping[str, Any]) -> list[Cell]:
    """The product of presets and values, the last axis fastest.

    Args:
        sources: the presets as they were given, and the file or name behind each.
        varied: as `--vary` takes them.
        flags: all others of a headless run, as `from_flags` takes them, for every cell.

    Raises:
        BadInput: with every problem of the axes.
    """
    axes, problems = [], []
    for text in varied:
        try:
            axes.append(axis(text))
        except BadInput as error:
            problems += error.problems
    keys = [one.key for one in axes]
    problems += [f"--vary {key}: given twice" for key in sorted({key for key in keys if keys.count(key) > 1})]
    count = len(sources)
    for one in axes:
        count *= len(one.values)
    if count > MOST_RUNS:
        problems.append(f"{count:,} cells; at most {MOST_RUNS:,}")
    if problems:
        raise BadInput(problems)
    chosen = [list(zip(keys, values, strict=True)) for values in itertools.product(*(one.values for one in axes))]
    labels = [(preset, values, _label(preset, values)) for preset in sources for values in chosen]
    mark = hashlib.sha256("\n".join(label for *_, label in labels).encode()).hexdigest()[:6]
    common = {**flags, "tags": [f"grid:{mark}", *flags.get("tags", ())]}
    return [
        Cell(label, _varied(from_flags({**common, "preset": preset}), values), sources[preset])
        for preset, values, label in labels
    ]


def _label(preset: str, values: Sequence[tuple[str, str]]) -> str:
    return " ".join([preset, *(f"{key.rpartition('.')[2]}={value}" for key, value in values)])


def _varied(draft: Draft, values: Sequence[tuple[str, str]]) -> Draft:
    for key, value in values:
        if key in NAMED:
            draft = dataclasses.replace(draft, named={**draft.named, key: value})
        elif key in OPS and value == ABSENT:
            continue
        elif key == "add_op":
            draft = dataclasses.replace(draft, add_ops=(*draft.add_ops, value))
        elif key == "drop_op":
            draft = dataclasses.replace(draft, drop_ops=(*draft.drop_ops, value))
        else:
            draft = dataclasses.replace(draft, sets={**draft.sets, key: value})
    return draft
