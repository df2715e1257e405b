"""What the shell is offered."""

import pytest

from tui.commands.complete import preset_names, suite_names


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("wrn28_10_r", ["wrn28_10_random_erasing", "wrn28_10_ricap"]),
        ("sui", ["suite:"]),
        ("suite:paper_ri", ["suite:paper_ricap/"]),
        ("suite:tricks_3_8/as", ["suite:tricks_3_8/as_described", "suite:tricks_3_8/as_run"]),
        ("suite:nope/", []),
        ("nope", []),
    ],
)
def test_presets_suites_and_rows_are_completed(typed, offered):
    assert preset_names(typed) == offered


def test_suites_are_completed():
    assert suite_names("tricks_3_7") == ["tricks_3_7", "tricks_3_7_zoo"]


def test_the_command_line_offers_them(cli, monkeypatch):
    monkeypatch.setenv("_CIFAR_TUI_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "cifar-tui --preset wrn28_10_r")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert cli().out.split() == ["wrn28_10_random_erasing", "wrn28_10_ricap"]
