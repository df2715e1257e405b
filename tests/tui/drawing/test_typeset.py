"""One table in four formats: nothing is lost, and nothing is interpreted as a command."""

import csv
import io
import re

import pytest
from rich.cells import cell_len

from tui.drawing.typeset import Column, Table, csv_table, latex, markdown, tex, text

HOSTILE = "100 % & $5 #1 a_b {x} ~ ^ \\cmd <i> | `*` \x1b[2J\nnext"
TABLE = Table(
    title="A title of some length, which a narrow terminal has to wrap somewhere",
    columns=(Column("row"), Column("acc", right=True), Column("what", wraps=True)),
    rows=(
        ("first", "96.50±0.12*", "a description that is quite a bit longer than it should be"),
        ("second", "-1.5", "short"),
    ),
    lead=("where it is from",),
    legend=("* picked on the test set",),
    notes=("one note", "another note that goes on for so long that it has to wrap at the width of a terminal"),
    marks=((2,), ()),
)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal_and_no_word_is_lost(width):
    made = text(TABLE, width)
    assert max(map(cell_len, made.splitlines())) <= width
    words = re.sub(r"\s+", " ", made)
    for piece in (TABLE.title, *TABLE.lead, *TABLE.legend, *TABLE.notes):
        assert piece in words
    assert all(word in words for row in TABLE.rows for cell in row for word in cell.split())


def test_columns_line_up_and_numbers_stand_at_the_right():
    lines = text(TABLE, 120).splitlines()
    head, first, second = lines[3:6]
    assert head.index("what") == first.index("a description") == second.index("short")
    assert first.index("96.50±0.12*") + len("96.50±0.12*") == second.index("-1.5") + len("-1.5")
    assert first.startswith("first [2]") and "[2] another note" in lines[-1]


def test_a_column_without_room_goes_below_its_row():
    lines = text(TABLE, 48).splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("first"))
    assert lines[at].endswith("96.50±0.12*")
    assert lines[at + 1].startswith("    a description")


def test_text_has_no_control_characters():
    assert "\x1b" not in text(Table("t", (Column("a"),), ((HOSTILE,),)), 200)


def test_markdown_has_a_row_a_line_and_its_notes_as_footnotes():
    lines = markdown(TABLE).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 4 and all(row.count("|") == 4 for row in rows)
    assert rows[1] == "| --- | ---: | --- |"
    assert "first[^2]" in rows[2] and "96.50±0.12\\*" in rows[2]
    assert [line for line in lines if line.startswith("[^")] == [
        f"[^{i}]: {note}" for i, note in enumerate(TABLE.notes, 1)
    ]


def test_a_cell_cannot_break_a_markdown_table():
    (row,) = [line for line in markdown(Table("", (Column("a"),), ((HOSTILE,),))).splitlines() if "100" in line]
    assert len(re.findall(r"(?<!\\)\|", row)) == 2
    assert "\\<i\\>" in row and "\\`\\*\\`" in row


def test_latex_is_a_booktabs_table_with_balanced_braces():
    made = latex(TABLE, "t1")
    assert made.count(r"\begin{") == made.count(r"\end{") == 3
    for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\label{tab:t1}", r"\usepackage{booktabs}"):
        assert made.count(rule) == 1
    body = made[made.index(r"\midrule") : made.index(r"\bottomrule")]
    assert body.count(r" \\") == 2 and body.count("&") == 4
    assert r"first\textsuperscript{2} & 96.50$\pm$0.12* &" in body
    assert r"second & $-$1.5 & short" in body
    assert made.count("{") == made.count("}")


def test_latex_takes_nothing_of_a_text_for_a_command():
    made = tex(HOSTILE)
    bare = re.sub(r"\\(text[a-z]+\{\}|[%&$#_{}])", "", made)
    assert not set("\\%&$#_{}~^") & set(bare)
    assert "100" in made and "next" in made and "\x1b" not in made


@pytest.mark.parametrize("cell", ["- / 12.1", "-", "–"])
def test_a_dash_for_nothing_is_no_minus(cell):
    assert "$-$" not in latex(Table("t", (Column("a", right=True),), ((cell,),)), "t")


def test_csv_reads_back_and_runs_no_formula():
    made = csv_table(["a", "b", "c"], [['x,"y"\nz', None, 0.1 + 0.2], ["=1+1", "-", -0.5], ["-mixup", "@x", True]])
    rows = list(csv.reader(io.StringIO(made)))
    assert rows[1] == ['x,"y"\nz', "", "0.30000000000000004"]
    assert rows[2] == ["'=1+1", "-", "-0.5"]
    assert rows[3] == ["'-mixup", "'@x", "True"]
