"""Suites: published tables of results as TOML files. A row is a preset, what differs from it, and what was reported.

Suites of this package lie in `presets/suites`, those of the user in the config folder beside the other presets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from engine.contract.errors import BadInput, nearest, user_path
from engine.contract.recipe.params import Float, Int
from engine.contract.recipe.resolve import explain
from presets import loader
from presets.loader import Edits

Selection = Literal["best_on_test", "last", "unknown"]

ID: Final = re.compile(r"[a-z0-9][a-z0-9_]{0,47}")
CHANGES: Final = ("model", "augmentation", "schedule", "set", "add_op", "drop_op")


def _name(text: str) -> str:
    if not ID.fullmatch(text):
        raise ValueError("lower-case letters, digits and _, at most 48")
    return text


Name = Annotated[str, AfterValidator(_name)]
"""Of a suite or a row: short enough for a tag (`suite:NAME`) and for a column."""


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, defer_build=True)

    @field_validator("title", "description", "source", "note", mode="after", check_fields=False)
    @classmethod
    def _one_line(cls, text: str) -> str:
        """Line breaks of the file are no part of a text."""
        return " ".join(text.split())


class Reported(_Closed):
    """What a source's table says of one row; None where it says nothing."""

    test_accuracy: Annotated[Float, Field(ge=0, le=1)] | None = None
    """Test accuracy, 0..1."""
    train_accuracy: Annotated[Float, Field(ge=0, le=1)] | None = None
    """Training accuracy, 0..1."""
    test_loss: Annotated[Float, Field(ge=0)] | None = None
    train_loss: Annotated[Float, Field(ge=0)] | None = None
    paper_error: Annotated[Float, Field(ge=0, le=1)] | None = None
    """Test error that the table quotes from the paper of the method, 0..1."""
    params_m: Annotated[Float, Field(ge=0)] | None = None
    """Parameters in millions."""
    weights_mib: Annotated[Float, Field(ge=0)] | None = None
    """Size of a file with the weights, MiB."""
    gpu_memory_mib: Annotated[Float, Field(ge=0)] | None = None
    """GPU memory while training, MiB."""
    hours: Annotated[Float, Field(ge=0)] | None = None
    """Wall time of one run."""
    seconds_per_epoch: Annotated[Float, Field(ge=0)] | None = None
    epochs: Annotated[Int, Field(ge=1)] | None = None
    """Length of the training, where it differs from the recipe's."""
    device: str = ""
    """What it ran on."""
    selection: Selection = "unknown"
    """Which epoch the accuracies are of."""
    n: Annotated[Int, Field(ge=1)] = 1
    """How many runs the figures stand on."""
    spread: Annotated[Float, Field(ge=0, le=1)] | None = None
    """Standard deviation of the test accuracy over the runs, 0..1."""


class Row(_Closed):
    """One row of the table, complete: what the suite's `base` gives to all rows is merged into it."""

    id: Name
    title: str = ""
    """The row in the source's own words."""
    recipe: str
    """The preset that it begins with."""
    model: str = ""
    augmentation: str = ""
    schedule: str = ""
    sets: tuple[str, ...] = Field((), alias="set")
    """As `--set` takes them."""
    add_ops: tuple[str, ...] = Field((), alias="add_op")
    drop_ops: tuple[str, ...] = Field((), alias="drop_op")
    reported: Reported = Field(default_factory=Reported)  # a default made here would build the schema at import
    source: str = ""
    """Where the figures are from."""
    note: str = ""
    """What is known to be odd about it."""

    @property
    def edits(self) -> Edits:
        """What the row changes in its preset. The options of a part come after the part."""
        sets = sorted(self.sets, key=lambda text: text.partition("=")[0].count("."))
        return Edits(
            self.model, self.augmentation, self.schedule, sets=sets, add_ops=self.add_ops, drop_ops=self.drop_ops
        )

    def promise(self) -> dict[str, Any] | None:
        """What the source reported, as a recipe's `promise`; None without a test accuracy."""
        reported = self.reported
        if reported.test_accuracy is None:
            return None
        return {
            "accuracy": reported.test_accuracy,
            "selection": reported.selection,
            "runs": reported.n,
            "source": self.source,
            "spread": reported.spread or 0.0,
            "minutes": 60 * (reported.hours or 0.0),
            "device": reported.device,
        }


