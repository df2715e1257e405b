"""The state behind New run: a draft, what it resolves to, its problems, and undo. Knows no widget."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from engine.contract.errors import BadInput, user_path
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.changes import differences
from engine.contract.recipe.ops import walk
from engine.contract.recipe.resolve import PART_FIELDS
from engine.contract.recipe.schema import Recipe
from engine.contract.text import clean
from presets import loader, references, suites
from presets.references import source_file
from tui.drawing.kept import Kept
from tui.forms.fields import Field, FormValues, fields, values
from tui.plans.draft import NAMED, Draft
from tui.plans.placement import checked
from tui.plans.resolution import Resolver


class FormEditor:
    """A draft that is being edited.

    Args:
        draft: the draft to start with.
        roots: runs folders, in which `run:RUN` is looked up.

    Raises:
        BadInput: the preset of the draft cannot be read.
    """

    def __init__(self, draft: Draft, catalog: Catalog, roots: Sequence[Path]) -> None:
        self._catalog = catalog
        self._history: list[tuple[Draft, str]] = []
        self._last_path = ""
        self.source = source_file(draft.preset, roots)
        self._resolver = Resolver(catalog)
        self.base = self._resolver.resolve(self.source)[0]
        self._base_named = part_names(self.source)
        self._was = values(self.base, self._base_named, catalog)
        self._kept = Kept()
        self.recipe: Recipe = self.base
        """The last recipe that resolved."""
        self.note = ""
        """What was shortened in the recipe to fit into few epochs; else empty."""
        self._stale = False
        """Whether `recipe` is older than the draft, because the problem is not the fault of one field."""
        self.problems: dict[str, str] = {}
        """Messages by the path of their field; "" for one that belongs to no field."""
        self.draft = draft
        self.resolution = self._resolver.take(draft, self.source)
        """The draft with its recipe, as a start takes it."""
        self.check()

    # --- changing ---------------------------------------------------------------------------------------------

    def change(self, draft: Draft, path: str) -> None:
        """Replace the draft; `path` is the field that changed."""
        if draft == self.draft:
            return
        self._history.append((self.draft, self._last_path))
        self.draft, self._last_path = draft, path
        self.check()

    def put(self, path: str, text: str) -> None:
        """Set one field. The value that the preset has counts as unchanged."""
        self.change(self._with(path, text), path)

    def _with(self, path: str, text: str) -> Draft:
        base = next((field for field in self.fields() if field.path == path), None)
        same = base is not None and base.base is not None and text == Field("", "", "", base.param, base.base).text
        back = self.draft.pick_again if path in PART_FIELDS else self.draft.without
        return back(path) if same else self.draft.put(path, text)

    def trying(self, path: str, text: str) -> FormEditor:
        """What the state would be with this text in a field, while it is typed; this state stays as it is."""
        trial = copy.copy(self)
        trial._kept = Kept()
        trial.draft, trial._last_path = self._with(path, text), path
        trial.check()
        return trial

    def reset(self, path: str) -> bool:
        """Give a field the value of the preset; False if its value follows from the change of another field."""
        before = self.draft
        back = self.draft.pick_again if path in PART_FIELDS and path not in self.problems else self.draft.without
        self.change(back(path), path)
        return self.draft != before

    def describe_resets(self, path: str = "") -> str:
        """Describe in one line which options another part has reset; "" if none.

        Args:
            path: the field that picks the part; "" for all such fields.
        """
        lines = loader.reset_by(self.base, self.recipe, self.draft.edits(), self._catalog)
        return "; ".join(line for line in lines if line.startswith(f"{path}:" if path else ""))

    def undo(self) -> str:
        """Undo the last change. Returns the path of the field that had changed, "" if there is nothing to undo."""
        if not self._history:
            return ""
        path = self._last_path
        self.draft, self._last_path = self._history.pop()
        self.check()
        return path

    # --- what follows from the draft --------------------------------------------------------------------------

    @property
    def seeds(self) -> int:
        """The number of runs, one for each seed; 0 if the seeds cannot be read."""
        try:
            return len(self.draft.seeds())
        except BadInput:
            return 0

    @property
    def changed(self) -> int:
        """The number of fields in which the recipe differs from the preset."""
        return len(differences(self.base, self.recipe))

    def fields(self, devices: tuple[str, ...] = ("auto", "cpu")) -> Sequence[Field]:
        """The fields of the form."""
        typed = {path: text for path, text in self.draft.sets.items() if path in self.problems or self._stale}
        named = {**self._base_named, **self.draft.named}
        form = FormValues(self.recipe, self._was, named, self.draft.place, devices, typed)
        return self._kept.get(("fields", devices), form, lambda: fields(form, self._catalog))

    def changes(self, fields: Sequence[Field]) -> list[Field]:
        """Those of the fields of the recipe that differ from the preset, first those that the user has changed."""
        edited = {*self.draft.sets, *self.draft.named}
        if self.draft.add_ops or self.draft.drop_ops:
            edited.add("augmentation.ops")
        differ = [field for field in fields if field.changed and not field.path.startswith("place.")]
        shown = [field for field in differ if field.base is not None or field.path in edited]
        return sorted(shown, key=lambda field: field.path not in edited)

    def op_names(self) -> set[str]:
        """Names of the operations in the recipe, including the members of combinators."""
        return {op.name for op in walk(self.recipe.augmentation)}

    def mark_problems(self, problems: Sequence[str]) -> None:
        """Assign problems to the fields that they name, or else to the field that changed last."""
        self.problems = {}
        paths = [field.path for field in self.fields()] if problems else []
        for problem in problems:
            path = field_at_fault(problem, paths) or self._last_path
            self.problems.setdefault(path, clean(problem.removeprefix(f"{self.source}: ")))

    def check(self) -> None:
        """Resolve the draft again and replace the problems, including those that an attempt to start has found."""
        found: list[str] = []
        try:
            self.resolution = self._resolver.take(self.draft, self.source)
            self.recipe, self.note = self.resolution.recipe, self.resolution.note
        except BadInput as error:
            found += error.problems
        for part in (partial(checked, self.draft.place), self.draft.seeds):
            try:
                part()
            except BadInput as error:
                found += error.problems
        self.mark_problems(found)
        self._stale = bool(found) and not self._resolve_valid_fields()

    def _resolve_valid_fields(self) -> bool:
        """Resolve the draft without the fields that have problems, so that the charts follow all other changes."""
        good = self.draft
        for path in self.problems:
            good = good.without(path)
        with suppress(BadInput):
            found = self._resolver.take(good, self.source)
            self.recipe, self.note = found.recipe, found.note
            return True
        return False


def field_at_fault(problem: str, paths: Sequence[str]) -> str:
    """The path of the field that a message is about; "" if it names none."""
    fitting = []
    for path in paths:
        name = path.removeprefix("place.")
        match = re.search(rf"(?:^|[\s:]){re.escape(name)}(?=[:=\s])", problem)
        if match:
            fitting.append((match.start(), -len(name), path))
    return min(fitting)[2] if fitting else ""


def part_names(source: str) -> Mapping[str, str]:
    """The named parts in the file of a preset: model, augmentation and schedule."""
    if source.startswith(references.SUITE):
        _, row = suites.row_of(source.removeprefix(references.SUITE))
        return {**part_names(row.recipe), **{name: text for name in NAMED if (text := getattr(row, name))}}
    if source.endswith(".toml") or "/" in source:
        path = user_path(source)
    else:
        path = loader.paths("recipes")[source]
    table = loader.read_table(path)
    return {name: text for name in NAMED if (text := _part_name(table.get(name)))}


def _part_name(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value.get("name", ""))
    if isinstance(value, list):
        return "its own list" if value else "none"
    return str(value or "")
