"""A grid: every preset with every combination of the varied values, as batch items."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.contract.errors import BadInput
from tui.plans.batch import MOST_RUNS, BatchItem
from tui.plans.draft import NAMED, Draft, from_flags
from tui.plans.flags import GRID, accepted_by
from tui.plans.resolution import Resolver

SHORT: Final = {
    flag.option.removeprefix("--"): flag.path or flag.option.removeprefix("--").replace("-", "_")
    for flag in accepted_by(GRID)
    if flag.target in ("field", "add_ops", "drop_ops")
}
"""Flags that `--vary` takes as keys, and the keys that they stand for: {"lr": "optimizer.lr", ...}."""
OPS: Final = ("add_op", "drop_op")
ABSENT: Final = "-"
"""The value of `--vary add_op=-,cutout` that adds no op."""
OPEN, CLOSE, QUOTES = "([{", ")]}", "\"'"


@dataclass(frozen=True, slots=True)
class GridKey:
    """A key that varies, and its values as text."""

    key: str
    values: tuple[str, ...]


def axis(text: str) -> GridKey:
    """Read `optimizer.lr=0.1,0.2`.

    Commas inside brackets or quotes do not separate values; where `;` separates them, no comma does.

    Raises:
        BadInput: no key, no value, an empty or repeated value, or the seed, which has a flag of its own.
    """
    key, equals, rest = text.partition("=")
    key = key.strip()
    if not equals or not key or not rest.strip():
        raise BadInput(f"--vary {text}: write key=value,value, for example optimizer.lr=0.05,0.1")
    if key in ("seed", "seeds"):
        raise BadInput(f"--vary {text}: use --seeds for seeds, for example --seeds 0-4")
    by_semicolon = _split(rest, ";")
    values = [value.strip() for value in (by_semicolon if len(by_semicolon) > 1 else _split(rest, ","))]
    if "" in values:
        raise BadInput(f"--vary {text}: an empty value")
    if twice := {value for value in values if values.count(value) > 1}:
        raise BadInput(f"--vary {text}: {', '.join(sorted(twice))} is listed twice")
    return GridKey(SHORT.get(key, key), tuple(values))


def _split(text: str, separator: str) -> list[str]:
    """Split at separators that are neither inside brackets nor inside quotes."""
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


def items(
    sources: Mapping[str, str], varied: Sequence[str], flags: Mapping[str, Any], resolver: Resolver
) -> list[BatchItem]:
    """The product of presets and values; the last axis varies fastest.

    Args:
        sources: the presets as they were given, and the file or name behind each.
        varied: the axes, as `--vary` takes them.
        flags: all other flags, as `from_flags` takes them; they hold for every item.

    Raises:
        BadInput: with every problem of the axes.
    """
    axes = _axes(varied, len(sources))
    keys = [one.key for one in axes]
    chosen = [list(zip(keys, values, strict=True)) for values in itertools.product(*(one.values for one in axes))]
    labels = [(preset, values, _label(preset, values)) for preset in sources for values in chosen]
    mark = hashlib.sha256("\n".join(label for *_, label in labels).encode()).hexdigest()[:6]
    common = {**flags, "tags": [f"grid:{mark}", *flags.get("tags", ())]}
    found = []
    for preset, values, label in labels:
        draft = _varied(from_flags({**common, "preset": preset}), values)
        found.append(BatchItem(label, resolver.take(draft, sources[preset])))
    return found


def _axes(varied: Sequence[str], presets: int) -> list[GridKey]:
    """All axes of a grid. Raises BadInput with every problem: in an axis, one given twice, or too many combinations."""
    axes, problems = [], []
    for text in varied:
        try:
            axes.append(axis(text))
        except BadInput as error:
            problems += error.problems
    keys = [one.key for one in axes]
    problems += [f"--vary {key}: given twice" for key in sorted({key for key in keys if keys.count(key) > 1})]
    count = presets * math.prod(len(one.values) for one in axes)
    if count > MOST_RUNS:
        problems.append(f"{count:,} combinations; the limit is {MOST_RUNS:,}")
    if problems:
        raise BadInput(problems)
    return axes


def _label(preset: str, values: Sequence[tuple[str, str]]) -> str:
    """For example "quickstart model=lenet lr=0.1"."""
    return " ".join([preset, *(f"{key.rpartition('.')[2]}={value}" for key, value in values)])


def _varied(draft: Draft, values: Sequence[tuple[str, str]]) -> Draft:
    """The draft with one value of each axis."""
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
