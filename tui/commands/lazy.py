"""A command group that imports the module of a command when the command runs or its help is shown, not before.

Importing every module for `cifar-tui --version` would take three times as long as the command itself. Nothing is
written twice: names stand in one table, help texts stay with the commands and are read by importing them.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar, cast

import typer

from tui.commands.common import Nouns


class LazyGroup(Nouns):
    """The commands in `places`, in that order, and their `aliases`, which help does not list."""

    places: ClassVar[Mapping[str, str]] = {}
    """Where each command is: `module:attribute`, a function or a `typer.Typer`; "" if it is registered directly."""
    aliases: ClassVar[Mapping[str, str]] = {}
    """Other names of commands."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*self.places, *self.aliases]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        place = self.places.get(self.aliases.get(cmd_name, cmd_name))
        if place and cmd_name not in self.commands:
            self.commands[cmd_name] = _command(place, cmd_name, hidden=cmd_name in self.aliases)
        return super().get_command(ctx, cmd_name)


def _command(place: str, name: str, *, hidden: bool) -> Any:
    """Import a command and let typer build it under a name."""
    module, _, attribute = place.partition(":")
    found = getattr(import_module(module), attribute)
    holder = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=name, hidden=hidden)
        return cast(typer.core.TyperGroup, typer.main.get_command(holder)).commands[name]
    holder.command(name, hidden=hidden)(found)
    return typer.main.get_command(holder)
