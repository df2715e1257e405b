"""The rows of the form: which fields are shown, and how. Pure functions over fields."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from rich.cells import cell_len

from engine.contract.text import one_line
from tui.drawing.lines import Line, fit, heading, width_of
from tui.forms.fields import ESSENTIAL, Field
from tui.forms.notes import SEEDS_PATH, meaning_of, needs, note_of

NUMBERS: Final = ("int", "float")
NUMBER_CELLS: Final = 8
OFF: Final = ("off", "0", "0.0", "False")
ROOMY: Final = 70
"""Width from which every box has the same size, a note beside it, and the key that `--set` takes at the end."""
_ROOMY_BOX, _BOX_CELLS = 21, 20
"""Where the boxes begin in a form of that width, and how many cells they have at least for the value."""


@dataclass(frozen=True, slots=True)
class FormRow:
    """A heading, a field, two fields beside each other, or the row that shows and hides the rest."""

    heading: str = ""
    field: Field | None = None
    beside: Field | None = None
    """The field in the second column."""
    halved: bool = False
    """Whether the first field takes half the row, also where there is none beside it."""
    more: int = 0
    """How many fields are hidden; -1 if all are shown."""

    @property
    def fields(self) -> list[Field]:
        """The fields of the row, from left to right."""
        return [field for field in (self.field, self.beside) if field is not None]


def arrange(
    fields: Sequence[Field], *, everything: bool, find: str = "", bad: Collection[str] = (), pairs: bool = False
) -> list[FormRow]:
    """Fields under their headings.

    Options of a feature that is off (rho without SAM) are left out, unless they are changed, searched for, or have a
    problem.

    Args:
        everything: show all fields; otherwise only those that are essential, changed, or have a problem.
        find: words that a field's label or path must all contain; if no field matches, its help text is searched.
            Hidden fields are searched too.
        bad: paths of fields with a problem, which are never hidden.
        pairs: show two fields in a row, except for the essential ones and those that are searched for.
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
    return [
        *rows,
        FormRow(more=-1 if everything else len(rest) - len(shown)),
        *(paired(_grouped(shown), bad) if pairs else _grouped(shown)),
    ]


def is_enabled(field: Field, values: Mapping[str, Any]) -> bool:
    """Whether the option that the field needs is on.

    Args:
        values: the values of all fields, by path.
    """
    name, _, wanted = field.param.needs.partition("=")
    if not name:
        return True
    value = values.get(f"{field.path.rpartition('.')[0]}.{name}")
    return str(value) in wanted.split("|") if wanted else str(value) not in OFF


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


def paired(rows: Sequence[FormRow], bad: Collection[str]) -> list[FormRow]:
    """The same rows with two fields in each, as far as they stand under one heading.

    A field that is changed or wrong keeps a whole row, which has room for what it was and what it needs.
    """
    found: list[FormRow] = []
    for row in rows:
        field = row.field
        halved = field is not None and not (field.changed and field.base is not None) and field.path not in bad
        if halved and found and found[-1].halved and found[-1].beside is None:
            found[-1] = replace(found[-1], beside=field)
        else:
            found.append(replace(row, halved=halved))
    return found


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


def box_column(width: int, *, half: bool = False) -> int:
    """The column where all boxes begin: further right if there is room for longer labels.

    Args:
        half: whether the field is one of two in its row.
    """
    return max(width * 5 // 9, 15) if half else 15 if width < 50 else _ROOMY_BOX if width >= ROOMY else 23


def box_cells(field: Field, width: int, *, half: bool = False) -> int:
    """The cells for the value in the box of a field."""
    if half:
        return max(width - box_column(width, half=True) - 7, 4)
    if width >= ROOMY:
        longest = width - _ROOMY_BOX - 7
        return min(max(_BOX_CELLS, 0 if field.picked else cell_len(field.text) + 1), longest)
    if is_short(field):
        return NUMBER_CELLS
    return max(width - box_column(width) - 7, 4) + (0 if field.picked else 1)


def draw_pair(
    row: FormRow, width: int, column: int | None, problem_of: Callable[[Field | None], str] = lambda field: ""
) -> Line:
    """A row that may have two fields, as a line.

    Args:
        column: the field under the cursor, 0 or 1; None without a cursor.
        problem_of: the message about a field.
    """
    if not row.halved or row.field is None:
        return draw_row(row, width, column is not None, problem_of(row.field))
    half = half_of(width)
    alone = row.beside is None
    left = draw_row(
        FormRow(field=row.field), half, (alone and column is not None) or column == 0, problem_of(row.field), half=True
    )
    left.append((" " * (half - width_of(left)), ""))
    if row.beside is None:
        return [*left, *_beside(row.field, problem_of(row.field), ROOMY, width - half - 1)]
    return [*left, *draw_row(FormRow(field=row.beside), half, column == 1, problem_of(row.beside), half=True)]


def half_of(width: int) -> int:
    """The column where the second field of a pair begins."""
    return width // 2


def draw_row(row: FormRow, width: int, at_cursor: bool, problem: str = "", *, half: bool = False) -> Line:
    """One row as a line of at most `width` cells.

    Args:
        half: whether it is half a row, in which all boxes have one size and no note beside them.
    """
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
    box = box_column(width, half=half)
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
    value = fit(one_line(field.text), box_cells(field, width, half=half))
    narrow = " " if is_short(field) else "  "
    end = " ▾ " if field.picked else "   " if half or width >= ROOMY else narrow
    look = "bad field" if problem else "strong field" if at_cursor or changed else "field"
    edge = "key field" if at_cursor else "dim field"
    line: Line = [marker, label, (" ", ""), (" ", "field"), (value, look), (end, edge)]
    if half:
        return line
    line += _beside(field, problem, width, width - 1 - width_of(line))
    key = field.path if width >= ROOMY and not field.path.startswith("place.") else ""
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
        meaning = "" if role == "mark" or field.path == SEEDS_PATH else meaning_of(field.param.help, left)
        shown = fit(" · ".join(filter(None, (note, meaning))), room - 1).rstrip()
        return [(f" {shown}", role)] if shown and room > 8 else []
    if is_short(field) and len(note) <= room - 1:
        return [(f" {note if field.changed else fit(note, min(room - 1, 10), 'right')}", role)]
    return []
