"""A list of lines: where its cursor may stand, and which rows it repaints."""

import pytest
from textual.app import App

from tui.widgets.line_list import LineList


class Rows(LineList):
    """Every fifth row is a heading."""

    def __init__(self, count=100):
        super().__init__(id="rows")
        self.count = count
        self.texts = {}

    def row_count(self):
        return self.count

    def can_stand(self, row):
        return row % 5 != 0

    def draw(self, row, width, at_cursor):
        return [(self.texts.get(row, f"row {row}"), "")]


class Stage(App[None]):
    CSS = "Rows { height: 10; overflow-x: hidden; }"

    def __init__(self, count=100):
        super().__init__()
        self.rows, self.events = Rows(count), []

    def compose(self):
        yield self.rows

    def on_line_list_moved(self, event):
        self.events.append(("moved", event.row))

    def on_line_list_chosen(self, event):
        self.events.append(("chosen", event.row))


@pytest.mark.parametrize(
    ("keys", "row"),
    [(["j"], 2), (["j"] * 4, 6), (["k"], 1), (["G"], 99), (["G", "g"], 1), (["pagedown"], 12), (["G", "k"], 98)],
)
async def test_the_cursor_skips_headings_and_stays_within_the_rows(keys, row, settle):
    app = Stage()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        app.events.clear()  # the first cursor is announced as the list is mounted
        await pilot.press(*keys)
        await settle(pilot)
        assert app.rows.cursor == row
        top = app.rows.scroll_offset.y
        assert top <= row < top + 10
        assert not [r for kind, r in app.events if r % 5 == 0]


async def test_going_up_brings_the_heading_above_the_first_row_into_view(settle):
    app = Stage()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.press("G", "g")
        await settle(pilot)
        assert app.rows.scroll_offset.y == 0


async def test_enter_and_a_click_on_the_cursor_choose_the_row():
    app = Stage()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        app.events.clear()
        await pilot.press("enter")
        await pilot.click(app.rows, offset=(1, 3))
        await pilot.click(app.rows, offset=(1, 3))
        await pilot.click(app.rows, offset=(1, 5))
        await pilot.pause()
        assert app.events == [("chosen", 1), ("moved", 3), ("chosen", 3)], "a heading cannot be chosen"


async def test_only_rows_that_changed_are_repainted(monkeypatch):
    app = Stage()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        repainted = []
        monkeypatch.setattr(app.rows, "refresh", lambda *regions, **kwargs: repainted.extend(r.y for r in regions))
        app.rows.texts = {3: "another text", 50: "out of view"}
        app.rows.reload()
        assert repainted == [3]


async def test_an_empty_list_shows_its_sentence_and_chooses_nothing(settle):
    app = Stage(count=0)
    app.rows.nothing = [("no rows", "dim")]
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        app.events.clear()
        await pilot.press("j", "G", "enter")
        await settle(pilot)
        assert app.events == [] and app.rows.render_line(0).text.strip() == "no rows"


async def test_when_rows_go_the_cursor_stays_within_those_that_are_left():
    app = Stage()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.press("G")
        app.rows.count = 6  # the last one is a heading
        app.rows.reload()
        assert app.rows.cursor == 4
