"""What every command shares: how results are printed, and how a user's mistake ends."""

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
from tui.commands.output import OutputLost
from tui.drawing.format import Glyphs, to_ascii
from tui.drawing.lines import Line, fit, wrap

Json = typer.Option(False, "--json", help="Print JSON instead of a table.")
RunsDirs = typer.Option(None, "--runs-dir", help="Folder with runs; further ones are read only.", metavar="DIR")
Yes = typer.Option(False, "--yes", "-y", help="Do not ask for confirmation.")
Retry = typer.Option(False, "--retry", help="Resume failed runs too.")
DryRun = typer.Option(False, "--dry-run", help="Print what would run; start nothing.")
TrustParts = typer.Option(False, "--trust-parts", help="Run the code that a run brings along, no matter who wrote it.")
Ref = typer.Argument(..., help="Full id, its last four characters, a unique name, @last or @live.", metavar="RUN")
Refs = typer.Argument(..., help="Full ids, their last four characters, unique names, @last or @live.", metavar="RUN...")

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
WIDEST = 120
SHOWN = 200  # letters of an over-long word in an error
SHORTEST = 12  # cells that are left to a column of words when it is cut


class Nouns(typer.core.TyperGroup):
    """A group that answers an unknown word with the nearest command it has."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0] if args else ""
        if name and not name.startswith("-") and self.get_command(ctx, name) is None:
            raise BadInput(f"unknown command {name!r}{nearest(name, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


def group(help_text: str) -> typer.Typer:
    """A command group without typer's own tracebacks and markup."""
    return typer.Typer(
        cls=Nouns, help=help_text, no_args_is_help=False, rich_markup_mode=None, pretty_exceptions_enable=False
    )


def listing(app: typer.Typer) -> Callable[[Callable[[bool], None]], Callable[[bool], None]]:
    """Mark what lists a noun: its command `list`, which the noun without a word stands for."""

    def mark(lister: Callable[[bool], None]) -> Callable[[bool], None]:
        @app.callback(invoke_without_command=True)
        def default(ctx: typer.Context, as_json: bool = Json) -> None:
            if ctx.invoked_subcommand is None:
                lister(as_json)

        return app.command("list")(lister)

    return mark


def roots(dirs: Sequence[str] | None) -> list[Path]:
    """The runs folders of a command: the first one is written to."""
    from engine.contract.run.store import runs_root

    return [runs_root(folder) for folder in dirs] if dirs else [runs_root()]


def print_json(value: Any) -> None:
    """One JSON document on stdout, all of it ASCII; a number that is not finite becomes null."""
    typer.echo(json.dumps(finite(value)))


def finite(value: Any) -> Any:
    """JSON data with null for every number that is not finite."""
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
    """Plain columns, two spaces apart; the last one is not padded.

    A pipe or a file gets all of it. In a narrow terminal the `shrink` columns and the last one are cut with an ellipsis
    and, where that is not enough, those of `drop` left out, the first named first.

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
    """Cells of the columns that a line of `space` has room for."""
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
    """A sentence in as many lines as it takes."""
    for line in text.splitlines():
        typer.echo("\n".join(wrap(line, terminal_width())))


def print_pairs(rows: Sequence[tuple[str, str]]) -> None:
    """Words and what they mean in two columns; a long meaning goes on below itself."""
    space = terminal_width()
    left = max((len(word) for word, _ in rows), default=0) + 2
    for word, meaning in rows:
        first, *more = wrap(clean(meaning), max(space - left, 20)) or [""]
        typer.echo(f"{clean(word):{left}}{first}".rstrip())
        for line in more:
            typer.echo(" " * left + line)


def print_lines(lines: Sequence[Line], glyphs: Glyphs) -> None:
    """A picture as plain text: what it says never hangs on colour."""
    shown = to_ascii if glyphs == "ascii" else str
    for line in lines:
        typer.echo(shown(clean("".join(text for text, _ in line)).rstrip()))


def terminal_width() -> int:
    """Cells of a line on stdout (80 into a pipe), at most as many as a chart gains from."""
    return min(shutil.get_terminal_size().columns, WIDEST)


def width() -> int:
    """Cells of the terminal; 80 where there is none."""
    return shutil.get_terminal_size().columns


def say(text: str) -> None:
    """One line for people, on stderr."""
    typer.echo(text, err=True)


def _shortened(problem: str) -> str:
    """Clean text in which a word of thousands of letters, which nobody would read, does not hide what is said of it."""
    return re.sub(rf"(\S{{{SHOWN}}})\S{{{SHOWN},}}", r"\1…", clean(problem))


@contextmanager
def user_errors() -> Iterator[None]:
    """Turn a user's mistake into one line a problem on stderr and exit code 2."""
    try:
        yield
    except BadInput as error:
        for problem in error.problems:
            typer.echo(f"error: {_shortened(problem)}", err=True)
        raise SystemExit(BAD_INPUT) from None
    except TyperException as error:  # an unknown flag, a word where a number belongs
        problem = getattr(error, "format_message", error.__str__)()
        typer.echo(f"error: {_shortened(problem)}".replace("Error: ", ""), err=True)
        raise SystemExit(BAD_INPUT) from None
    except (typer.Abort, KeyboardInterrupt):
        typer.echo("aborted", err=True)
        raise SystemExit(INTERRUPTED) from None
    except StartFailed as error:
        typer.echo(f"error: {clean(str(error))}", err=True)
        raise SystemExit(FAILED) from None
    except OutputLost as lost:  # `cifar-tui runs list | head` has got what it wanted; a full disk has not
        if not lost.unread:
            typer.echo(f"error: {lost}", err=True)
        raise SystemExit(0 if lost.unread else FAILED) from None
    except OSError as error:  # a home that cannot be written, a disk that fails: the system's words say it best
        where = f"{error.filename}: " if error.filename else ""
        typer.echo(f"error: {_shortened(where)}{error.strerror or error}", err=True)
        raise SystemExit(FAILED) from None
