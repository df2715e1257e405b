"""The list of what differs from the preset, each row with the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len

from engine.contract.text import one_line
from tui.drawing.lines import Line, fit, hints, width_of
from tui.forms.fields import Field, as_text
from tui.forms.notes import needs
from tui.widgets.line_list import LineList


class ChangeList(LineList):
    """One row for each changed field: what it was, what it is, and what is wrong with it."""

    def __init__(self) -> None:
        super().__init__(id="changes")
        self.fields: list[Field] = []
        self._problems: Mapping[str, str] = {}

    def fill(self, fields: Sequence[Field], problems: Mapping[str, str]) -> None:
        """Show these changes."""
        self.fields, self._problems = list(fields), problems
        self.reload()

    @property
    def field(self) -> Field | None:
        """The field of the row under the cursor."""
        return self.fields[self.cursor] if self.fields else None

    def show_field(self, path: str) -> None:
        """Move the cursor to the row of a field, if it has one."""
        at = next((i for i, field in enumerate(self.fields) if field.path == path), None)
        if at is not None:
            self.cursor = at

    def row_count(self) -> int:
        return len(self.fields)

    def draw(self, row: int, width: int, at_cursor: bool) -> Line:
        field = self.fields[row]
        name = min(max(cell_len(one.path) for one in self.fields), max(width // 3, 12))
        old = min(max(cell_len(_short(one.base)) for one in self.fields), max(width // 5, 8))
        problem = needs(self._problems.get(field.path, ""))
        line: Line = [
            ("▸ " if at_cursor else "  ", "mark"),
            (fit(field.path, name) + "  ", "strong" if at_cursor else ""),
            (fit(_short(field.base), old, "right"), "dim"),
            (" → ", "dim"),
        ]
        hint: Line = hints([("x", "undo this")]) if at_cursor and self.has_focus else []
        room = width - width_of(line) - (width_of(hint) + 2 if hint else 0) - 1
        new = one_line(field.text) or "empty"
        wrong = f"   not valid: {problem}" if problem else ""
        text = fit(new, min(cell_len(new), max(room - cell_len(wrong), 4)))
        line += [(text, "bad" if problem else "strong")]
        if wrong and cell_len(text) + cell_len(wrong) <= room:
            line.append((wrong, "bad"))
        if hint:
            line += [(" " * max(width - 1 - width_of(line) - width_of(hint), 1), ""), *hint]
        return line


def _short(value: object) -> str:
    return one_line(as_text(value)) or "empty"
