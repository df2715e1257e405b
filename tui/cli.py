"""The `cifar-tui` command. It imports neither textual nor torch, so that listings start fast."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import typer

from engine.contract.errors import BadInput
from tui.commands.common import RunsDirs, TrustParts, group, roots, user_errors
from tui.commands.lazy import LazyGroup
from tui.commands.options import with_flags
from tui.commands.output import streams
from tui.plans.flags import TRAIN

Theme = typer.Option(None, "--theme", help="Colors of the workbench: dark, light, or okabe-ito.", metavar="NAME")
Glyphs = typer.Option(
    None, "--glyphs", help="What curves are drawn with: braille, block, or ascii; else by TERM.", metavar="NAME"
)
Colors = typer.Option(
    None, "--colors", help="How many colors the terminal has: auto (by COLORTERM), 256, or true.", metavar="NUMBER"
)


class Commands(LazyGroup):
    """All commands, in the order of `cifar-tui --help`."""

    places: ClassVar[Mapping[str, str]] = {
        "doctor": "tui.commands.doctor:doctor",
        "schema": "tui.commands.doctor:schema",
        "grid": "tui.commands.grid:grid",
        "lr-find": "tui.commands.lr_find:lr_find",
        "open": "",  # this and the next are below
        "results": "",
        "presets": "tui.commands.presets:presets",
        "models": "tui.commands.models:app",
        "augmentations": "tui.commands.parts:augmentations",
        "schedules": "tui.commands.parts:schedules",
        "optimizers": "tui.commands.catalog_parts:optimizers",
        "losses": "tui.commands.catalog_parts:losses",
        "averages": "tui.commands.catalog_parts:averages",
        "suites": "tui.commands.suites:app",
        "runs": "tui.commands.runs:app",
        "compare": "tui.commands.comparisons:app",
        "queue": "tui.commands.queue:app",
        "data": "tui.commands.data:app",
    }
    aliases: ClassVar[Mapping[str, str]] = {  # `cifar-tui run list` works too
        "preset": "presets",
        "model": "models",
        "augmentation": "augmentations",
        "schedule": "schedules",
        "optimizer": "optimizers",
        "loss": "losses",
        "average": "averages",
        "suite": "suites",
        "run": "runs",
    }


app = group(
    "Train image classifiers on CIFAR from a terminal. Without a command, the workbench opens; "
    "--preset NAME --headless starts a run without it.",
    Commands,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"cifar-tui {version('cifar-tui')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
@with_flags(TRAIN)
def root(
    ctx: typer.Context,
    flags: Mapping[str, Any],
    headless: bool = typer.Option(False, "--headless", help="Train without opening the workbench."),
    runs_dir: list[str] | None = RunsDirs,
    trust_parts: bool = TrustParts,
    theme: str | None = Theme,
    glyphs: str | None = Glyphs,
    colors: str | None = Colors,
    detach: bool = typer.Option(False, "--detach", help="Start the run, print its id, and return."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print the resolved recipe as TOML; start nothing."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object per event to stdout, then the result."),
    _version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Open the workbench, or start a run without it."""
    ctx.obj = _workbench  # for commands that end in the workbench
    if ctx.invoked_subcommand is not None:
        return
    if headless or dry_run:
        from tui.commands import train

        how = {"trust": trust_parts, "detach": detach, "dry_run": dry_run, "as_json": as_json}
        raise SystemExit(train.main(flags, roots(runs_dir), **how))
    given = {key: value for key, value in flags.items() if value}
    look = {"theme": theme, "glyphs": glyphs, "colors": colors}
    _workbench(roots(runs_dir), look, preset_flags=given if "preset" in given else None)


@app.command("open")
def open_run(
    run: str = typer.Argument("@last", metavar="RUN"),
    runs_dir: list[str] | None = RunsDirs,
    theme: str | None = Theme,
    glyphs: str | None = Glyphs,
    colors: str | None = Colors,
) -> None:
    """Open the workbench on a run."""
    from engine.contract.run.store import find

    places = roots(runs_dir)
    look = {"theme": theme, "glyphs": glyphs, "colors": colors}
    _workbench(places, look, open_run=find(places, run).id)


@app.command("results")
def results(
    runs_dir: list[str] | None = RunsDirs,
    theme: str | None = Theme,
    glyphs: str | None = Glyphs,
    colors: str | None = Colors,
) -> None:
    """Open the workbench on the table of all runs."""
    look = {"theme": theme, "glyphs": glyphs, "colors": colors}
    _workbench(roots(runs_dir), look, start_screen="results")


def _workbench(places: list[Path], look: Mapping[str, str | None], **start: Any) -> None:
    """Open the workbench. `look` holds the options that override the configuration file."""
    if sys.stdin.isatty() and sys.stdout.isatty() and not sys.stderr.isatty():
        raise BadInput("the workbench draws on standard error, so leave out `2>`: it must be the terminal")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise BadInput(
            "the workbench needs a terminal; without one, use `cifar-tui --preset NAME --headless` "
            "or a command such as `cifar-tui runs list`"
        )
    from tui.settings import color_system, settings_of

    settings = settings_of(look)  # refuses bad input before anything is painted
    # Textual reads this when it is imported.
    os.environ.setdefault("TEXTUAL_COLOR_SYSTEM", color_system(settings.colors, os.environ))
    from tui.first_frame import FirstFrame

    with FirstFrame(sys.stdout.fileno()) as frame:
        from tui.opening import run_workbench

        code = run_workbench(roots=places, settings=settings, taking_over=frame.taken_over, **start)
    raise SystemExit(code)


def main() -> None:
    """The entry point of the `cifar-tui` script."""
    gc.set_threshold(50_000)  # full collections during the imports take a tenth of the start-up time
    # Searching for pydantic plugins would read the metadata of every installed package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    if "NO_COLOR" in os.environ:
        os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    with streams(), user_errors():
        code = app(prog_name="cifar-tui", standalone_mode=False)
        raise SystemExit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
