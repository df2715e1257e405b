"""What the form holds: a preset and the changes to it. A draft *is* a command line; nothing is stored twice.

Drafts are immutable, so undo is a list of earlier ones, and a draft that does not resolve is still a draft: the field
that is wrong keeps what was typed and shows the message.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.overrides import parse_value
from engine.contract.recipe.resolve import PART_FIELDS, explain
from engine.contract.recipe.schema import COMMON, Placement, Recipe
from presets.loader import Edits
from presets.shrink import fit
from tui.forms.fields import PLACE, place_params

NAMED: Final = ("model", "augmentation", "schedule")
"""Fields that `--model`, `--augmentation` and `--schedule` set by the name of a preset part."""
FLAGS: Final = {"epochs": "--epochs", "batch_size": "--batch-size", "optimizer.lr": "--lr"}
"""Fields with a flag of their own; all others go through `--set`."""
PLACE_FLAGS: Final = {
    "device": "--device",
    "gpus": "--gpus",
    "name": "--name",
    "data_dir": "--data-dir",
    "wait_free_gb": "--wait-free",
    "threads": "--threads",
    "share": "--share",
    "keep": "--keep",
}
COPIED: Final = ("device", "gpus", "threads", "data_dir", "name", "share", "keep")
"""Placement fields whose flag has the field's own name."""
MAX_RUNS: Final = 1000
_EMPTY: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True)
class Draft:
    """A preset and what is changed in it. All values are texts, as typed."""

    preset: str
    named: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    sets: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    add_ops: tuple[str, ...] = ()
    drop_ops: tuple[str, ...] = ()
    place: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    parts: tuple[str, ...] = ()
    """Files with parts of the user's own."""

    # --- changing it ------------------------------------------------------------------------------------------

    def put(self, path: str, text: str) -> Draft:
        """The draft with one field changed.

        A new part drops the changes to the old one's own options, not those that all parts of the kind share.
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
        """The draft with that field as the preset has it."""
        place = {key: value for key, value in self.place.items() if f"place.{key}" != path}
        sets = {key: value for key, value in self.sets.items() if key != path and not key.startswith(f"{path}.")}
        named = {key: value for key, value in self.named.items() if key != path}
        if path in ("augmentation", "augmentation.ops"):
            return replace(self, place=place, sets=sets, named=named, add_ops=(), drop_ops=())
        return replace(self, place=place, sets=sets, named=named)

    def pick_again(self, path: str) -> Draft:
        """The draft with the part that the preset has; what all parts of the kind share stays changed."""
        changed = self.put(path, "")
        sets = {key: value for key, value in changed.sets.items() if key != path}
        named = {key: value for key, value in changed.named.items() if key != path}
        return replace(changed, sets=sets, named=named)

    def toggle_op(self, name: str, present: bool) -> Draft:
        """Drop an op that is there, or add one that is not."""
        sets = {key: value for key, value in self.sets.items() if name not in key.split(".")}
        changed = replace(self, sets=sets)
        if present:
            if name in self.add_ops:
                return replace(changed, add_ops=tuple(op for op in self.add_ops if op != name))
            return replace(changed, drop_ops=(*self.drop_ops, name))
        if name in self.drop_ops:
            return replace(changed, drop_ops=tuple(op for op in self.drop_ops if op != name))
        return replace(changed, add_ops=(*self.add_ops, name))

    # --- what it stands for -----------------------------------------------------------------------------------

    def edits(self) -> Edits:
        """The flags, in the loader's words. A part comes before its options."""
        sets = [f"{path}={text}" for path, text in sorted(self.sets.items(), key=lambda item: item[0].count("."))]
        model, augmentation, schedule = (self.named.get(name, "") for name in NAMED)
        return Edits(model, augmentation, schedule, sets=sets, add_ops=self.add_ops, drop_ops=self.drop_ops)

    def recipe(self, source: str, catalog: Catalog) -> Recipe:
        """The resolved recipe; `source` is the preset's name or file. Raises BadInput."""
        return self.fitted(source, catalog)[0]

    def fitted(self, source: str, catalog: Catalog) -> tuple[Recipe, str]:
        """The resolved recipe, and a line that says what shrank to fit into few epochs, else "". Raises BadInput."""
        return fit(source, catalog, self.edits())

    def placement(self) -> Placement:
        """Where and how. Raises BadInput."""
        table: dict[str, Any] = {}
        for name, param in place_params().items():
            if name != "seeds" and name in self.place:
                text = self.place[name]
                if param.type == "list[str]":
                    table[name] = tuple(text.replace(",", " ").split())
                else:
                    table[name] = text if param.type in ("str", "choice") else parse_value(text)
        try:
            return Placement.model_validate(table)
        except ValidationError as error:
            raise BadInput(explain(error, Placement)) from None

    def seeds(self) -> list[int]:
        """The seeds, one run each. Raises BadInput."""
        return parse_seeds(self.place.get("seeds", "0"))

    def command(self) -> list[str]:
        """The command line that does the same without a screen."""
        words = ["cifar-tui", "--preset", self.preset]
        words += [part for name in NAMED if name in self.named for part in (f"--{name}", self.named[name])]
        words += [part for path, flag in FLAGS.items() if path in self.sets for part in (flag, self.sets[path])]
        for path, text in sorted(self.sets.items(), key=lambda item: item[0].count(".")):
            if path not in FLAGS:
                words += ["--set", f"{path}={text}"]
        words += [part for op in self.drop_ops for part in ("--drop-op", op)]
        words += [part for op in self.add_ops for part in ("--add-op", op)]
        words += [part for file in self.parts for part in ("--parts", file)]
        words += self._place_words()
        return [*words, "--headless", "--detach"]

    def _place_words(self) -> list[str]:
        words: list[str] = []
        seeds = self.place.get("seeds", "")
        if seeds:
            words += ["--seed" if seeds.isdecimal() else "--seeds", seeds]
        for name in PLACE:
            text = self.place.get(name, "")
            if text and name == "tags":
                words += [part for tag in text.replace(",", " ").split() for part in ("--tag", tag)]
            elif text:
                words += [PLACE_FLAGS[name], text]
        return words

    def command_line(self) -> str:
        """The command as a shell takes it."""
        return shlex.join(self.command())


