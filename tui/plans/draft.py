"""A draft: a preset and the changes to it. It stands for a command line, and nothing is stored twice.

Drafts are immutable, so undo is a list of earlier ones. A draft that does not resolve is still a draft: the field that
is wrong keeps what was typed and shows the message.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from engine.contract.errors import BadInput
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.resolve import PART_FIELDS
from presets.loader import Edits
from tui.plans import placement
from tui.plans.flags import FLAGS, TRAIN, Flag, accepted_by, with_target

NAMED: Final = tuple(flag.path for flag in with_target("part"))
"""Recipe fields that a flag sets by the name of a part: model, augmentation, schedule."""
OWN_FLAG: Final = frozenset(flag.path for flag in with_target("field"))
"""Recipe fields with a flag of their own; all others go through `--set`."""
MAX_RUNS: Final = 1000
_EMPTY: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True)
class Draft:
    """A preset and the changes to it. All values are text, as typed."""

    preset: str
    named: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    sets: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    add_ops: tuple[str, ...] = ()
    drop_ops: tuple[str, ...] = ()
    place: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    parts: tuple[str, ...] = ()
    """Files with the user's own parts."""

    # --- changes ------------------------------------------------------------------------------------------

    def put(self, path: str, text: str) -> Draft:
        """The draft with one field changed.

        Picking another part drops the changes to the options of the old part, except those that all parts of its kind
        share.

        Args:
            path: the field as `--set` takes it, or `place.X` for the placement.
        """
        if path.startswith("place."):
            return replace(self, place={**self.place, path.removeprefix("place."): text})
        shared = {f"{path}.{param.name}" for param in COMMON.get(PART_FIELDS.get(path, ""), ())}
        kept = {key: value for key, value in self.sets.items() if key in shared or not key.startswith(f"{path}.")}
        if path in NAMED:
            chosen = replace(self, named={**self.named, path: text}, sets=kept)
            return replace(chosen, add_ops=(), drop_ops=()) if path == "augmentation" else chosen
        return replace(self, sets={**kept, path: text})

    def without(self, path: str) -> Draft:
        """The draft without the changes to a field."""
        place = {key: value for key, value in self.place.items() if f"place.{key}" != path}
        sets = {key: value for key, value in self.sets.items() if key != path and not key.startswith(f"{path}.")}
        named = {key: value for key, value in self.named.items() if key != path}
        if path in ("augmentation", "augmentation.ops"):
            return replace(self, place=place, sets=sets, named=named, add_ops=(), drop_ops=())
        return replace(self, place=place, sets=sets, named=named)

    def pick_again(self, path: str) -> Draft:
        """The draft with the part of the preset; changes to options that all parts of its kind share are kept."""
        changed = self.put(path, "")
        sets = {key: value for key, value in changed.sets.items() if key != path}
        named = {key: value for key, value in changed.named.items() if key != path}
        return replace(changed, sets=sets, named=named)

    def toggle_op(self, name: str, present: bool) -> Draft:
        """The draft without an op that is present, or with one that is not."""
        sets = {key: value for key, value in self.sets.items() if name not in key.split(".")}
        changed = replace(self, sets=sets)
        if present:
            if name in self.add_ops:
                return replace(changed, add_ops=tuple(op for op in self.add_ops if op != name))
            return replace(changed, drop_ops=(*self.drop_ops, name))
        if name in self.drop_ops:
            return replace(changed, drop_ops=tuple(op for op in self.drop_ops if op != name))
        return replace(changed, add_ops=(*self.add_ops, name))

    # --- meaning -----------------------------------------------------------------------------------

    def edits(self) -> Edits:
        """The changes to the preset's recipe, each part before its options."""
        sets = tuple(f"{path}={text}" for path, text in self._by_depth())
        model, augmentation, schedule = (self.named.get(name, "") for name in ("model", "augmentation", "schedule"))
        return Edits(model, augmentation, schedule, sets=sets, add_ops=self.add_ops, drop_ops=self.drop_ops)

    def seeds(self) -> list[int]:
        """The seeds, one run each. Raises BadInput."""
        return parse_seeds(self.place.get("seeds", "0"))

    def command(self, *, detach: bool = True) -> list[str]:
        """The words of the command that does the same without a screen."""
        given = [_words(flag, text) for flag in accepted_by(TRAIN) for text in self.texts(flag)]
        how = ["--headless", "--detach"] if detach else ["--headless"]
        return ["cifar-tui", *(word for words in given for word in words), *how]

    def texts(self, flag: Flag) -> tuple[str, ...]:
        """The values that a flag needs to make this draft, one for each time that it is given."""
        match flag.target:
            case "preset":
                return (self.preset,)
            case "part":
                return (self.named[flag.path],) if flag.path in self.named else ()
            case "field":
                return (self.sets[flag.path],) if flag.path in self.sets else ()
            case "sets":
                return tuple(f"{path}={text}" for path, text in self._by_depth() if path not in OWN_FLAG)
            case "add_ops":
                return self.add_ops
            case "drop_ops":
                return self.drop_ops
            case "parts":
                return self.parts
            case "seeds":
                text = self.place.get("seeds", "")
                return (text,) if text and (flag.name == "seed") == text.isdecimal() else ()
            case "place":
                text = self.place.get(flag.path, "")
                return placement.words_of(text) if flag.many else (text,) if text else ()

    def _by_depth(self) -> list[tuple[str, str]]:
        """The changed fields, each part before its options."""
        return sorted(self.sets.items(), key=lambda item: item[0].count("."))

    def command_line(self) -> str:
        """The command, quoted for a shell."""
        return shlex.join(self.command())


