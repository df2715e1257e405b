"""Options made from the table of flags, on a command of this file."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tui.commands.complete import preset_names
from tui.commands.options import with_flags
from tui.plans.flags import GRID, TRAIN, accepted_by


@pytest.fixture
def called():
    return []


@pytest.fixture
def app(called):
    app = typer.Typer()

    @app.command()
    @with_flags(TRAIN)
    def command(first: str = "f", *, flags: dict, last: bool = False) -> None:
        """What it does."""
        called.append((first, flags, last))

    return app


def run(app, *words):
    answer = CliRunner().invoke(app, words)
    assert answer.exit_code == 0, answer.output
    return answer.output


def test_every_flag_arrives_by_its_name_and_what_is_not_given_is_empty(app, called):
    run(app)
    ((first, flags, last),) = called
    assert (first, last) == ("f", False)
    assert flags == {flag.name: [] if flag.many else None for flag in accepted_by(TRAIN)}


def test_values_have_the_types_of_the_table(app, called):
    run(app, "--epochs", "3", "--lr", "0.1", "--tag", "a", "--tag", "b", "--parts", "x.py", "--seeds", "5", "--last")
    ((_, flags, last),) = called
    assert (flags["epochs"], flags["lr"], flags["tags"], flags["seeds"]) == (3, 0.1, ["a", "b"], "5")
    assert flags["parts"] == [Path("x.py")] and last is True


def test_a_wrong_type_is_refused(app, called):
    answer = CliRunner().invoke(app, ["--epochs", "many"])
    assert answer.exit_code == 2 and called == []


def test_the_command_keeps_its_name_its_help_and_the_order_of_its_options(app):
    shown = run(app, "--help")
    assert "What it does." in shown
    assert shown.index("--first") < shown.index("--preset") < shown.index("--keep") < shown.index("--last")


def test_presets_are_completed():
    (command,) = (typer.main.get_command(app_of(TRAIN)),)
    preset = next(param for param in command.params if param.name == "preset")
    assert preset._custom_shell_complete is not None
    assert "quickstart" in preset_names("quick")


def app_of(command):
    app = typer.Typer()

    @app.command()
    @with_flags(command)
    def function(*, flags: dict) -> None: ...

    return app


def test_a_command_has_the_flags_that_name_it_and_no_others():
    names = {param.name for param in typer.main.get_command(app_of(GRID)).params}
    assert {flag.name for flag in accepted_by(GRID)} <= names
    assert "gpus" in names and "name" not in names and "preset" not in names
