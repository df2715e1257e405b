"""The filter language of the results table: `acc>0.95 model:resnet34 tag:paper status:failed started>3w`.

A filter is a list of terms that must all match. A term is `key:value`, `key=value` or a comparison (`> >= < <= !=`); a
leading minus negates it; a word without a key is searched in id, name, preset, changes, model and tags. Double quotes
keep white space together (`name:"paper v2"`). Case is ignored.

  text     name id preset changes model host device recipe data note excluded (why a run is left out of means)
           origin (the program that an imported run comes from, else "own")
           `:` means contains, `=` means equals; `*` and `?` are wildcards; commas separate alternatives (except in
           name, changes, note and excluded)
  words    tag status reason        equals one of the alternatives; status also has `live`
  numbers  acc best seed epoch epochs size seconds started
           accuracies as 0.95, 95 or 95%; sizes as 500MB; times as 90, 30s, 20m, 3h, 2d, 3w
  started  is an age: `started<1d` selects runs of the last day, `started>3w` runs older than three weeks
"""

from __future__ import annotations

import fnmatch
import math
import operator
import re
import shlex
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from engine.contract.errors import BadInput, nearest
from engine.contract.run.events import REASONS
from engine.contract.run.status import DENIED, STATES
from engine.contract.run.summary import Summary

Test = Callable[[Summary, float], bool]  # of a row, and the time from which ages are counted

_TEXTS: Final[dict[str, Callable[[Summary], Iterable[str]]]] = {
    "name": lambda row: (row.name,),
    "id": lambda row: (row.id,),
    "preset": lambda row: (row.preset,),
    "changes": lambda row: (row.changes,),
    "model": lambda row: (row.model,),
    "host": lambda row: (row.host,),
    "device": lambda row: (row.device,),
    "recipe": lambda row: (row.recipe_id,),
    "data": lambda row: (row.data,),
    "origin": lambda row: (row.layout or "own",),
    "note": lambda row: row.notes,
    "excluded": lambda row: (row.excluded,) if row.excluded else (),
}
_WORDS: Final[dict[str, Callable[[Summary], Iterable[str]]]] = {
    "tag": lambda row: row.tags,
    "status": lambda row: (row.status, "live") if row.live else (row.status,),
    "reason": lambda row: (row.reason,),
}
_PROSE: Final = ("name", "changes", "note", "excluded")  # keys in whose values a comma is text
_ANYWHERE: Final = ("id", "name", "preset", "changes", "model")
CHOICES: Final[dict[str, tuple[str, ...]]] = {"status": (*STATES, "live"), "reason": (*REASONS, DENIED)}
"""The values that exist for a key."""

