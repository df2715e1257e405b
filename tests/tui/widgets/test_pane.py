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


async def test_a_drawing_that_shows_the_same_is_not_called_again():
    app = Stage()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        pane, drawn = app.query_one(Pane), []

        def drawing(text):
            return lambda width, height: drawn.append((text, width, height)) or [[(text, "")]]

        for shown in ((1, ["a"]), (1, ["a"]), (1, ["b"])):
            pane.paint(drawing(str(shown)), shown)
        assert [text for text, _, _ in drawn] == ["(1, ['a'])", "(1, ['b'])"]
        assert pane.shows((1, ["b"])) and not pane.shows((1, ["a"])) and not pane.shows(None)
        assert pane.text == "(1, ['b'])"
        drawn.clear()
        pane.styles.width = 10
        await pilot.pause()
        assert drawn == [("(1, ['b'])", 10, 4)], "it is drawn for its new size"
        app.glyphs = "ascii"
        pane.paint(drawing("as letters"), (1, ["b"]))
        assert pane.text == "as letters", "what a terminal can show belongs to what is shown"


async def test_a_drawing_that_says_not_what_it_shows_is_always_called():
    app = Stage()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        pane = app.query_one(Pane)
        pane.paint(lambda width, height: [[("kept", "")]], "a")
        for text in ("one", "two"):
            pane.paint(lambda width, height, text=text: [[(text, "")]])
            assert pane.text == text
        pane.paint(lambda width, height: [[("kept", "")]], "a")
        assert pane.text == "kept", "another drawing has been there meanwhile"
