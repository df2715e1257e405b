"""What all dialogs have in common: their place on the screen, and that every screen gets the styles of its bases."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.dom import DOMNode

import tui
from tui.screens.confirm import Confirm
from tui.screens.dialog import Dialog
from tui.screens.prompt import Prompt
from tui.screens.welcome import Welcome

STYLED = set(re.findall(r"\b[A-Z][A-Za-z]+\b", (Path(tui.__file__).parent / "app.tcss").read_text()))
"""The classes that the style sheet names."""


def ours(base: type = DOMNode) -> Iterator[type[DOMNode]]:
    for one in base.__subclasses__():
        if one.__module__.startswith("tui."):
            yield one
        yield from ours(one)


def test_every_widget_and_screen_gets_the_styles_of_all_its_bases():
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        importlib.import_module(module.name)
    classes = set(ours())
    assert {Dialog, Prompt} <= classes and {"Screen", "ModalScreen"} <= STYLED
    unstyled = {
        f"{one.__name__} without {base.__name__}"
        for one in classes
        for base in one.__mro__
        if issubclass(base, DOMNode) and base is not DOMNode and base.__name__ not in one._css_type_names
        if base.__name__ in STYLED or base.__dict__.get("DEFAULT_CSS")
    }
    assert unstyled == set()


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
async def test_dialogs_stand_in_the_middle_above_a_dimmed_screen(workbench, settle, size):
    async with workbench("results").run_test(size=size) as pilot:
        for dialog in (
            Welcome(),
            Confirm("Delete it?", "It is gone then.", [("yes", "y")]),
            Prompt("Name", "its name"),
        ):
            pilot.app.push_screen(dialog)
            await settle(pilot)
            box = dialog.query_one(".dialog").region
            assert abs(2 * box.x + box.width - size[0]) <= 1 and abs(2 * box.y + box.height - size[1]) <= 1
            assert 0 < dialog.styles.background.a < 1
