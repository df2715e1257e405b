"""Plain-text tables for a terminal, Markdown, LaTeX or a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from rich.cells import cell_len

from engine.contract.text import clean
from tui.drawing.lines import fit, wrap

GAP: Final = 2  # blanks between columns
NARROWEST: Final = 28  # cells a wrapped column needs to be readable; with fewer it goes below its row
INDENT: Final = 4  # blanks before a cell that stands below its row


@dataclass(frozen=True, slots=True)
class Column:
    """A column's head and alignment. Only the last column may wrap: it takes the remaining width, in several lines."""

    head: str
    right: bool = False
    wraps: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table with the text above and below it."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    lead: tuple[str, ...] = ()
    """Lines above the table."""
    legend: tuple[str, ...] = ()
    """Lines below it that apply to the whole table."""
    notes: tuple[str, ...] = ()
    """Footnotes, numbered from 1 in this order."""
    marks: tuple[tuple[int, ...], ...] = field(default=())
    """For each row the numbers of its footnotes."""

    def marks_of(self, row: int) -> tuple[int, ...]:
        """Numbers of the footnotes of a row, counted from 0."""
        return self.marks[row] if row < len(self.marks) else ()


FIGURES: Final = (Column("figure"), Column("value", right=True))
"""The columns of a table of single figures."""


def by_label(table: Table) -> dict[str, str]:
    """The values of a table of two columns by their labels; of rows with the same label the first counts."""
    return {row[0]: row[1] for row in reversed(table.rows)}


# --- terminal -------------------------------------------------------------------------------------------------


def text(table: Table, width: int) -> str:
    """The table in at most `width` cells if its columns allow it; long texts are wrapped."""
    rows = [
        [f"{clean(row[0])}{_numbers(table.marks_of(i), ' [{}]')}", *map(clean, row[1:])]
        for i, row in enumerate(table.rows)
    ]
    widths = [
        max(map(cell_len, [column.head, *(row[i] for row in rows)])) for i, column in enumerate(table.columns)
    ]  # fmt: skip
    lines = [part for line in (table.title, *table.lead) for part in wrap(clean(line), width)]
    lines += [""] if lines else []
    below = False
    if table.columns[-1].wraps:
        room = width - sum(widths[:-1]) - GAP * (len(widths) - 1)
        below = room < min(NARROWEST, widths[-1])
        widths[-1] = width - INDENT if below else min(widths[-1], room)
    heads = [column.head for column in table.columns]
    for row in [[*heads[:-1], ""] if below else heads, *rows]:
        lines += _row_lines(table.columns, row, widths, below)
    lines += [""] if table.legend or table.notes else []
    lines += [part for line in table.legend for part in wrap(clean(line), width)]
    for number, note in enumerate(table.notes, 1):
        lines += _hanging(f"[{number}] ", clean(note), width)
    return "\n".join(lines) + "\n"


def _row_lines(columns: Sequence[Column], row: Sequence[str], widths: Sequence[int], below: bool) -> list[str]:
    """One row of the table: a line, and more if its last cell wraps or stands below the row."""
    cells = [
        fit(cell, size, "right" if column.right else "left")
        for column, cell, size in zip(columns, row, widths, strict=True)
    ]
    if not columns[-1].wraps:
        return [(" " * GAP).join(cells).rstrip()]
    first = (" " * GAP).join(cells[:-1])
    wrapped = wrap(row[-1], widths[-1])
    if below:
        return [first.rstrip(), *(f"{' ' * INDENT}{line}" for line in wrapped)]
    return [
        f"{first if i == 0 else ' ' * cell_len(first)}{' ' * GAP}{line}".rstrip()
        for i, line in enumerate(wrapped or [""])
    ]


def _hanging(head: str, body: str, width: int) -> list[str]:
    """A text with a hanging indent: later lines start under its first word."""
    lines = wrap(body, width - len(head)) or [""]
    return [f"{head if i == 0 else ' ' * len(head)}{line}" for i, line in enumerate(lines)]


def _numbers(marks: Sequence[int], form: str) -> str:
    return form.format(",".join(map(str, marks))) if marks else ""


