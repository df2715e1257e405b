"""The rows of the form: which fields are shown, and how. Pure functions over fields."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.contract.errors import BadInput
from engine.contract.recipe.params import Param
from engine.contract.text import one_line
from tui.drawing.lines import Line, fit, heading
from tui.forms.fields import ESSENTIAL, Field, as_text
from tui.plans.draft import parse_seeds

NUMBERS: Final = ("int", "float")
NUMBER_CELLS: Final = 8
OFF: Final = ("off", "0", "0.0", "False")
SEEDS_PATH: Final = "place.seeds"


@dataclass(frozen=True, slots=True)
class FormRow:
    """A heading, a field, or the row that shows and hides the rest."""

    heading: str = ""
    field: Field | None = None
    more: int = 0
    """How many fields are hidden; -1 if all are shown."""


def arrange(fields: Sequence[Field], *, everything: bool, find: str = "", bad: Collection[str] = ()) -> list[FormRow]:
    """Fields under their headings.

    Options of a feature that is off (rho without SAM) are left out, unless they are changed, searched for, or have a
    problem.

    Args:
        everything: show all fields; otherwise only those that are essential, changed, or have a problem.
        find: words that a field's label or path must all contain; if no field matches, its help text is searched.
            Hidden fields are searched too.
        bad: paths of fields with a problem, which are never hidden.
    """
    words = find.lower().split()
    if words:
        named = [f for f in fields if all(word in f"{f.label} {f.path}".lower() for word in words)]
        found = named or [f for f in fields if all(word in f.param.help.lower() for word in words)]
        return _grouped(found) or [FormRow(heading=f"no field matches {one_line(find)}")]
    essential = [f for f in fields if f.path in ESSENTIAL]
    values = {f.path: f.value for f in fields}
    rest = [f for f in fields if f.path not in ESSENTIAL and (f.changed or f.path in bad or is_enabled(f, values))]
    what = [f for f in essential if f.group == "what"]
    numbers = [f for f in essential if f.group != "what"]
    rows = [
        FormRow(heading="what"),
        *(FormRow(field=f) for f in what),
        FormRow(heading="numbers"),
        *(FormRow(field=f) for f in numbers),
    ]
    shown = rest if everything else [f for f in rest if f.changed or f.path in bad]
    return [*rows, FormRow(more=-1 if everything else len(rest) - len(shown)), *_grouped(shown)]


def is_enabled(field: Field, values: Mapping[str, Any]) -> bool:
    """Whether the option that the field needs is on.

    Args:
        values: the values of all fields, by path.
    """
    name, _, wanted = field.param.needs.partition("=")
    if not name:
        return True
    value = values.get(f"{field.path.rpartition('.')[0]}.{name}")
    return str(value) == wanted if wanted else str(value) not in OFF


def _grouped(fields: Sequence[Field]) -> list[FormRow]:
    rows: list[FormRow] = []
    group = ""
    for field in sorted(fields, key=lambda f: _GROUPS.get(f.group, len(_GROUPS))):
        name = heading_of(field)
        if name != group:
            group = name
            rows.append(FormRow(heading=name))
        rows.append(FormRow(field=field))
    return rows


_GROUPS: Final = {
    name: rank
    for rank, name in enumerate(
        (
            "what",
            "training",
            "model",
            "augmentation",
            "optimizer",
            "schedule",
            "loss",
            "averaging",
            "data",
            "evaluate",
            "resizing",
        )
    )
}


def is_short(field: Field) -> bool:
    """Whether the field has a narrow box with a note beside it."""
    return (field.param.type in NUMBERS or field.path == SEEDS_PATH) and len(field.text) <= NUMBER_CELLS


def heading_of(field: Field) -> str:
    """The section of a field: its group, or for an option of an operation the operation."""
    if field.group == "augmentation":
        return " · ".join(field.path.split(".")[:-1])
    return field.group


def box_column(width: int) -> int:
    """The column where all boxes begin: further right if there is room for longer labels."""
    return 15 if width < 50 else 23


def draw_row(row: FormRow, width: int, at_cursor: bool, problem: str = "") -> Line:
    """One row as a line of exactly `width` cells."""
    if row.heading:
        return heading(row.heading, width - 1)
    if row.field is None:
        sign, words = (
            ("▾", "essential fields only") if row.more < 0 else ("▸", f"{row.more} more fields   / find field")
        )
        return [(" ", ""), (sign, "mark"), (f" {words}", "strong" if at_cursor else "dim")]
    field = row.field
    changed = field.changed and field.base is not None
    marker = ("!", "bad") if problem else ("●", "mark") if changed else ("▸" if at_cursor else " ", "mark")
    box = box_column(width)
    label = (fit(field.label, box - 2) + " ", "strong" if at_cursor else "")
    if field.param.type == "ops":
        room = width - 5 - 6
        return [
            marker,
            (fit(f"  {one_line(str(field.value))}", room + 2), "dim"),
            ("  edit", "key" if at_cursor else "dim"),
        ]
    short = is_short(field)
    if short:
        value, end = fit(field.text, NUMBER_CELLS), " "
    else:
        inside = max(width - box - 7, 4)
        value = fit(one_line(field.text), inside + (0 if field.picked else 1))
        end = " ▾ " if field.picked else "  "
    look = "bad field" if problem else "strong field" if at_cursor else "field"
    edge = "key field" if at_cursor else "dim field"
    line: Line = [marker, label, (" ", ""), (" ", "field"), (value, look), (end, edge)]
    note, role = note_of(field)
    if short and len(note) <= width - 1 - box - NUMBER_CELLS - 4:
        room = min(width - box - NUMBER_CELLS - 6, 10)
        line.append((f" {note if field.changed else fit(note, room, 'right')}", role))
    return line


def note_of(field: Field) -> tuple[str, str]:
    """The note beside a short box, and its role: the number of runs, the preset's value if changed, else the range."""
    if field.path == SEEDS_PATH:
        count = run_count(field.text)
        return (f"= {count} run{'s' if count > 1 else ''}", "mark" if count > 1 else "dim") if count else ("", "")
    if field.changed and field.base is not None:
        return f"was {as_text(field.base)}", "mark"
    return short_range(field.param), "dim"


def run_count(seeds: str) -> int:
    """The number of runs that a text of seeds asks for; 0 if it cannot be read."""
    try:
        return len(parse_seeds(seeds))
    except BadInput:
        return 0


def short_range(param: Param) -> str:
    """The range of a parameter: `1..∞`, `0..1`, `>0`; without limits its unit."""
    low = param.ge if param.ge is not None else param.gt
    high = param.le if param.le is not None else param.lt
    if low is None and high is None:
        return param.unit
    if high is not None and high >= 1e6:
        high = None
    if param.gt is not None and high is None:
        return f">{low:g}"
    left, right = "-∞" if low is None else f"{low:g}", "∞" if high is None else f"{high:g}"
    return f"{left}..{right}"


def help_of(field: Field) -> str:
    """The help text of a field: what it means, its range, and the value of the preset."""
    text = field.param.help.strip()
    words = [f"{field.label or 'operations'}: {text}" if text else field.label]
    if text and text[-1] not in ".!?":
        words[0] += "."
    if field.param.unit:
        words.append(f"In {field.param.unit}.")
    if field.param.range and field.param.type != "part":
        words.append(f"Range {field.param.range}.")
    if field.changed and field.base is not None and field.param.type not in ("part", "ops"):
        words.append(f"Preset: {as_text(field.base) or 'empty'}.")
    if not field.path.startswith("place.") and field.param.type not in ("part", "ops"):
        words.append(f"--set {field.path}=…")
    return " ".join(words)
