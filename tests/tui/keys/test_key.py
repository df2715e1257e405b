"""A row of the key table: what the footer and the help screen make of it."""

from tui.keys.key import Key, footer, key_names


def test_neighboring_keys_with_one_label_share_it():
    pairs = footer([Key("comma", "a", "run", "", 1), Key("full_stop", "b", "run", "", 2), Key("z", "c", "zoom", "")])
    assert pairs == [(", .", "run")]
    assert key_names(Key("j,down", "x", "down", "")) == "j down"
