"""`cifar-tui runs show`: everything that is known about one run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from engine.contract.errors import BadInput
from engine.contract.text import escaped, one_line
from tui.commands.common import Json, Ref, RunsDirs, print_json, print_lines, roots, say, terminal_width
from tui.drawing.format import NONE, percent, work
from tui.drawing.palette import SLOTS

if TYPE_CHECKING:
    from engine.contract.recipe.schema import Recipe
    from engine.contract.run.folder import RunFolder
    from engine.contract.run.summary import Summary
    from tui.inspection.facts import Facts

PAGE_LINES: Final = 38
"""Lines that a tab of Inspect is laid out for when it is printed."""


Tab = typer.Option("", "--tab", help="Print a tab of Inspect: overview, confusion, mistakes, disagree, recipe, or log.")
Others = typer.Option(None, "--with", help="Another run for the tabs mistakes and disagree. Repeatable.", metavar="RUN")
Plot = typer.Option(False, "--plot", help="Draw the curves of the Dashboard instead, in the size of the terminal.")
Baseline = typer.Option(
    None, "--baseline", help="The run that --plot, --json and the tab overview compare with.", metavar="RUN"
)
Glyphs = typer.Option(
    None, "--glyphs", help="What --plot draws with: braille, block, or ascii; else by TERM.", metavar="NAME"
)


Out = typer.Option(
    None, "--out", help="Write the images of the tab confusion, mistakes or disagree to this PNG file.", metavar="FILE"
)


def show_run(
    run: str = Ref,
    tab: str = Tab,
    others: list[str] | None = Others,
    out: Path | None = Out,
    plot: bool = Plot,
    baseline: str | None = Baseline,
    glyphs: str | None = Glyphs,
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Show the status and the recipe of a run, its curves, or a tab of Inspect.

    The output includes the command that repeats the run. With --json it includes what the Dashboard and the tabs of
    Inspect show of the run: the points of its curves, and the figures of all panes.
    """
    from engine.contract.run.store import find, summarize

    if plot and as_json:
        raise BadInput("give --plot or --json: the points of the curves are in the JSON as well")
    folder = find(roots(runs_dir), run)
    base = find(roots(runs_dir), baseline) if baseline else None
    if plot:
        from tui.commands.runs_plot import plot_run
        from tui.settings import settings_of

        return plot_run(folder, settings_of({"glyphs": glyphs}), base)
    if out is not None and not tab:
        raise BadInput("--out writes the images of a tab: give --tab confusion, mistakes or disagree as well")
    if tab:
        return _print_tab(_facts_of(folder, summarize(folder), others, runs_dir, base), tab.lower(), out)
    row, info = summarize(folder), folder.info()
    recipe, notes = _readable_recipe(folder)
    if as_json:
        for note in notes:
            say(note)
        return print_json(
            row.to_json()
            | {"best_on": row.best_on or None, "seconds_estimated": row.estimated}
            | {"recipe": recipe.to_table() if recipe else _as_json(folder.recipe_table())}
            | {"command": info.command, "versions": info.versions}
            | _shown(folder)
            | _facts_of(folder, row, others, runs_dir, base).to_json()
        )
    for key, value in _facts(folder, row).items():
        if value:
            typer.echo(f"{key:9} {one_line(value)}")
    for note in notes:
        typer.echo(f"{'note':9} {one_line(note)}")
    return typer.echo(f"\n{recipe.to_toml() if recipe else _toml(folder.recipe_table())}", nl=False)


def _shown(folder: RunFolder) -> dict[str, Any]:
    """What the Dashboard shows of a run: its charts and its tables."""
    import time

    from tui.dashboard import exported
    from tui.dashboard.view import RunView
    from tui.drawing.export_charts import chart_data, table_data

    view = RunView(folder)
    view.poll()
    return {
        "charts": [chart_data(chart) for chart in exported.charts(view)],
        "tables": [table_data(table) for table in exported.tables(view, view.status(), time.time())],
    }


