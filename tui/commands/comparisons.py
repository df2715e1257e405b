"""`cifar-tui compare`: saved comparisons. `compare NAME` prints one and opens it."""

from __future__ import annotations

import sys
from typing import Any

import typer

from tui.commands.common import Json, Nouns, RunsDirs, group, listing, print_json, print_table, roots

NAME = typer.Argument(metavar="NAME")


def is_terminal() -> bool:
    """Whether the workbench can open here."""
    return sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()


class _ByName(Nouns):
    """`compare NAME` is short for `compare show NAME`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            args = ["show", *args]
        return super().resolve_command(ctx, args)


app = group("Saved comparisons of runs: compare NAME prints one and opens it; save, list, rm.", _ByName)


@listing(app)
def list_comparisons(as_json: bool = Json) -> None:
    """List the saved comparisons."""
    from dataclasses import asdict

    from tui.comparisons import saved

    found = saved()
    if as_json:
        print_json([asdict(one) for one in found])
        return
    rows = [[one.name, one.summary, " ".join(run[-4:] for run in one.runs)] for one in found]
    print_table(["name", "compares", "runs"], rows)


@app.command("show")
def show(
    ctx: typer.Context,
    name: str = NAME,
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Print a saved comparison, and open it in the workbench if this is a terminal."""
    from tui.commands.compare import compare
    from tui.comparisons import load

    found = load(name)
    base = found.baseline or found.runs[0]
    compare(
        refs=list(found.runs), by="recipe" if found.by_recipe else "run", baseline=base, smallest=None,
        correction="holm", paired=False, classes=False, same_epoch=False, form="", svg=None, as_json=as_json,
        runs_dir=runs_dir,
    )  # fmt: skip
    if not as_json and is_terminal():
        ctx.find_root().obj(roots(runs_dir), {}, comparison=name)


@app.command("save")
def save_comparison(
    name: str = NAME,
    refs: list[str] = typer.Argument(metavar="RUN..."),
    baseline: str = typer.Option(
        "", "--baseline", help="The run to compare with; by default the first.", metavar="RUN"
    ),
    by: str = typer.Option("run", "--by", help="What is judged: run or recipe."),
    x: str = typer.Option("epoch", "--x", help="Unit of the x axis: epoch, step, time, or schedule."),
    axis: str = typer.Option("log error", "--axis", help="Scale of the y axis: log error, log loss, or linear."),
    replace: bool = typer.Option(False, "--replace", help="Overwrite a comparison of the same name."),
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Save which runs are compared, against which baseline, on which axes."""
    from engine.contract.errors import BadInput, nearest
    from engine.contract.run.store import find
    from tui.comparisons import AXES, X_UNITS, SavedComparison, save

    for option, value, choices in (("--by", by, ("run", "recipe")), ("--x", x, X_UNITS), ("--axis", axis, AXES)):
        if value not in choices:
            raise BadInput(f"{option} {value!r}: not one of {', '.join(choices)}{nearest(value, choices)}")
    places = roots(runs_dir)
    ids = list(dict.fromkeys(find(places, ref).id for ref in [*([baseline] if baseline else []), *refs]))
    base = ids[0] if baseline else ""
    typer.echo(str(save(SavedComparison(name, tuple(ids), base, x, axis, by == "recipe"), replace=replace)))


@app.command("rm")
def remove_comparison(name: str = NAME) -> None:
    """Delete a saved comparison; its runs stay."""
    from tui.comparisons import remove

    remove(name)
