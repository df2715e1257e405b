"""The key line: what stays when there is no room."""

from tests.tui.reading import line_of
from tui.keys import dashboard
from tui.keys.common import GLOBAL
from tui.keys.key import footer
from tui.widgets.key_line import key_line


def test_the_way_back_and_the_way_to_all_keys_always_fit():
    pairs = footer([*dashboard.KEYS, *GLOBAL])
    at_80 = line_of(key_line(pairs, 80))
    assert at_80.startswith(" m metric  a axis") and at_80.endswith("q back  ?")
    assert line_of(key_line(pairs, 120)).endswith("q back  ? all keys  : palette")
    assert line_of(key_line(pairs, 20)).endswith("q back  ?")
