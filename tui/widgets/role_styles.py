"""The styles of the roles that lines name, each looked up in the style sheets when it is first drawn."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.css.styles import RenderStyles
from textual.dom import DOMNode
from textual.widget import Widget

from tui.drawing.lines import ROLES

PREFIX: Final = "line--"


class RoleStyles(Widget):
    """A widget with a component class `line--ROLE` for each role of `LINE_ROLES`.

    Textual styles every class in `COMPONENT_CLASSES` again on each change of a widget's style. With some twenty roles,
    of which a block of lines draws a few, that was two thirds of the time of showing a screen. Here only the roles that
    have been drawn are component classes.
    """

    LINE_ROLES: ClassVar[tuple[str, ...]] = (*ROLES, "cursor")

    def get_component_styles(self, *names: str) -> RenderStyles:
        for name in names:
            if name not in self._component_styles and name.removeprefix(PREFIX) in self.LINE_ROLES:
                node = DOMNode(classes=name)
                node._attach(self)
                self.app.stylesheet.apply(node)
                self._component_styles[name] = node.styles
        return super().get_component_styles(*names)

    def _get_component_classes(self) -> frozenset[str]:  # type: ignore[override]  # of the class, in Textual
        return super()._get_component_classes() | self._component_styles.keys()
