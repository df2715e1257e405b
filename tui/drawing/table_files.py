"""Tables one below the other in a format that an export offers: for papers, spreadsheets and other programs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from tui.drawing.typeset import Table, csv_table, latex, markdown, text, tsv

_NUMBER: Final = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d*)(\.\d+)?")


def written(tables: Sequence[Table], form: str, width: int, labels: Sequence[str] = ()) -> str:
    """The tables in a format, with an empty line between two of them.

    Args:
        form: md, latex, csv, tsv, or else text.
        width: cells of a line of text.
        labels: what LaTeX's `\\ref` takes for each table; by default "table-1", "table-2", ...
    """
    match form:
        case "md":
            return "\n".join(map(markdown, tables))
        case "latex":
            names = [*labels, *(f"table-{number}" for number in range(len(labels) + 1, len(tables) + 1))]
            return "\n".join(latex(table, name) for table, name in zip(tables, names, strict=False))
        case "csv":
            return "\n".join(map(_csv, tables))
        case "tsv":
            return "\n".join(map(tsv, tables))
        case _:
            return "\n".join(text(table, width) for table in tables)


def _csv(table: Table) -> str:
    """A line with the title, the heads of the columns, and the rows; numbers have neither a plus sign nor commas."""
    title = csv_table([table.title], []) if table.title else ""
    rows = [
        [_value(cell) if column.right else cell for column, cell in zip(table.columns, row, strict=True)]
        for row in table.rows
    ]
    return title + csv_table([column.head for column in table.columns], rows)


def _value(cell: str) -> Decimal | str:
    """The number in a cell with the digits that it is printed with; else its text."""
    is_number = cell.strip("+-") and _NUMBER.fullmatch(cell)
    return Decimal(cell.replace(",", "")) if is_number else cell
