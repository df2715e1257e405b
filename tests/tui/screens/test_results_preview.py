"""The preview of Results."""

from tui.widgets.pane import Pane
from tui.widgets.run_list import RunList


async def test_a_preview_reads_one_run_and_only_when_the_cursor_rests(workbench, make_run, settle, until, monkeypatch):
    from tui.screens.preview_reader import Reader

    for _ in range(4):
        make_run()
    read = []
    original = Reader.read
    monkeypatch.setattr(Reader, "read", lambda self, *run: read.append(run[0].id) or original(self, *run))
    app = workbench("results")
    async with app.run_test() as pilot:
        await until(pilot, lambda: read)
        await settle(pilot)
        read.clear()
        rows = app.screen.query_one(RunList)
        for _ in range(3):  # without a rest between
            rows.action_move(1)
        await until(pilot, lambda: read)
        await settle(pilot)
        assert read == [rows.run.id]
        assert app.screen.query_one("#preview", Pane).lines