_SECONDS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_BYTES: Final = {"": 1.0, "b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12}
_PARTS: Final = {"": 1.0, "%": 0.01}
_ONE: Final = {"": 1.0}


@dataclass(frozen=True, slots=True)
class _Number:
    get: Callable[[Summary, float], float | None]
    units: dict[str, float]


_NUMBERS: Final[dict[str, _Number]] = {
    "acc": _Number(lambda row, now: row.last_accuracy, _PARTS),
    "best": _Number(lambda row, now: row.best_accuracy, _PARTS),
    "seed": _Number(lambda row, now: row.seed, _ONE),
    "epoch": _Number(lambda row, now: row.epoch, _ONE),
    "epochs": _Number(lambda row, now: row.epochs, _ONE),
    "size": _Number(lambda row, now: row.size_bytes, _BYTES),
    "seconds": _Number(lambda row, now: row.seconds, _SECONDS),
    "started": _Number(lambda row, now: now - row.started if row.started else None, _SECONDS),
}
KEYS: Final = (*_TEXTS, *_WORDS, *_NUMBERS)
_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_TERM: Final = re.compile(r"(?P<key>[A-Za-z_]+)(?P<sign>!=|>=|<=|:|=|>|<)(?P<value>.*)", re.DOTALL)
_AMOUNT: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-zA-Z%]*)")


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter; without terms it matches every row."""

    text: str
    _tests: tuple[Test, ...] = ()

    def select(self, rows: Iterable[Summary], now: float | None = None) -> list[Summary]:
        """The rows that match, in their order. A number that a run does not have yet matches no comparison."""
        moment = time.time() if now is None else now
        return [row for row in rows if all(test(row, moment) for test in self._tests)]


def parse_filter(text: str) -> Filter:
    """Parse a filter. BadInput names every invalid term, with the nearest valid key or value."""
    tests: list[Test] = []
    problems: list[str] = []
    for word in _split(text):
        try:
            tests.append(_not(_test(word[1:])) if word.startswith("-") and len(word) > 1 else _test(word))
        except BadInput as problem:
            problems += problem.problems
    if problems:
        raise BadInput(problems)
    return Filter(text, tuple(tests))


def _split(text: str) -> list[str]:
    """Split into terms at white space outside double quotes."""
    words = shlex.shlex(text, posix=True)
    words.whitespace_split = True
    words.commenters = words.escape = ""
    words.quotes = '"'
    try:
        return [word for word in words if word]
    except ValueError as error:
        raise BadInput(f"filter {text!r}: missing closing quote") from error


def _test(word: str) -> Test:
    term = _TERM.fullmatch(word)
    if term is None:
        return _anywhere(word)
    key, sign, value = term["key"].lower(), term["sign"], term["value"].strip()
    if key not in KEYS:
        raise BadInput(f"filter {word!r}: unknown key {key!r}{nearest(key, KEYS)} (keys: {', '.join(KEYS)})")
    if not value:
        raise BadInput(f"filter {word!r}: missing value after {sign!r}")
    if sign == "!=":
        return _not(_test(f"{key}={value}"))
    if key in _NUMBERS:
        return _number(word, _NUMBERS[key], sign, value)
    if sign in _COMPARE:
        raise BadInput(f"filter {word!r}: {key} is text; use {key}:{value}")
    return _one_of(word, key, value.lower()) if key in _WORDS else _text(key, sign, value.lower())


def _not(test: Test) -> Test:
    return lambda row, now: not test(row, now)


def _anywhere(word: str) -> Test:
    sought = word.lower()
    places = [_TEXTS[key] for key in _ANYWHERE]
    return lambda row, now: any(sought in text.lower() for get in (*places, _WORDS["tag"]) for text in get(row))


def _text(key: str, sign: str, value: str) -> Test:
    get = _TEXTS[key]
    sought = [value] if key in _PROSE else [part for part in value.split(",") if part]
    edge = "" if sign == "=" else "*"
    patterns = [re.compile(fnmatch.translate(edge + part.replace("[", "[[]") + edge)) for part in sought]
    return lambda row, now: any(pattern.match(text.lower()) for pattern in patterns for text in get(row))


def _one_of(word: str, key: str, value: str) -> Test:
    get = _WORDS[key]
    sought = {part for part in value.split(",") if part}
    known = CHOICES.get(key, sought)
    for part in sorted(sought.difference(known)):
        choices = ", ".join(choice for choice in known if choice)
        raise BadInput(f"filter {word!r}: unknown {key} {part!r}{nearest(part, known)} ({key}: {choices})")
    return lambda row, now: any(text.lower() in sought for text in get(row))


def _number(word: str, number: _Number, sign: str, text: str) -> Test:
    get, bound = number.get, _amount(word, number.units, text)
    compare = _COMPARE.get(sign, _equal)

    def test(row: Summary, now: float) -> bool:
        value = get(row, now)
        return value is not None and compare(value, bound)

    return test


def _equal(value: float, wanted: float) -> bool:
    return math.isclose(value, wanted, abs_tol=1e-9)


def _amount(word: str, units: dict[str, float], text: str) -> float:
    amount = _AMOUNT.fullmatch(text)
    if amount is None:
        raise BadInput(f"filter {word!r}: {text!r} is not a number")
    value, unit = float(amount[1]), amount[2].lower()
    if unit not in units:
        valid = ", ".join(name for name in units if name) or "none"
        raise BadInput(f"filter {word!r}: unknown unit {amount[2]!r} (units: {valid})")
    if units is _PARTS and not unit and value > 1:  # no accuracy is above 1, so 95 means percent
        return value / 100
    return value * units[unit]