def parse_seeds(text: str) -> list[int]:
    """`0`, `0-4` or `0,3,7` as numbers. Raises BadInput."""
    found: list[int] = []
    for piece in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,18})\s*(?:-\s*(\d{1,18})\s*)?", piece)
        if match is None:
            raise BadInput(f"seeds: got {text!r}, needs a number (0), a range (0-4) or a list (0,3,7)")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise BadInput(f"seeds: the range {first}-{last} runs backwards")
        if last - first >= MAX_RUNS:
            raise BadInput(f"seeds: {last - first + 1} runs at once; at most {MAX_RUNS}")
        found += range(first, last + 1)
    if len(set(found)) < len(found):
        raise BadInput(f"seeds: {text} names a seed twice")
    return found


def from_flags(flags: Mapping[str, Any]) -> Draft:
    """A draft from the flags of `cifar-tui --preset X ...` (None and empty values count as not given).

    Keys: preset, model, augmentation, schedule, epochs, batch_size, lr, sets, add_ops, drop_ops, seed, seeds, device,
    gpus, threads, wait_free, data_dir, name, tags, keep, share, parts.
    """
    given = {key: value for key, value in flags.items() if value not in (None, "", [], ())}
    sets = {"epochs": "epochs", "batch_size": "batch_size", "lr": "optimizer.lr"}
    found = {path: str(given[key]) for key, path in sets.items() if key in given}
    for text in given.get("sets", ()):
        path, equals, value = str(text).partition("=")
        if not equals:
            raise BadInput(f"--set {text}: write key.path=value, for example optimizer.lr=0.1")
        found[path.strip()] = value.strip()
    place: dict[str, str] = {name: str(given[name]) for name in COPIED if name in given}
    place |= {"wait_free_gb": str(given["wait_free"])} if "wait_free" in given else {}
    place |= {"tags": " ".join(given["tags"])} if "tags" in given else {}
    if "seeds" in given:
        count = str(given["seeds"])  # `--seeds 5` means the first five
        many = re.fullmatch(r"\d{1,18}", count) and int(count) > 1
        place["seeds"] = f"0-{int(count) - 1}" if many else count
    elif "seed" in given:
        place["seeds"] = str(given["seed"])
    return Draft(
        preset=str(given.get("preset", "")),
        named={name: str(given[name]) for name in NAMED if name in given},
        sets=found,
        add_ops=tuple(given.get("add_ops", ())),
        drop_ops=tuple(given.get("drop_ops", ())),
        place=place,
        parts=tuple(map(str, given.get("parts", ()))),
    )