# --- Markdown -------------------------------------------------------------------------------------------------


def markdown(table: Table) -> str:
    """A GitHub table with footnotes."""
    lines = [f"### {_md(table.title)}", "", *(f"{_md(line)}\n" for line in table.lead)] if table.title else []
    lines.append(f"| {' | '.join(_md(column.head) for column in table.columns)} |")
    lines.append(f"| {' | '.join('---:' if column.right else '---' for column in table.columns)} |")
    for i, row in enumerate(table.rows):
        marks = "".join(f"[^{number}]" for number in table.marks_of(i))
        cells = [_md(cell) for cell in row]
        lines.append(f"| {' | '.join([cells[0] + marks, *cells[1:]])} |")
    lines += [""] if table.legend or table.notes else []
    lines += [f"{_md(line)}  " for line in table.legend]
    lines += [""] if table.legend and table.notes else []
    lines += [f"[^{number}]: {_md(note)}" for number, note in enumerate(table.notes, 1)]
    return "\n".join(lines) + "\n"


def _md(raw: str) -> str:
    """Text on one line, with everything escaped that Markdown would interpret."""
    line = " ".join(clean(raw).split())
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|#~" else letter for letter in line)


# --- LaTeX ----------------------------------------------------------------------------------------------------

_TEX: Final = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "±": r"$\pm$", "Δ": r"$\Delta$", "→": r"$\rightarrow$",
    "×": r"$\times$", "†": r"\textdagger{}", "…": r"\dots{}", "–": "--",
}  # fmt: skip


def latex(table: Table, label: str) -> str:
    """A `table` environment for the booktabs package with its notes below; `label` is what `\\ref` takes."""
    spec = "".join("r" if column.right else r"p{0.3\linewidth}" if column.wraps else "l" for column in table.columns)
    lines = [
        "% \\usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{tex('. '.join([table.title, *table.lead]))}}}",
        rf"\label{{tab:{label}}}",
        rf"\begin{{tabular}}{{{spec}}}",
        r"\toprule",
        " & ".join(tex(column.head) for column in table.columns) + r" \\",
        r"\midrule",
    ]
    for i, row in enumerate(table.rows):
        mark = _numbers(table.marks_of(i), r"\textsuperscript{{{}}}")
        cells = [
            _tex_number(cell) if column.right else tex(cell) for column, cell in zip(table.columns, row, strict=True)
        ]
        lines.append(" & ".join([cells[0] + mark, *cells[1:]]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    below = [tex(line) for line in table.legend]
    below += [rf"\textsuperscript{{{number}}} {tex(note)}" for number, note in enumerate(table.notes, 1)]
    if below:
        lines += [
            r"\par\medskip",
            r"\begin{minipage}{\linewidth}\footnotesize",
            "\\\\\n".join(below),
            r"\end{minipage}",
        ]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def tex(raw: str) -> str:
    """Text with everything escaped that LaTeX would interpret."""
    line = " ".join(clean(raw).split())
    return "".join(_TEX.get(letter, letter) for letter in line)


def _tex_number(cell: str) -> str:
    """A number with a typeset minus sign; a lone dash, which stands for a missing value, stays a dash."""
    return f"$-${tex(cell[1:])}" if re.match(r"-[\d.]", cell) else tex(cell)


# --- spreadsheet ----------------------------------------------------------------------------------------------


def csv_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """The table as CSV. A cell that a spreadsheet would evaluate as a formula is written as text."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([[_inert(cell) for cell in row] for row in rows])
    return file.getvalue()


def tsv(table: Table) -> str:
    """The table with tabs between the cells, as a spreadsheet pastes it; the other lines stand around it."""
    rows = [[column.head for column in table.columns], *table.rows]
    lines = [*table.lead, *("\t".join(" ".join(clean(cell).split()) for cell in row) for row in rows), *table.legend]
    return "\n".join(lines) + "\n"


def _inert(cell: object) -> object:
    if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@")) and cell != "-":
        return f"'{cell}"
    return "" if cell is None else cell
