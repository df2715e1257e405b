"""Which modules a command imports, and that help and completion list all of them nevertheless."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from tui.cli import Commands, app

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("pydantic", "engine.contract.recipe.catalog", "engine.contract.recipe.schema", "numpy", "textual", "torch")


def loaded_by(*words: str) -> set[str]:
    """The modules that a command imports, in a fresh interpreter with a warm cache."""
    code = (
        "import sys, atexit\nfrom tui.cli import main\nsys.argv = ['cifar-tui', *sys.argv[1:]]\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\nmain()"
    )
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def test_the_version_imports_neither_schemas_nor_catalog_nor_commands():
    loaded = loaded_by("--version")
    assert not loaded & {*HEAVY, "presets", "tui.commands.presets", "tui.commands.runs", "tui.drawing.typeset"}


def test_a_listing_of_presets_imports_no_schema_and_no_other_command():
    loaded = loaded_by("presets", "list")
    assert not loaded & ({*HEAVY, "typer._adapters", "tui.commands.runs"} - {"engine.contract.recipe.catalog"})
    assert "tui.commands.presets" in loaded


def test_the_help_lists_every_command_in_order_with_its_own_help(cli):
    out = cli("--help").out.partition("Commands:")[2]
    listed = [line.split()[0] for line in out.splitlines() if line.strip()]
    assert listed == list(Commands.places)
    assert "presets        Presets: complete recipes to start from: list, show, save." in out
    assert "doctor         Check this machine: packages, devices, data, disk space." in out


@pytest.mark.parametrize("name", [*Commands.places, *Commands.aliases])
def test_every_command_can_be_imported_and_has_help(name):
    group = typer.main.get_command(app)
    command = group.get_command(None, name)
    assert command.name == name and command.help
    assert command.hidden == (name in Commands.aliases)
    assert group.get_command(None, name) is command


def test_an_alias_is_the_same_command(cli):
    assert cli("preset", "list", "--json").out == cli("presets", "list", "--json").out
    assert cli("preset", "--json").out == cli("presets", "list", "--json").out


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("s", ["schema", "schedules", "suites"]),
        ("presets s", ["show", "save"]),
        ("run l", ["list", "logs"]),
        ("presets list --j", ["--json"]),
    ],
)
def test_the_shell_is_offered_commands_and_their_options(cli, monkeypatch, typed, offered):
    monkeypatch.setenv("_CIFAR_TUI_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"cifar-tui {typed}")
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split())))
    assert set(offered) <= set(cli().out.split())
    assert all(word.startswith(typed.split()[-1]) for word in cli().out.split())


def test_options_of_a_group_may_still_stand_before_a_command(cli):
    assert cli("--name", "x", "presets", "list").code == 0
    assert cli("--epochs", "many", "presets", "list").code == 2
    assert cli("models", "--family", "resnet", "list").code == 0


def test_an_unknown_command_is_answered_with_the_nearest(cli):
    answer = cli("gird")
    assert answer.code == 2 and "did you mean grid?" in answer.err
