"""What all commands share: options, printing results, and reporting errors."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.cells import cell_len
from typer import TyperException

from engine.contract.errors import BadInput, StartFailed, nearest
from engine.contract.text import clean
from tui.commands import out_file
from tui.commands.output import OutputLost
from tui.drawing.format import Glyphs, to_ascii
from tui.drawing.lines import Line, fit, wrap

Json = typer.Option(False, "--json", help="Print JSON instead of a table.")
RunsDirs = typer.Option(
    None, "--runs-dir", help="Folder with runs. Repeatable: further folders are read-only.", metavar="DIR"
)
Yes = typer.Option(False, "--yes", "-y", help="Do not ask for confirmation.")
Retry = typer.Option(False, "--retry", help="Resume failed runs too.")
DryRun = typer.Option(False, "--dry-run", help="Print what would run; start nothing.")
TrustParts = typer.Option(False, "--trust-parts", help="Run the code that a run brings along, no matter who wrote it.")
Ref = typer.Argument(..., help="Full id, its last four characters, a unique name, @last, or @live.", metavar="RUN")
Refs = typer.Argument(
    ..., help="Full ids, their last four characters, unique names, @last, or @live.", metavar="RUN..."
)

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
WIDEST = 120
SHOWN = 200  # characters of an overlong word that an error message shows
SHORTEST = 12  # the narrowest that a column of text is cut to, in terminal cells


def _not_given(help_option: Any) -> Any:
    """`--help` with False as its default; typer's own is None, and to convert that to a bool it imports pydantic."""
    if help_option is not None:
        help_option.default = False
    return help_option


class _Lister(typer.core.TyperCommand):
    """The command `list` of a group."""

    def get_help_option(self, ctx: Any) -> Any:
        return _not_given(super().get_help_option(ctx))


