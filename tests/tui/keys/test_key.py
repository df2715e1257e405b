"""A row of the key table: what the footer and the help screen make of it."""

import pytest

from tui.keys import compare, dashboard, inspect
from tui.keys.common import GLOBAL
from tui.keys.key import Key, footer, key_names


def test_neighboring_keys_with_one_label_share_it():
    pairs = footer([Key("comma", "a", "run", "", 1), Key("full_stop", "b", "run", "", 2), Key("z", "c", "zoom", "")])
    assert pairs == [(", .", "run")]
    assert key_names(Key("j,down", "x", "down", "")) == "j down"


@pytest.mark.parametrize("table_of", [dashboard, compare, inspect])
def test_no_key_does_two_things_on_one_screen(table_of):
    keys = [name for row in (*table_of.KEYS, *GLOBAL) for name in row.key.split(",")]
    assert len(keys) == len(set(keys))
