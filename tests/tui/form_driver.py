"""Drives the form of New run as a person does."""

from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from tui.forms.form import Form


async def go_to(pilot: Pilot[Any], path: str) -> None:
    pilot.app.screen.query_one(Form).go_to(path)
    await pilot.pause()


async def type_into(pilot: Pilot[Any], path: str, text: str) -> None:
    """What a person does: go to the row, Enter, type, Enter."""
    await go_to(pilot, path)
    await pilot.press("enter")
    edit = pilot.app.screen.query_one("#edit", Input)
    assert edit.display and pilot.app.focused is edit
    edit.value = ""
    await pilot.press(*text, "enter")
    await pilot.pause()
