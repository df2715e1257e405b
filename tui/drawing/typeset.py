"""A table of plain texts as a terminal, Markdown, LaTeX or a spreadsheet takes it. Pure functions, no widget."""

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
NARROWEST: Final = 28  # cells that a wrapped column needs to be read; with less it goes below its row
INDENT: Final = 4


@dataclass(frozen=True, slots=True)
class Column:
    """A heading and how its cells stand. The last column may wrap: it takes the room that is left, in several lines."""

    head: str
    right: bool = False
    wraps: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with what is said above and below it. A row's `marks` number the notes that belong to it, from 1."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    lead: tuple[str, ...] = ()
    """Lines above the table."""
    legend: tuple[str, ...] = ()
    """Lines below it that belong to the whole table."""
    notes: tuple[str, ...] = ()
    marks: tuple[tuple[int, ...], ...] = field(default=())
    """For each row the numbers of its notes."""

    def of_row(self, position: int) -> tuple[int, ...]:
        """The notes of a row."""
        return self.marks[position] if position < len(self.marks) else ()


# --- terminal -------------------------------------------------------------------------------------------------


def text(sheet: Sheet, width: int) -> str:
    """The table in at most `width` cells where its columns allow it; long texts go on in further lines."""
    rows = [
        [f"{clean(row[0])}{_numbers(sheet.of_row(i), ' [{}]')}", *map(clean, row[1:])]
        for i, row in enumerate(sheet.rows)
    ]
    widths = [
        max(map(cell_len, [column.head, *(row[i] for row in rows)])) for i, column in enumerate(sheet.columns)
    ]  # fmt: skip
    told = [part for line in (sheet.title, *sheet.lead) for part in wrap(clean(line), width)]
    told += [""] if told else []
    below = False
    if sheet.columns[-1].wraps:
        room = width - sum(widths[:-1]) - GAP * (len(widths) - 1)
        below = room < min(NARROWEST, widths[-1])
        widths[-1] = width - INDENT if below else min(widths[-1], room)
    heads = [column.head for column in sheet.columns]
    for row in [[*heads[:-1], ""] if below else heads, *rows]:
        told += _lines(sheet.columns, row, widths, below)
    told += [""] if sheet.legend or sheet.notes else []
    told += [part for line in sheet.legend for part in wrap(clean(line), width)]
    for number, note in enumerate(sheet.notes, 1):
        told += _hanging(f"[{number}] ", clean(note), width)
    return "\n".join(told) + "\n"


def _lines(columns: Sequence[Column], row: Sequence[str], widths: Sequence[int], below: bool) -> list[str]:
    """One row of the table: one line, and more where its last cell wraps beside it or stands below it."""
    cells = [
        fit(cell, size, "right" if column.right else "left")
        for column, cell, size in zip(columns, row, widths, strict=True)
    ]
    if not columns[-1].wraps:
        return [(" " * GAP).join(cells).rstrip()]
    first = (" " * GAP).join(cells[:-1])
    said = wrap(row[-1], widths[-1])
    if below:
        return [first.rstrip(), *(f"{' ' * INDENT}{line}" for line in said)]
    return [
        f"{first if i == 0 else ' ' * cell_len(first)}{' ' * GAP}{line}".rstrip() for i, line in enumerate(said or [""])
    ]


def _hanging(head: str, said: str, width: int) -> list[str]:
    """A text whose lines after the first stand under its first word."""
    lines = wrap(said, width - len(head)) or [""]
    return [f"{head if i == 0 else ' ' * len(head)}{line}" for i, line in enumerate(lines)]


def _numbers(marks: Sequence[int], form: str) -> str:
    return form.format(",".join(map(str, marks))) if marks else ""


# --- Markdown -------------------------------------------------------------------------------------------------


def markdown(sheet: Sheet) -> str:
    """A GitHub table with its notes as footnotes."""
    lines = [f"### {_md(sheet.title)}", "", *(f"{_md(line)}\n" for line in sheet.lead)] if sheet.title else []
    lines.append(f"| {' | '.join(_md(column.head) for column in sheet.columns)} |")
    lines.append(f"| {' | '.join('---:' if column.right else '---' for column in sheet.columns)} |")
    for i, row in enumerate(sheet.rows):
        marks = "".join(f"[^{number}]" for number in sheet.of_row(i))
        cells = [_md(cell) for cell in row]
        lines.append(f"| {' | '.join([cells[0] + marks, *cells[1:]])} |")
    lines += [""] if sheet.legend or sheet.notes else []
    lines += [f"{_md(line)}  " for line in sheet.legend]
    lines += [""] if sheet.legend and sheet.notes else []
    lines += [f"[^{number}]: {_md(note)}" for number, note in enumerate(sheet.notes, 1)]
    return "\n".join(lines) + "\n"


def _md(said: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    line = " ".join(clean(said).split())
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|#~" else letter for letter in line)


# --- LaTeX ----------------------------------------------------------------------------------------------------

_TEX: Final = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "±": r"$\pm$", "Δ": r"$\Delta$", "→": r"$\rightarrow$",
    "×": r"$\times$", "†": r"\textdagger{}", "…": r"\dots{}", "–": "--",
}  # fmt: skip


def latex(sheet: Sheet, label: str) -> str:
    """A `table` environment for the booktabs package, notes below it; `label` is what `\\ref` takes."""
    spec = "".join("r" if column.right else r"p{0.3\linewidth}" if column.wraps else "l" for column in sheet.columns)
    lines = [
        "% \\usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{tex('. '.join([sheet.title, *sheet.lead]))}}}",
        rf"\label{{tab:{label}}}",
        rf"\begin{{tabular}}{{{spec}}}",
        r"\toprule",
        " & ".join(tex(column.head) for column in sheet.columns) + r" \\",
        r"\midrule",
    ]
    for i, row in enumerate(sheet.rows):
        mark = _numbers(sheet.of_row(i), r"\textsuperscript{{{}}}")
        cells = [
            _tex_number(cell) if column.right else tex(cell) for column, cell in zip(sheet.columns, row, strict=True)
        ]
        lines.append(" & ".join([cells[0] + mark, *cells[1:]]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    below = [tex(line) for line in sheet.legend]
    below += [rf"\textsuperscript{{{number}}} {tex(note)}" for number, note in enumerate(sheet.notes, 1)]
    if below:
        lines += [
            r"\par\medskip",
            r"\begin{minipage}{\linewidth}\footnotesize",
            "\\\\\n".join(below),
            r"\end{minipage}",
        ]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def tex(said: str) -> str:
    """Text with everything that LaTeX would take for a command written out."""
    line = " ".join(clean(said).split())
    return "".join(_TEX.get(letter, letter) for letter in line)


def _tex_number(cell: str) -> str:
    """A number with a real minus sign; a dash that stands for nothing stays one."""
    return f"$-${tex(cell[1:])}" if re.match(r"-[\d.]", cell) else tex(cell)


# --- spreadsheet ----------------------------------------------------------------------------------------------


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """CSV. A cell that a spreadsheet would run as a formula is written as text."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([[_inert(cell) for cell in row] for row in rows])
    return file.getvalue()


def _inert(cell: object) -> object:
    if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@")) and cell != "-":
        return f"'{cell}"
    return "" if cell is None else cell