def _facts_of(
    folder: RunFolder, row: Summary, others: list[str] | None, runs_dir: list[str] | None, base: RunFolder | None
) -> Facts:
    """Everything that the tabs of Inspect show."""
    from engine.contract.run.index import Index
    from engine.contract.run.store import find, summarize
    from tui.dashboard.accuracy_series import Look
    from tui.dashboard.view import RunView
    from tui.inspection.facts import read_facts

    beside = [summarize(find(roots(runs_dir), other)) for other in others or ()]
    baseline = summarize(base) if base is not None else None
    looks = [Look.of(slot, one.id) for slot, one in enumerate([row, *beside][:SLOTS])]
    return read_facts(RunView(folder), row, Index().rows(roots(runs_dir)), beside[: SLOTS - 1], looks, baseline)


def _print_tab(facts: Facts, name: str, out: Path | None) -> None:
    """A tab of Inspect as plain text, or its images as a file."""
    from engine.contract.errors import nearest
    from tui.drawing.format import glyphs_of_terminal
    from tui.inspection.tab import Canvas
    from tui.inspection.tabs import all_tabs

    tabs = {tab.title.lower(): tab for tab in all_tabs()}
    if name not in tabs:
        raise BadInput(f"--tab {name!r}: not one of {', '.join(tabs)}{nearest(name, list(tabs))}")
    if out is not None:
        from tui.inspection.sheets import save_sheet

        say(f"wrote {save_sheet(facts, tabs[name], out)} to {out}")
        return
    glyphs = glyphs_of_terminal()
    canvas = Canvas(terminal_width(), PAGE_LINES, glyphs, color=False)
    print_lines(tabs[name].draw(facts, canvas), glyphs)


def _facts(folder: RunFolder, row: Summary) -> dict[str, str]:
    """The lines above the recipe, by their labels; a label without text is not printed."""
    from tui.commands.accuracy import accuracy_details
    from tui.drawing.figures import unreadable_note

    info, labels = folder.info(), folder.labels()
    reason = f" ({row.reason})" if row.reason else ""
    last = f"last {_accuracy(row.last_accuracy)} %"
    best = f"best on {row.best_on} {_accuracy(row.best_accuracy)} %" if row.best_on else "tested at the end"
    return {
        "name": labels.name,
        "status": f"{row.status}{reason}" + (f": {row.message}" if row.message else ""),
        "preset": info.preset + (f"; changes: {info.changes}" if info.changes else ""),
        "seed": str(info.seed),
        "epochs": f"{row.epoch} of {row.epochs}",
        "accuracy": ", ".join([last, *accuracy_details(folder), best]),
        "time": work(row.seconds, row.estimated) + (" (estimated from wall clocks)" if row.estimated else ""),
        "host": ", ".join(filter(None, (info.host, row.device))),
        "tags": " ".join(labels.tags),
        "notes": "; ".join(labels.notes),
        "left out": labels.excluded,
        "damage": unreadable_note(row.garbage) if row.garbage else "",
        "folder": str(folder.path),
        "repeat": info.command,
        "versions": ", ".join(f"{key} {value}" for key, value in info.versions.items()),
    }


def _accuracy(value: float | None) -> str:
    return NONE if value is None else percent(value)


def _as_json(table: dict[str, Any]) -> Any:
    """An unchecked TOML table as JSON data, with its dates and infinities as text."""
    return json.loads(json.dumps(table, default=str), parse_constant=str)


def _toml(table: dict[str, Any]) -> str:
    import tomli_w

    return escaped(tomli_w.dumps(table))


def _readable_recipe(folder: RunFolder) -> tuple[Recipe | None, list[str]]:
    """The recipe as far as this version can read it, else None; and notes about what it cannot read."""
    notes = []
    try:
        folder.refuse_newer()
        folder.refuse_newer_checkpoints()
    except BadInput as error:
        notes += error.problems
    try:
        recipe, unknown = folder.inspect()
    except BadInput as error:
        return None, [*notes, *error.problems, *folder.origin()]
    if unknown:
        keys = f"recipe.toml contains keys that this version does not know: {', '.join(unknown)}"
        notes += [keys, *folder.origin()]
    return recipe, notes
