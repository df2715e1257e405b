"""The cheat sheet is made from the key tables, so it cannot forget a key."""

import pytest

from tui.drawing.lines import width_of
from tui.keys.common import GLOBAL, MODES, MOVING
from tui.keys.key import key_names
from tui.keys.tables import TABLES, TITLES
from tui.screens.help import key_sheet, sections


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("width", [60, 76, 100])
def test_the_sheet_lists_every_key_of_every_screen_within_its_width(mode, width):
    lines = key_sheet(mode, width)
    assert all(width_of(line) <= width for line in lines)
    keys = [text.strip() for line in lines for text, role in line if role == "key"]
    expected = [key_names(key) for _, table in sections(mode) for key in table]
    assert keys == expected


@pytest.mark.parametrize("mode", MODES)
def test_the_sheet_begins_with_the_screen_that_asked(mode):
    title, table = sections(mode)[0]
    assert title == MODES[mode]
    assert table == TABLES[mode]


def test_every_section_is_there_once():
    titles = [title for title, _ in sections("results")]
    assert sorted(titles) == sorted([*TITLES.values(), "Everywhere", "Lists and forms", "Dialogs"])


def test_what_is_everywhere_is_told_on_every_sheet():
    for mode in MODES:
        tables = [table for _, table in sections(mode)]
        assert GLOBAL in tables and MOVING in tables


@pytest.mark.parametrize("mode", ["results", "queue", "dashboard", "suites"])
def test_keys_that_act_name_the_command_that_does_the_same(mode):
    for key in TABLES[mode]:
        if key.action.split("(")[0] in ("stop", "resume", "rerun", "edit", "delete", "cancel", "tags", "note"):
            assert "cifar-tui " in key.help, key