class Suite(_Closed):
    """One published table."""

    name: Name
    title: str
    description: str
    source: str
    """Who published it, where, at which commit or date."""
    selection: Selection = "unknown"
    """Of rows that do not say otherwise."""
    rows: tuple[Row, ...]

    def row(self, row_id: str) -> Row:
        """The row of that id. Raises BadInput with the nearest one."""
        for row in self.rows:
            if row.id == row_id:
                return row
        hint = nearest(row_id, [row.id for row in self.rows])
        where = "" if hint else f"; `cifar-tui suites show {self.name}` names them"
        raise BadInput(f"suite {self.name}: unknown row {row_id!r}{hint or where}")

    def pick(self, ids: str) -> tuple[Row, ...]:
        """The rows named in `a,b`, all where it is empty, in the order of the table. Raises BadInput."""
        if not ids.strip():
            return self.rows
        wanted, problems = set(), []
        for row_id in filter(None, (word.strip() for word in ids.split(","))):
            try:
                wanted.add(self.row(row_id).id)
            except BadInput as error:
                problems += error.problems
        if problems:
            raise BadInput(problems)
        return tuple(row for row in self.rows if row.id in wanted)


def list_suites() -> list[loader.PresetInfo]:
    """The suites' files, the user's own first; not checked yet."""
    return loader.list_presets("suites")


def load(ref: str) -> Suite:
    """A suite by name, or from a TOML file by its path.

    Raises:
        BadInput: there is none, or its file breaks the schema; with every problem found.
    """
    if ref.endswith(".toml") or "/" in ref:
        path = user_path(ref)
    else:
        found = loader.paths("suites")
        if ref not in found:
            hint = nearest(ref, found)
            raise BadInput(f"unknown suite {ref!r}{hint or '; `cifar-tui suites list` shows all'}")
        path = found[ref]
    return _read(path)


def row_of(ref: str) -> tuple[Suite, Row]:
    """The row that `NAME/ROW` means, and its suite. Raises BadInput."""
    name, _, row_id = ref.rpartition("/")
    if not name:
        shows = f"show {ref}` names the rows" if ref else "list` shows all"
        raise BadInput(f"suite:{ref}: write suite:NAME/ROW; `cifar-tui suites {shows}")
    suite = load(name)
    return suite, suite.row(row_id)


def _read(path: Path) -> Suite:
    table = loader.read_table(path)
    problems = [f"unknown key {key}{nearest(key, KEYS)}" for key in table if key not in KEYS]
    base = table.pop("base", {})
    rows = table.get("rows", [])
    if not isinstance(base, Mapping) or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadInput(f"{path}: `base` must be a table and `rows` an array of tables, written [[rows]]")
    problems += [] if rows else ["rows: missing; a suite has at least one, written [[rows]]"]
    problems += [f"base: unknown key {key}{nearest(key, BASE_KEYS)}" for key in base if key not in BASE_KEYS]
    known = {key: value for key, value in table.items() if key in KEYS}
    filled = known | {"name": path.stem, "rows": [_complete(row, base, table) for row in rows]}
    try:
        suite = Suite.model_validate(filled)
    except ValidationError as error:
        problems += [_named(line, rows) for line in explain(error, Suite)]
    else:
        ids = [row.id for row in suite.rows]
        problems += [f"rows: two of them are called {row_id!r}" for row_id in {i for i in ids if ids.count(i) > 1}]
    if problems:
        raise BadInput([f"{path}: {problem}" for problem in problems])
    return suite


KEYS: Final = ("title", "description", "source", "selection", "base", "rows")
BASE_KEYS: Final = ("recipe", *CHANGES)


def _complete(row: dict[str, Any], base: Mapping[str, Any], suite: Mapping[str, Any]) -> dict[str, Any]:
    """The row with what the suite says for all rows: lists add up, base first; a value of the row's own wins."""
    full = {"source": suite.get("source", "")} | dict(base) | row
    for key in ("set", "add_op", "drop_op"):
        both = [part[key] for part in (base, row) if key in part]
        if len(both) == 2 and all(isinstance(one, list) for one in both):
            full[key] = [*both[0], *both[1]]
    reported = row.get("reported", {})
    if isinstance(reported, dict):
        full["reported"] = {"selection": suite.get("selection", "unknown")} | reported
    return full


def _named(line: str, rows: list[dict[str, Any]]) -> str:
    """`rows.3.reported.n: ...` with the row's id in place of its number, and the nearest key of the right table."""
    found = re.match(r"(unknown key )?rows\.(\d+)\.?(.*)", line, re.DOTALL)
    if found is None:
        return line
    where = f"row {rows[int(found[2])].get('id', int(found[2]) + 1)!r}"
    if found[1]:
        key = found[3].partition(";")[0]
        inner, _, last = key.rpartition(".")
        choices = Reported.model_fields if inner == "reported" else ROW_KEYS
        return f"{where}: unknown key {key}{nearest(last, choices)}"
    return f"{where}: {found[3]}"


ROW_KEYS: Final = tuple(field.alias or name for name, field in Row.model_fields.items())