def parse_seeds(text: str) -> list[int]:
    """Read seeds: `0`, `0-4`, or `0,3,7`. Raises BadInput."""
    found: list[int] = []
    for piece in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,18})\s*(?:-\s*(\d{1,18})\s*)?", piece)
        if match is None:
            raise BadInput(f"seeds: got {text!r}, needs a number (0), a range (0-4), or a list (0,3,7)")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise BadInput(f"seeds: the range {first}-{last} runs backwards")
        if last - first >= MAX_RUNS:
            raise BadInput(f"seeds: {last - first + 1} runs at once; the limit is {MAX_RUNS}")
        found += range(first, last + 1)
    if len(set(found)) < len(found):
        raise BadInput(f"seeds: a seed is listed twice in {text}")
    return found


def from_flags(flags: Mapping[str, Any]) -> Draft:
    """A draft from the values of flags, by the names in `flags.FLAGS`; None and empty values count as not given.

    Raises:
        BadInput: a `--set` without a value.
    """
    given = {key: value for key, value in flags.items() if value not in (None, "", [], ())}
    named: dict[str, str] = {}
    sets: dict[str, str] = {}
    place: dict[str, str] = {}
    for flag in FLAGS:
        if flag.name not in given:
            continue
        value = given[flag.name]
        match flag.target:
            case "part":
                named[flag.path] = str(value)
            case "field":
                whole = isinstance(value, float) and value.is_integer()
                sets[flag.path] = str(int(value) if whole else value)
            case "sets":
                sets |= dict(map(_assignment, value))
            case "seeds":
                place["seeds"] = _first_so_many(str(value)) if flag.name == "seeds" else str(value)
            case "place":
                place[flag.path] = (
                    " ".join(value) if flag.many else str(value).lower() if flag.kind is bool else str(value)
                )
    return Draft(
        preset=str(given.get("preset", "")),
        named=named,
        sets=sets,
        add_ops=tuple(given.get("add_ops", ())),
        drop_ops=tuple(given.get("drop_ops", ())),
        place=place,
        parts=tuple(map(str, given.get("parts", ()))),
    )


def _words(flag: Flag, text: str) -> tuple[str, ...]:
    """A flag with its value, as words of a command; a switch is given or not, and has no value."""
    if flag.kind is bool:
        return (flag.option,) if text == "true" else ()
    return flag.option, text


def _assignment(text: str) -> tuple[str, str]:
    """`optimizer.lr=0.1` as path and value. Raises BadInput."""
    path, equals, value = str(text).partition("=")
    if not equals:
        raise BadInput(f"--set {text}: write key.path=value, for example optimizer.lr=0.1")
    return path.strip(), value.strip()


def _first_so_many(seeds: str) -> str:
    """What `--seeds` means: 5 stands for the first five seeds, 0-4."""
    many = re.fullmatch(r"\d{1,18}", seeds) and int(seeds) > 1
    return f"0-{int(seeds) - 1}" if many else seeds
