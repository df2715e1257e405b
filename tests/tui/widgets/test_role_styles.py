"""Roles are styled by the style sheets when they are first drawn, and again when those change."""

import pytest
from textual.app import App
from textual.color import Color

from tui.widgets.pane import Pane


class Stage(App[None]):
    """One pane of 20 by 2, with a word in a role of the app's sheet and one in a role of the pane's."""

    CSS = """
    Pane { width: 20; height: 2; }
    .line--ok { color: #00ff00; }
    .loud > .line--ok { color: #ff0000; }
    """

    def compose(self):
        yield Pane(lambda width, height: [[("good", "ok"), ("curve", "test"), ("plain", "")]])

    def color_of(self, word: str) -> Color:
        """The color in which the word stands on the screen."""
        (segment,) = [part for part in self.screen._compositor.render_strips()[0] if word in part.text]
        return Color.from_rich_color(segment.style.color)


async def test_a_role_that_is_drawn_has_its_style_and_no_other_role_is_looked_up():
    app = Stage()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        assert app.color_of("good") == Color.parse("#00ff00")
        assert app.color_of("curve") == Color.parse("#5fafff")
        assert app.query_one(Pane)._get_component_classes() == {"line--ok", "line--test"}


async def test_a_change_of_theme_or_class_is_seen_in_roles_that_were_drawn_before():
    app = Stage()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        app.color_of("curve")
        app.theme = "textual-light"
        await pilot.pause()
        assert app.color_of("curve") == Color.parse("#005faf")
        app.query_one(Pane).add_class("loud")
        await pilot.pause()
        assert app.color_of("good") == Color.parse("#ff0000")


async def test_a_role_that_no_line_may_have_is_an_error():
    app = Stage()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        with pytest.raises(KeyError, match="line--loud"):
            app.query_one(Pane).get_component_rich_style("line--loud", partial=True)
