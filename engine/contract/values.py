"""Convert small dataclasses to plain JSON values and back: strict JSON when writing, full validation when reading.

Files in a run folder may be truncated, edited by hand or written by another version. `build` accepts only values of the
declared types, so later code never meets a list where a number belongs; `build_leniently` replaces a bad value by the
default and names the field. The types below are narrower than Python's own: a `Share` is a float from 0 to 1.
"""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import tomllib
from collections.abc import Callable, Collection
from functools import cache
from typing import Any, Final, TypeAlias, TypeVar

from engine.contract.clock import LATEST

Read = Callable[[Any], Any]
T = TypeVar("T")

Moment: TypeAlias = float
"""Seconds since 1970, up to the year 9999; 0 stands for an unknown time."""
Share: TypeAlias = float
"""From 0 to 1, or NaN if not measured."""
Size: TypeAlias = float
"""From 0 to 2**53, or NaN if not measured: bytes, seconds, rates."""
Rate: TypeAlias = float
"""At least 0, or NaN if not measured: a learning rate, for which a recipe sets no upper limit."""
Count: TypeAlias = int
"""From 0 to 2**53."""
Nth: TypeAlias = int
"""A number of epochs: from 0 to a million, the most that a recipe may have."""

_SPECIAL: Final = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
LARGEST: Final = 2**53  # beyond it floats no longer hold every whole number, and int64 arrays soon overflow
MOST_EPOCHS: Final = 1_000_000
_DEEPEST: Final = 8  # levels of nesting in a free-form table; ours have three
_TEXTS: Final = ("uuid", "name", "user")  # keys of a free-form table whose values stay text: a user may be called "nan"


def plain(value: Any) -> Any:
    """Strict JSON data: non-finite floats as strings, dataclasses as objects, tuples and NumPy arrays as lists."""
    if isinstance(value, float):
        return value if math.isfinite(value) else "nan" if value != value else "inf" if value > 0 else "-inf"
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if dataclasses.is_dataclass(value):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    return plain(value.tolist())  # NumPy; anything else is a bug in the writer and raises


def encode_table(value: Any) -> bytes:
    """A dataclass or table as one line of strict JSON."""
    return json.dumps(plain(value), allow_nan=False).encode() + b"\n"


def parse(text: str | bytes) -> dict[str, Any] | None:
    """The JSON object in a text, or None if it is invalid, nested too deeply, has too long a number or is no object."""
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):  # ValueError covers JSON, UTF-8 and Python's limit on digits
        return None
    return table if isinstance(table, dict) else None


