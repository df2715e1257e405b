"""A pane repaints only the rows that changed, and lets no control character through."""

from textual.app import App

from tui.widgets.pane import Pane


class Stage(App[None]):
    """One pane of 20 by 4."""

    CSS = "Pane { width: 20; height: 4; }"

    def compose(self):
        yield Pane(lambda width, height: [[(f"row {y}", "")] for y in range(height)])


async def test_only_rows_that_changed_are_sent(monkeypatch):
    app = Stage()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        pane = app.query_one(Pane)
        sent = []
        monkeypatch.setattr(pane, "refresh", lambda *regions, **kwargs: sent.extend(region.y for region in regions))
        pane.paint(lambda width, height: [[(f"row {y}" if y != 2 else "new", "")] for y in range(height)])
        assert sent == [2]
        sent.clear()
        pane.redraw()
        assert sent == []
        pane.paint(lambda width, height: [[("row 0", "")]])
        assert sent == [1, 2, 3]
        assert pane.text.splitlines()[0] == "row 0"


async def test_a_pane_removes_control_characters():
    app = Stage()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        pane = app.query_one(Pane)
        pane.paint(lambda width, height: [[("a\x1b[2J\tb\nc", "")]])
        assert pane.text == "a[2J b c"


async def test_in_ascii_the_track_of_a_bar_stays_apart_from_the_bar():
    app = Stage()
    app.glyphs = "ascii"
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        pane = app.query_one(Pane)
        pane.paint(lambda width, height: [[("━━", "bar"), ("╺━", "track")]])
        assert pane.render_line(0).text.rstrip() == "━━--"
