"""Every command in the documentation parses: its nouns, verbs and options exist."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from tui.cli import app

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LINES = sorted(
    {
        line.strip()
        for page in PAGES
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
        for line in block.splitlines()
        if line.strip().startswith("cifar-tui")
    }
)


def parse(line: str) -> str:
    """Parse a command as typer does, without running it; the name of the command that would run."""
    _, *args = shlex.split(line, comments=True)
    command = typer.main.get_command(app)
    context = command.make_context("cifar-tui", args)
    while left := [*context._protected_args, *context.args]:
        _, command, rest = command.resolve_command(context, left)
        context = command.make_context(command.name, rest, parent=context)
    return context.command_path


@pytest.mark.parametrize("line", LINES)
def test_a_command_of_the_documentation_parses(line):
    assert parse(line).startswith("cifar-tui")


@pytest.mark.parametrize("line", ["cifar-tui runs lst", "cifar-tui runs list --sorted", "cifar-tui --presets x"])
def test_a_command_with_a_mistake_is_noticed(line):
    with pytest.raises(Exception, match="No such|unknown command"):
        parse(line)


def test_there_are_commands_to_check():
    assert len(LINES) > 20
