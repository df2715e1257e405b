"""Command-line options made from the table of flags (`tui.plans.flags`)."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Final

import typer

from tui.commands.complete import preset_names
from tui.plans.flags import Flag, accepted_by

COMPLETION: Final = {"preset": preset_names}
"""What the shell completes the values of a flag with."""

Command = Callable[..., None]


def with_flags(command: str) -> Callable[[Command], Command]:
    """Give a command the options that the table lists for it, in the place of its parameter `flags`.

    typer reads the options of a command from its signature, so the signature is built here. The decorated function
    is called with `flags`, a mapping from the name of each flag to its value: None or an empty list where it was not
    given.
    """

    def decorate(function: Command) -> Command:
        flags = accepted_by(command)
        signature = inspect.signature(function, eval_str=True)
        parameters: list[inspect.Parameter] = []
        for parameter in signature.parameters.values():
            parameters += map(_parameter, flags) if parameter.name == "flags" else [_by_keyword(parameter)]

        @functools.wraps(function)
        def call(**values: Any) -> None:
            function(flags={flag.name: values.pop(flag.name) for flag in flags}, **values)

        call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return call

    return decorate


def _by_keyword(parameter: inspect.Parameter) -> inspect.Parameter:
    return parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)


def _parameter(flag: Flag) -> inspect.Parameter:
    """A flag as a parameter that typer makes an option of."""
    option = typer.Option(
        [] if flag.many else None,
        flag.option,
        help=flag.help,
        metavar=flag.metavar or None,
        autocompletion=COMPLETION.get(flag.name),
    )
    kind: Any = list[flag.kind] if flag.many else flag.kind | None  # type: ignore[name-defined]
    return inspect.Parameter(flag.name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=kind)
