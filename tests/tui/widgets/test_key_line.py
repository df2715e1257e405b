"""The key line: what stays when there is no room."""

import pytest

from tests.tui.reading import line_of
from tui.drawing.lines import width_of
from tui.keys import dashboard
from tui.keys.common import GLOBAL
from tui.keys.key import footer
from tui.keys.tables import TABLES
from tui.widgets.key_line import key_line


def test_the_way_back_and_the_way_to_all_keys_always_fit():
    pairs = footer([*dashboard.KEYS, *GLOBAL])
    at_80 = line_of(key_line(pairs, 80))
    assert at_80.startswith(" m metric  a axis") and at_80.endswith("S stop  ? keys  : palette")
    assert line_of(key_line(pairs, 120)).endswith("q back  ? keys  : palette")
    assert line_of(key_line(pairs, 20)).endswith("?  :")


@pytest.mark.parametrize("mode", TABLES)
@pytest.mark.parametrize("width", [60, 80, 99])
def test_a_narrow_key_line_shows_at_most_six_hints_besides_the_ways_to_all_others(mode, width):
    line = key_line(footer([*TABLES[mode], *GLOBAL]), width)
    keys = [text for text, role in line if role == "key"]
    assert keys[-2:] == ["?", ":"] and len(keys) <= 8 and "q" not in keys and width_of(line) <= width