class Nouns(typer.core.TyperGroup):
    """A command group that answers an unknown command with the nearest one that it has."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the defaults of the group's own options as they are where a command follows at once.

        typer would import pydantic to convert them, which takes longer than many commands.
        """
        if not args or args[0] not in self.list_commands(ctx):
            return super().parse_args(ctx, args)
        own, self.params = self.params, []
        try:
            rest = super().parse_args(ctx, args)
        finally:
            self.params = own
        ctx.params |= {param.name: param.get_default(ctx) for param in own if param.expose_value}
        return rest

    def get_help_option(self, ctx: Any) -> Any:
        return _not_given(super().get_help_option(ctx))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0] if args else ""
        if name and not name.startswith("-") and self.get_command(ctx, name) is None:
            raise BadInput(f"unknown command {name!r}{nearest(name, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


def group(help_text: str, kind: type[Nouns] = Nouns) -> typer.Typer:
    """A command group without typer's tracebacks and markup."""
    return typer.Typer(
        cls=kind, help=help_text, no_args_is_help=False, rich_markup_mode=None, pretty_exceptions_enable=False
    )


def listing(app: typer.Typer) -> Callable[[Callable[[bool], None]], Callable[[bool], None]]:
    """Register a function as the command `list` of a group, and as the default when no command is given."""

    def mark(lister: Callable[[bool], None]) -> Callable[[bool], None]:
        @app.callback(invoke_without_command=True)
        def default(ctx: typer.Context, as_json: bool = Json) -> None:
            if ctx.invoked_subcommand is None:
                lister(as_json)

        return app.command("list", cls=_Lister)(lister)

    return mark


def roots(dirs: Sequence[str] | None) -> list[Path]:
    """The runs folders of a command; new runs go to the first."""
    from engine.contract.run.store import runs_root

    return [runs_root(folder) for folder in dirs] if dirs else [runs_root()]


def print_json(value: Any) -> None:
    """Print one JSON document in ASCII to stdout; numbers that are not finite become null."""
    typer.echo(json.dumps(finite(value)))


def finite(value: Any) -> Any:
    """JSON data with null in place of every number that is not finite."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def print_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[str] = (),
    shrink: Sequence[str] = (),
    drop: Sequence[str] = (),
) -> None:
    """Print columns, two spaces apart.

    A pipe or a file receives the whole table. In a narrow terminal the columns in `shrink` and the last one are cut
    with an ellipsis; where that is not enough, the columns in `drop` are left out in that order.

    Args:
        right: names of right-aligned columns.
    """
    cells = [[_on_one_line(cell) for cell in row] for row in rows]
    widths = {name: max(cell_len(row[i]) for row in [list(head), *cells]) for i, name in enumerate(head)}
    if sys.stdout.isatty():
        widths = _fitted(widths, width(), [*shrink, head[-1]], drop)
    for row in [list(head), *cells]:
        parts = [
            fit(cell, widths[name], "right" if name in right else "left")
            for cell, name in zip(row, head, strict=True)
            if name in widths
        ]
        typer.echo("  ".join(parts).rstrip())


def _on_one_line(cell: str) -> str:
    return clean(cell).replace("\n", " ").replace("\t", " ")


def _fitted(widths: dict[str, int], space: int, shrink: Sequence[str], drop: Sequence[str]) -> dict[str, int]:
    """The widths of the columns that fit into a line of `space` terminal cells."""
    least = {name: min(size, SHORTEST) if name in shrink else size for name, size in widths.items()}

    def spare() -> int:
        return space - sum(least.values()) - 2 * (len(least) - 1)

    for name in drop:
        if spare() < 0:
            del least[name]
    for name in shrink:
        if name in least:
            least[name] += max(0, min(spare(), widths[name] - least[name]))
    return least


def print_text(text: str) -> None:
    """Print text, wrapped at the width of the terminal."""
    for line in text.splitlines():
        typer.echo("\n".join(wrap(line, terminal_width())))


def print_or_write(text: str, out: Path | None) -> None:
    """Print a document as it is, or write it to the file that `--out` names. BadInput if that fails."""
    if out is None:
        typer.echo(text, nl=False)
    else:
        out_file.write(out, text, "--out")


def print_pairs(rows: Sequence[tuple[str, str]]) -> None:
    """Print words and their meanings in two columns; long meanings wrap within theirs."""
    space = terminal_width()
    left = max((len(word) for word, _ in rows), default=0) + 2
    for word, meaning in rows:
        first, *more = wrap(clean(meaning), max(space - left, 20)) or [""]
        typer.echo(f"{clean(word):{left}}{first}".rstrip())
        for line in more:
            typer.echo(" " * left + line)


def print_lines(lines: Sequence[Line], glyphs: Glyphs) -> None:
    """Print a picture as plain text; no picture depends on color."""
    shown = to_ascii if glyphs == "ascii" else str
    for line in lines:
        typer.echo(shown(clean("".join(text for text, _ in line)).rstrip()))


def terminal_width() -> int:
    """The width for text and charts in terminal cells: that of the terminal (80 in a pipe), at most `WIDEST`."""
    return min(shutil.get_terminal_size().columns, WIDEST)


def width() -> int:
    """The width of the terminal in cells; 80 where there is none."""
    return shutil.get_terminal_size().columns


def say(text: str) -> None:
    """Print one line to stderr."""
    typer.echo(text, err=True)


def _shortened(problem: str) -> str:
    """Clean text in which overlong words are cut, so that they do not hide the rest of the message."""
    return re.sub(rf"(\S{{{SHOWN}}})\S{{{SHOWN},}}", r"\1…", clean(problem))


@contextmanager
def user_errors() -> Iterator[None]:
    """Report a user's mistake as one line per problem on stderr, with exit code 2."""
    try:
        yield
    except BadInput as error:
        for problem in error.problems:
            typer.echo(f"error: {_shortened(problem)}", err=True)
        raise SystemExit(BAD_INPUT) from None
    except TyperException as error:  # an unknown option, or text in place of a number
        problem = getattr(error, "format_message", error.__str__)()
        typer.echo(f"error: {_shortened(problem)}".replace("Error: ", ""), err=True)
        raise SystemExit(BAD_INPUT) from None
    except (typer.Abort, KeyboardInterrupt):
        typer.echo("aborted", err=True)
        raise SystemExit(INTERRUPTED) from None
    except StartFailed as error:
        typer.echo(f"error: {clean(str(error))}", err=True)
        raise SystemExit(FAILED) from None
    except OutputLost as lost:  # a pipe whose reader is gone is no failure; a full disk is
        if not lost.unread:
            typer.echo(f"error: {lost}", err=True)
        raise SystemExit(0 if lost.unread else FAILED) from None
    except OSError as error:  # a folder that cannot be written or a failing disk: the system's message is clearest
        where = f"{error.filename}: " if error.filename else ""
        typer.echo(f"error: {_shortened(where)}{error.strerror or error}", err=True)
        raise SystemExit(FAILED) from None
