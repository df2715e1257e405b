"""The rows of a suite's table: aligned columns, marks, and no control characters."""

from textual.app import App

from tests.tui.reading import line_of
from tui.drawing.typeset import Column, Table
from tui.widgets.suite_rows import SuiteRows

TABLE = Table("t", (Column("row"), Column("test %", right=True)), (("a", "9.5"), ("long\x1bname", "95.00")))


class Stage(App[None]):
    def compose(self):
        yield SuiteRows()


async def test_columns_are_aligned_under_their_heads_and_marked_rows_have_a_dot():
    async with Stage().run_test(size=(40, 6)) as pilot:
        rows = pilot.app.query_one(SuiteRows)
        assert rows.row_count() == 0 and rows.heads() == []
        rows.show(TABLE, {"a"})
        heads, first, second = line_of(rows.heads()), *(line_of(rows.draw(i, 40, i == 0)) for i in range(2))
        assert heads.endswith("test %") and len(heads) == len(first) == len(second)
        assert first.startswith("▸ ● a") and second.startswith("    longname")
