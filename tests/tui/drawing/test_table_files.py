"""Several tables in one file, in each format."""

import csv
import io

from tui.drawing.table_files import written
from tui.drawing.typeset import Column, Table

FIRST = Table("Runs", (Column("id"), Column("last, %", right=True)), (("007e", "96.20"), ("b", "+1,234.5"), ("c", "-")))
SECOND = Table("", (Column("class"),), (("=cat",),), legend=("a legend",))


def test_csv_has_the_title_the_heads_and_numbers_without_signs_and_commas():
    first, second = written([FIRST, SECOND], "csv", 80).split("\n\n")
    assert list(csv.reader(io.StringIO(first))) == [
        ["Runs"], ["id", "last, %"], ["007e", "96.20"], ["b", "1234.5"], ["c", "-"],
    ]  # fmt: skip
    assert second == "class\n'=cat\n", "text that a spreadsheet would evaluate stays text; a title is not needed"


def test_latex_labels_each_table():
    found = written([FIRST, SECOND, FIRST], "latex", 80, ("runs", "classes"))
    assert [f"\\label{{tab:{name}}}" in found for name in ("runs", "classes", "table-3")] == [True] * 3
    assert found.count("\\begin{table}") == 3


def test_markdown_tabs_and_text_have_all_tables():
    lines = written([FIRST, SECOND], "md", 80).splitlines()
    assert "### Runs" in lines and "| --- | ---: |" in lines and "| --- |" in lines
    assert written([FIRST, SECOND], "tsv", 80).splitlines()[:2] == ["id\tlast, %", "007e\t96.20"]
    assert next(line for line in written([FIRST, SECOND], "text", 80).splitlines() if line) == "Runs"
