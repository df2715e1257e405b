"""The key tables: complete, without clashes, and without keys that terminals and multiplexers reserve."""

import importlib
import inspect

import pytest
from textual.binding import Binding

from tui.keys.common import DIALOG, GLOBAL, MODES, MOVING, bindings
from tui.keys.tables import TABLES

TAKEN = {"ctrl+a", "ctrl+b", "ctrl+q", "ctrl+j", "ctrl+m", "ctrl+i", *(f"f{i}" for i in range(2, 13))}
"""Prefixes of screen and tmux, byobu's function keys, and keys that a terminal cannot distinguish from Enter and Tab."""
ACTING = {"stop", "resume", "rerun", "edit", "delete", "cancel"}


def names(table):
    return [name for key in table for name in key.key.split(",")]


def test_common_keys_do_not_clash():
    assert not set(names(GLOBAL)) & set(names(MOVING))


@pytest.mark.parametrize("mode", [*TABLES, "common"])
def test_nothing_that_tmux_screen_or_byobu_take(mode):
    table = names(TABLES.get(mode, (*GLOBAL, *MOVING, *DIALOG)))
    assert not set(table) & TAKEN
    assert not [name for name in table if name.startswith(("alt+", "super+", "meta+"))]
    assert not [name for name in table if name.startswith("ctrl+") and name[-1].isdigit()]


@pytest.mark.parametrize("mode", TABLES)
def test_every_key_has_its_action_on_the_screen(mode):
    name = "".join(word.capitalize() for word in mode.split("_"))
    screen = getattr(importlib.import_module(f"tui.screens.{mode}"), name)
    lists = {key.action.split("(")[0] for key in MOVING}  # done by the list on the screen
    for key in TABLES[mode]:
        action = key.action.split("(")[0]
        if not action.startswith("app.") and action not in lists:
            assert callable(getattr(screen, f"action_{action}", None)), key


@pytest.mark.parametrize("mode", TABLES)
def test_what_acts_on_runs_is_a_capital_or_ctrl(mode):
    for key in TABLES[mode]:
        if key.action.split("(")[0] in ACTING:
            assert key.key.isupper() or key.key.startswith("ctrl+"), key


@pytest.mark.parametrize("mode", TABLES)
def test_every_screen_binds_its_whole_table(mode):
    name = "".join(word.capitalize() for word in mode.split("_"))
    screen = getattr(importlib.import_module(f"tui.screens.{mode}"), name)
    bound = {binding.key for binding in Binding.make_bindings(screen.BINDINGS)}
    wanted = {binding.key for binding in Binding.make_bindings(bindings(TABLES[mode]))}
    assert wanted <= bound


def test_keys_are_bound_and_never_caught_by_hand():
    for mode in TABLES:
        module = importlib.import_module(f"tui.screens.{mode}")
        assert "def on_key" not in inspect.getsource(module)


def test_the_six_sections_are_on_one_to_six():
    assert [key.key for key in GLOBAL[:6]] == ["1", "2", "3", "4", "5", "6"]
    assert [key.action for key in GLOBAL[:6]] == [f"app.go('{mode}')" for mode in MODES]


@pytest.mark.parametrize("table", [*TABLES.values(), GLOBAL, MOVING, DIALOG])
def test_every_key_has_a_label_and_a_sentence(table):
    for key in table:
        assert key.label and key.help.endswith((".", ")."))
