"""The rows of the form: which fields are shown, and how. Pure functions over fields."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.cells import cell_len

from engine.contract.errors import BadInput
from engine.contract.recipe.params import Param
from engine.contract.text import one_line
from tui.drawing.lines import Line, fit, heading, width_of
from tui.forms.fields import ESSENTIAL, Field, as_text
from tui.plans.draft import parse_seeds

NUMBERS: Final = ("int", "float")
NUMBER_CELLS: Final = 8
OFF: Final = ("off", "0", "0.0", "False")
SEEDS_PATH: Final = "place.seeds"
_WITH_KEYS: Final = 90
"""Width from which each row ends with the key that `--set` takes."""
ROOMY: Final = 70
"""Width from which every box has the same size and a note beside it."""
_ROOMY_BOX, _BOX_CELLS = 21, 20
"""Where the boxes begin in a form of that width, and how many cells they have at least for the value."""


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
            "hard_examples",
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
    return 15 if width < 50 else _ROOMY_BOX if width >= ROOMY else 23


def box_cells(field: Field, width: int) -> int:
    """The cells for the value in the box of a field."""
    if width >= ROOMY:
        longest = width - _ROOMY_BOX - 7
        return min(max(_BOX_CELLS, 0 if field.picked else cell_len(field.text) + 1), longest)
    if is_short(field):
        return NUMBER_CELLS
    return max(width - box_column(width) - 7, 4) + (0 if field.picked else 1)


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
    label = (
        fit(field.label, box - 2) + " ",
        "bad" if problem else "mark" if changed else "strong" if at_cursor else "",
    )
    if field.param.type == "ops":
        room = width - 5 - 6
        return [
            marker,
            (fit(f"  {one_line(str(field.value))}", room + 2), "dim"),
            ("  edit", "key" if at_cursor else "dim"),
        ]
    value = fit(one_line(field.text), box_cells(field, width))
    end = " ▾ " if field.picked else " " if is_short(field) and width < ROOMY else "   " if width >= ROOMY else "  "
    look = "bad field" if problem else "strong field" if at_cursor or changed else "field"
    edge = "key field" if at_cursor else "dim field"
    line: Line = [marker, label, (" ", ""), (" ", "field"), (value, look), (end, edge)]
    line += _beside(field, problem, width, width - 1 - width_of(line))
    key = field.path if width >= _WITH_KEYS and not field.path.startswith("place.") else ""
    gap = width - 1 - width_of(line) - cell_len(key)
    return [*line, (" " * gap, ""), (key, "dim")] if key and gap >= 2 else line


def _beside(field: Field, problem: str, width: int, room: int) -> Line:
    """The note beside a box, in at most `room` cells, without what does not fit."""
    note, role = note_of(field, roomy=width >= ROOMY)
    wrong = needs(problem)
    if wrong:
        whole = f"{note} · {wrong}" if field.changed and note else wrong
        fitting = next((text for text in (whole, wrong, "not valid") if cell_len(text) < room), "")
        return [(f" {fitting}", "bad")] if fitting else []
    if width >= ROOMY:
        left = room - 2 - (cell_len(note) + 3 if note else 0)
        meaning = "" if role == "mark" or field.path == SEEDS_PATH else _meaning(field.param.help, left)
        shown = fit(" · ".join(filter(None, (note, meaning))), room - 1).rstrip()
        return [(f" {shown}", role)] if shown and room > 8 else []
    if is_short(field) and len(note) <= room - 1:
        return [(f" {note if field.changed else fit(note, min(room - 1, 10), 'right')}", role)]
    return []


def needs(problem: str) -> str:
    """What a message about a field says that its value needs: "needs < 1"; "" for no problem."""
    found = re.search(r"\bneeds\b.*", problem)
    return found[0] if found else problem.rpartition(": ")[2]


def note_of(field: Field, *, roomy: bool = False) -> tuple[str, str]:
    """The note beside a box, and its role: the number of runs, the preset's value if changed, else the range.

    Args:
        roomy: write ranges in words.
    """
    if field.path == SEEDS_PATH:
        count = run_count(field.text)
        return (f"= {count} run{'s' if count > 1 else ''}", "mark" if count > 1 else "dim") if count else ("", "")
    if field.changed and field.base is not None:
        return f"was {as_text(field.base) or 'empty'}", "mark"
    if not roomy:
        return short_range(field.param), "dim"
    if field.param.type == "part":
        return "", "dim"
    choices = field.choices
    several = " or ".join(choices) if len(choices) <= 2 else f"{len(choices)} choices"
    return several or _range_in_words(field.param) or field.param.unit, "dim"


def _meaning(text: str, room: int) -> str:
    """As much of a help text as fits and can stand alone: all of it, or what comes before a full stop or a colon."""
    text = one_line(text).strip().rstrip(".")
    ends = [len(text), *(match.start() for match in re.finditer(r"[.:;] | \(", text))]
    return next((text[:end] for end in sorted(ends, reverse=True) if cell_len(text[:end]) <= room), "")


def _range_in_words(param: Param) -> str:
    """ "1 or more", "above 0", "0 to 1"; "" without limits."""
    low, high = (param.ge if param.ge is not None else param.gt), (param.le if param.le is not None else param.lt)
    if high is not None and high >= 1e6:
        high = None
    if high is None:
        return "" if low is None else f"above {low:g}" if param.gt is not None else f"{low:g} or more"
    below = "below " if param.lt is not None else ""
    if low is None:
        return f"{below or 'at most '}{high:g}"
    return f"{'above ' if param.gt is not None else ''}{low:g} to {below}{high:g}"


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