def parse_toml(text: str) -> dict[str, Any]:
    """The table of a TOML text. ValueError if it is not TOML, is nested too deeply or has too long a number."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def parse_lines(block: bytes) -> tuple[list[dict[str, Any]], int]:
    """The JSON objects in a block of lines, and how many lines were garbage. Empty lines are ignored."""
    lines = [line for line in block.split(b"\n") if line and not line.isspace()]
    try:  # parsing all lines in one call is twice as fast as one by one
        values = json.loads(b"[" + b",".join(lines) + b"]")
    except (ValueError, RecursionError):
        values = [parse(line) for line in lines]
    if len(values) != len(lines):  # a line such as `{},{}`, which is valid only among the others
        values = [parse(line) for line in lines]
    tables = [value for value in values if isinstance(value, dict)]
    return tables, len(lines) - len(tables)


def build(kind: type[T], table: dict[str, Any]) -> T:
    """A dataclass from a table: unknown keys are dropped, missing ones keep the default. TypeError for a wrong type."""
    readers = _readers(kind)  # type: ignore[arg-type]  # mypy holds a class of type T unhashable
    return kind(**{name: read(table[name]) for name, read in readers if name in table})


def build_leniently(kind: type[T], table: dict[str, Any], without: Collection[str] = ()) -> tuple[T, list[str]]:
    """A dataclass from a table, and the fields whose values had a wrong type or range and so keep their defaults.

    Fields in `without` are checked, but keep their defaults as well. TypeError if any of these fields, or a missing
    one, has no default.
    """
    good: dict[str, Any] = {}
    bad: list[str] = []
    for name, read in _readers(kind):  # type: ignore[arg-type]  # as above
        if name in table:
            try:
                value = read(table[name])
            except TypeError:
                bad.append(name)
            else:
                if name not in without:
                    good[name] = value
    return kind(**good), bad


@cache
def _readers(kind: Any) -> tuple[tuple[str, Read], ...]:
    return tuple((item.name, _READERS[str(item.type)]) for item in dataclasses.fields(kind))


def read_float(value: Any) -> float:
    """A JSON number, or one of "nan", "inf", "-inf"; TypeError otherwise."""
    if type(value) is float:
        return value
    if type(value) is int and abs(value) <= LARGEST:
        return float(value)
    if isinstance(value, str) and value in _SPECIAL:
        return _SPECIAL[value]
    raise TypeError(f"not a number: {type(value).__name__}")


def read_int(value: Any) -> int:
    """A JSON integer from -2**53 to 2**53; TypeError otherwise."""
    if type(value) is int and abs(value) <= LARGEST:
        return value
    raise TypeError(f"not a whole number: {type(value).__name__}")


def _within(read: Read, low: float, high: float) -> Read:
    """A reader that also checks bounds. NaN passes if `read` accepts it, whatever the bounds."""

    def read_within(value: Any) -> Any:
        number = read(value)
        if number < low or number > high:
            raise TypeError(f"not between {low:g} and {high:g}: {number:g}")
        return number

    return read_within


def _known(value: Any) -> float:
    number = read_float(value)
    if math.isnan(number):
        raise TypeError("not a number")
    return number


def _exactly(kind: type) -> Read:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"not {kind.__name__}: {type(value).__name__}")
        return value

    return read


def _list_of(read: Read) -> Read:
    return lambda value: [read(item) for item in _exactly(list)(value)]


def _counts(value: Any) -> list[int]:
    """A list of counts, checked at once: an epoch has a hundred of them, and a comparison reads thousands of epochs."""
    items = _exactly(list)(value)
    if set(map(type, items)) <= {int} and (not items or (min(items) >= 0 and max(items) <= LARGEST)):
        return list(items)
    raise TypeError("not all are counts")


def _table_of(read: Read) -> Read:
    # Every epoch has a table with the same keys.
    return lambda value: {sys.intern(key): read(item) for key, item in _exactly(dict)(value).items()}


def _free(value: Any, depth: int = 0) -> Any:
    """Nested JSON with non-finite numbers restored. Values nested too deeply and numbers too large become NaN."""
    if depth > _DEEPEST:
        return math.nan
    if isinstance(value, dict):
        return {key: item if key in _TEXTS else _free(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_free(item, depth + 1) for item in value]
    if isinstance(value, int) and abs(value) > LARGEST:
        return math.nan
    return _SPECIAL.get(value, value) if isinstance(value, str) else value


read_moment: Final = _within(_known, 0.0, LATEST)
"""A `Moment`; TypeError otherwise."""
read_size: Final = _within(read_float, 0.0, LARGEST)
"""A `Size`; TypeError otherwise."""
read_share: Final = _within(read_float, 0.0, 1.0)
"""A `Share`; TypeError otherwise."""
_read_count: Final = _within(read_int, 0, LARGEST)

_READERS: Final[dict[str, Read]] = {
    "float": read_float,
    "int": read_int,
    "str": _exactly(str),
    "bool": _exactly(bool),
    "Moment": read_moment,
    "Share": read_share,
    "Size": read_size,
    "Rate": _within(read_float, 0.0, math.inf),
    "Count": _read_count,
    "Nth": _within(read_int, 0, MOST_EPOCHS),
    "list[str]": _list_of(_exactly(str)),
    "tuple[str, ...]": lambda value: tuple(_list_of(_exactly(str))(value)),
    "list[Share]": _list_of(read_share),
    "list[Count]": _counts,
    "dict[str, str]": _table_of(_exactly(str)),
    "dict[str, Size]": _table_of(read_size),
    "dict[str, Any]": lambda value: _free(_exactly(dict)(value)),
    "list[dict[str, Any]]": lambda value: [_free(_exactly(dict)(item)) for item in _exactly(list)(value)],
}
