"""Suites: published tables of results as TOML files. A row names a preset, its changes, and the reported figures.

Built-in suites are in `presets/suites`, the user's own in the config folder beside the other presets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from engine.contract.errors import BadInput, nearest, user_path
from engine.contract.recipe.option_types import Float, Int
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
"""The name of a suite or a row, short enough for a tag (`suite:NAME`) and for a column."""


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, defer_build=True)

    @field_validator("title", "description", "source", "note", mode="after", check_fields=False)
    @classmethod
    def _one_line(cls, text: str) -> str:
        """Line breaks in the file only wrap the text."""
        return " ".join(text.split())


class Reported(_Closed):
    """The figures that a source reports for one row; None where it reports none."""

    test_accuracy: Annotated[Float, Field(ge=0, le=1)] | None = None
    """Test accuracy, 0..1."""
    train_accuracy: Annotated[Float, Field(ge=0, le=1)] | None = None
    """Training accuracy, 0..1."""
    test_loss: Annotated[Float, Field(ge=0)] | None = None
    train_loss: Annotated[Float, Field(ge=0)] | None = None
    paper_error: Annotated[Float, Field(ge=0, le=1)] | None = None
    """Test error that the table quotes from the method's paper, 0..1."""
    params_m: Annotated[Float, Field(ge=0)] | None = None
    """Parameters in millions."""
    weights_mib: Annotated[Float, Field(ge=0)] | None = None
    """Size of the file with the weights, MiB."""
    gpu_memory_mib: Annotated[Float, Field(ge=0)] | None = None
    """GPU memory during training, MiB."""
    hours: Annotated[Float, Field(ge=0)] | None = None
    """Wall time of one run, hours."""
    seconds_per_epoch: Annotated[Float, Field(ge=0)] | None = None
    epochs: Annotated[Int, Field(ge=1)] | None = None
    """Epochs of training, where they differ from the recipe's."""
    device: str = ""
    """The hardware that it ran on."""
    selection: Selection = "unknown"
    """The epoch that the accuracies belong to."""
    n: Annotated[Int, Field(ge=1)] = 1
    """Number of runs behind the figures."""
    spread: Annotated[Float, Field(ge=0, le=1)] | None = None
    """Standard deviation of the test accuracy over the runs, 0..1."""


class Row(_Closed):
    """One row of the table, with the suite's `base` merged into it."""

    id: Name
    title: str = ""
    """What the source calls the row."""
    recipe: str
    """The preset that the row starts from."""
    model: str = ""
    augmentation: str = ""
    schedule: str = ""
    sets: tuple[str, ...] = Field((), alias="set")
    """Changes as `--set` takes them."""
    add_ops: tuple[str, ...] = Field((), alias="add_op")
    drop_ops: tuple[str, ...] = Field((), alias="drop_op")
    reported: Reported = Field(default_factory=Reported)  # a default made here would build the schema at import
    source: str = ""
    """Where the figures come from."""
    note: str = ""
    """Known peculiarities and departures from the source."""

    @property
    def edits(self) -> Edits:
        """The changes that the row makes to its preset, with each part before its options."""
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
    """The default for rows that do not state their own."""
    rows: tuple[Row, ...]

    def row(self, row_id: str) -> Row:
        """The row with that id. Raises BadInput, which suggests the nearest id."""
        for row in self.rows:
            if row.id == row_id:
                return row
        hint = nearest(row_id, [row.id for row in self.rows])
        where = "" if hint else f"; `cifar-tui suites show {self.name}` lists them"
        raise BadInput(f"suite {self.name}: unknown row {row_id!r}{hint or where}")

    def pick(self, ids: str) -> tuple[Row, ...]:
        """The rows named in `a,b`, or all rows if it is empty, in the order of the table. Raises BadInput."""
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
    """The suite files, the user's own first, not checked against the schema."""
    return loader.list_presets("suites")


def load(ref: str) -> Suite:
    """Load a suite by its name, or by the path of a TOML file.

    Raises:
        BadInput: there is no such suite, or its file violates the schema; with every problem found.
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
    """The suite and the row that `NAME/ROW` refers to. Raises BadInput."""
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
        raise BadInput(f"{path}: `base` must be a table and `rows` an array of tables ([[rows]])")
    problems += [] if rows else ["rows: missing; a suite needs at least one row ([[rows]])"]
    problems += [f"base: unknown key {key}{nearest(key, BASE_KEYS)}" for key in base if key not in BASE_KEYS]
    known = {key: value for key, value in table.items() if key in KEYS}
    filled = known | {"name": path.stem, "rows": [_complete(row, base, table) for row in rows]}
    try:
        suite = Suite.model_validate(filled)
    except ValidationError as error:
        problems += [_named(line, rows) for line in explain(error, Suite)]
    else:
        ids = [row.id for row in suite.rows]
        problems += [f"rows: duplicate id {row_id!r}" for row_id in {i for i in ids if ids.count(i) > 1}]
    if problems:
        raise BadInput([f"{path}: {problem}" for problem in problems])
    return suite


KEYS: Final = ("title", "description", "source", "selection", "base", "rows")
BASE_KEYS: Final = ("recipe", *CHANGES)


def _complete(row: dict[str, Any], base: Mapping[str, Any], suite: Mapping[str, Any]) -> dict[str, Any]:
    """The row with the suite's `base` merged in: lists are concatenated, base first; other values of the row win."""
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
    """A problem such as `rows.3.reported.n: ...` with the row's id instead of its index, and the nearest valid key."""
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
