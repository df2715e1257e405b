"""The table of runs: its cursor follows a run, not a row."""

from textual.app import App

from tests.tui.demo import summary
from tui.drawing.run_columns import Marks, layout
from tui.drawing.run_rows import list_rows
from tui.widgets.run_list import RunList


class Stage(App[None]):
    def compose(self):
        yield RunList()


RUNS = [summary(id=f"{i:020d}", started=float(i)) for i in range(5)]


async def test_the_cursor_stays_on_its_run_when_the_order_changes():
    async with Stage().run_test(size=(80, 12)) as pilot:
        table = pilot.app.query_one(RunList)
        assert table.run is None and table.runs == []
        table.show(list_rows(RUNS), Marks(), layout(80))
        table.go_to(RUNS[1].id)
        assert table.run == RUNS[1]
        table.show(list_rows(RUNS, reverse=True), Marks(), layout(80))
        assert table.run == RUNS[1] and table.runs == RUNS
        table.show(list_rows([RUNS[0], RUNS[4]]), Marks(), layout(80))
        assert table.run in (RUNS[0], RUNS[4]), "the run is gone: another one takes its row"


async def test_a_run_that_is_not_in_the_table_leaves_the_cursor_where_it_is():
    async with Stage().run_test(size=(80, 12)) as pilot:
        table = pilot.app.query_one(RunList)
        table.show(list_rows(RUNS), Marks(), layout(80))
        before = table.run
        table.go_to("nowhere")
        assert table.run == before
