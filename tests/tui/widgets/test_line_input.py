"""A one-line input: Enter submits, Esc cancels, and the key line shows both."""

from textual.app import App
from textual.widgets import Input

from tui.widgets.key_line import KeyLine
from tui.widgets.line_input import LineInput


class Stage(App[None]):
    def __init__(self):
        super().__init__()
        self.events = []

    def compose(self):
        yield LineInput(id="name")
        yield KeyLine([("m", "metric")])

    def on_input_submitted(self, event: Input.Submitted):
        self.events.append(("submitted", event.value))

    def on_line_input_canceled(self, event: LineInput.Canceled):
        self.events.append(("canceled", event.control.id))


async def test_enter_submits_and_escape_cancels(settle):
    app = Stage()
    async with app.run_test(size=(40, 5)) as pilot:
        app.query_one(LineInput).focus()
        await pilot.press("a", "enter", "escape")
        await settle(pilot)
        assert app.events == [("submitted", "a"), ("canceled", "name")]


async def test_the_key_line_shows_the_keys_for_typing_while_it_has_the_focus():
    app = Stage()
    async with app.run_test(size=(40, 5)) as pilot:
        field, line = app.query_one(LineInput), app.query_one(KeyLine)
        field.focus()
        await pilot.pause()
        assert line.text.strip() == "enter ok  esc cancel"
        app.set_focus(None)
        await pilot.pause()
        assert line.text.strip().startswith("m metric")


def test_a_hidden_input_is_not_displayed():
    field = LineInput(id="x")
    assert field.hidden() is field and not field.display
