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
    from engine.contract.run.folder import RunFolder, RunInfo
    from engine.contract.run.summary import Summary
    from tui.drawing.charts import Chart
    from tui.drawing.format import Glyphs as GlyphSet
    from tui.drawing.lines import Line
    from tui.drawing.typeset import Table
    from tui.inspection.facts import Facts

PAGE_LINES: Final = 38
"""Lines that a tab of Inspect is laid out for when it is printed."""


Tab = typer.Option("", "--tab", help="Print a tab of Inspect: overview, confusion, mistakes, disagree, recipe, or log.")
Others = typer.Option(None, "--with", help="Another run for the tabs mistakes and disagree. Repeatable.", metavar="RUN")
Plot = typer.Option(False, "--plot", help="Draw the curves of the Dashboard instead, in the size of the terminal.")
Scalar = typer.Option(
    "", "--scalar", help="With --plot, draw this scalar of an imported run that is no series of ours.", metavar="TAG"
)
Glyphs = typer.Option(
    None, "--glyphs", help="What --plot draws with: braille, block, or ascii; else by TERM.", metavar="NAME"
)

Svg = typer.Option(
    None, "--svg", help="Write charts and tables of the Dashboard, or with --tab that tab, as SVG.", metavar="FILE"
)


def show_run(
    run: str = Ref,
    tab: str = Tab,
    others: list[str] | None = Others,
    plot: bool = Plot,
    scalar: str = Scalar,
    glyphs: str | None = Glyphs,
    svg: Path | None = Svg,
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Show the status and the recipe of a run, its curves, or a tab of Inspect.

    The output includes the command that repeats the run. With --json it includes what the Dashboard and the tabs of
    Inspect show of the run: the points of its curves, and the figures of all panes. With --svg the charts and tables
    are drawn into a file.
    """
    from engine.contract.run.store import find, summarize

    if plot and as_json:
        raise BadInput("give --plot or --json: the points of the curves are in the JSON as well")
    if scalar and not plot:
        raise BadInput("--scalar: give it with --plot")
    folder = find(roots(runs_dir), run)
    if svg is not None:
        return _save_svg(folder, svg, tab.lower(), others, runs_dir)
    if plot:
        from tui.commands.runs_plot import plot_run
        from tui.settings import settings_of

        return plot_run(folder, settings_of({"glyphs": glyphs}), scalar)
    if tab:
        return _print_tab(folder, tab.lower(), others, runs_dir)
    row, info = summarize(folder), folder.info()
    recipe, notes = _readable_recipe(folder)
    if as_json:
        for note in notes:
            say(note)
        return print_json(
            row.to_json()
            | {"best_on": row.best_on or None, "seconds_estimated": row.estimated}
            | {"recipe": recipe.to_table() if recipe else _as_json(folder.recipe_table()) if not info.layout else None}
            | ({"imported": info.imported} if info.layout else {})
            | {"command": info.command, "versions": info.versions}
            | _shown(folder)
            | _facts_of(folder, row, others, runs_dir).to_json()
        )
    for key, value in _facts(folder, row).items():
        if value:
            typer.echo(f"{key:9} {one_line(value)}")
    for note in notes:
        typer.echo(f"{'note':9} {one_line(note)}")
    if info.layout:
        return None
    return typer.echo(f"\n{recipe.to_toml() if recipe else _toml(folder.recipe_table())}", nl=False)


def _shown(folder: RunFolder) -> dict[str, Any]:
    """What the Dashboard shows of a run: its charts and its tables."""
    from tui.drawing.export_charts import chart_data, table_data

    charts, tables = _exported(folder)
    return {"charts": [chart_data(chart) for chart in charts], "tables": [table_data(table) for table in tables]}


def _exported(folder: RunFolder) -> tuple[list[Chart], list[Table]]:
    import time

    from tui.dashboard import exported
    from tui.dashboard.view import RunView

    view = RunView(folder)
    view.poll()
    return exported.charts(view), exported.tables(view, view.status(), time.time())


def _save_svg(folder: RunFolder, file: Path, tab: str, others: list[str] | None, runs_dir: list[str] | None) -> None:
    """The Dashboard's charts and tables, or a tab of Inspect, as an SVG file."""
    from tui.commands import svg_file
    from tui.drawing.palette import LIGHT
    from tui.drawing.svg import chart_part, lines_part, table_part

    if tab:
        lines = _tab_lines(folder, tab, others, runs_dir, "braille", color=True)
        return svg_file.save([lines_part(lines, LIGHT)], file, "--svg", LIGHT)
    charts, tables = _exported(folder)
    shown = [chart_part(chart) for chart in charts if not chart.empty] + [table_part(table) for table in tables]
    return svg_file.save(shown, file, "--svg")


def _facts_of(folder: RunFolder, row: Summary, others: list[str] | None, runs_dir: list[str] | None) -> Facts:
    """Everything that the tabs of Inspect show."""
    from engine.contract.run.index import Index
    from engine.contract.run.store import find, summarize
    from tui.dashboard.accuracy_series import Look
    from tui.dashboard.view import RunView
    from tui.inspection.facts import read_facts

    beside = [summarize(find(roots(runs_dir), other)) for other in others or ()]
    looks = [Look.of(slot, one.id) for slot, one in enumerate([row, *beside][:SLOTS])]
    return read_facts(RunView(folder), row, Index().rows(roots(runs_dir)), beside[: SLOTS - 1], looks)


def _print_tab(folder: RunFolder, name: str, others: list[str] | None, runs_dir: list[str] | None) -> None:
    """A tab of Inspect as plain text."""
    from tui.drawing.format import glyphs_of_terminal

    glyphs = glyphs_of_terminal()
    print_lines(_tab_lines(folder, name, others, runs_dir, glyphs, color=False), glyphs)


def _tab_lines(
    folder: RunFolder, name: str, others: list[str] | None, runs_dir: list[str] | None, glyphs: GlyphSet, *, color: bool
) -> list[Line]:
    from engine.contract.errors import nearest
    from engine.contract.run.store import summarize
    from tui.inspection.tab import Canvas
    from tui.inspection.tabs import all_tabs

    tabs = {tab.title.lower(): tab for tab in all_tabs()}
    if name not in tabs:
        raise BadInput(f"--tab {name!r}: not one of {', '.join(tabs)}{nearest(name, list(tabs))}")
    canvas = Canvas(terminal_width(), PAGE_LINES, glyphs, color=color)
    return tabs[name].draw(_facts_of(folder, summarize(folder), others, runs_dir), canvas)


def _facts(folder: RunFolder, row: Summary) -> dict[str, str]:
    """The lines above the recipe, by their labels; a label without text is not printed."""
    from engine.exchange.imports.scalars import read_scalars
    from tui.commands.accuracy import accuracy_details
    from tui.drawing.figures import unreadable_note

    info, labels = folder.info(), folder.labels()
    reason = f" ({row.reason})" if row.reason else ""
    last = f"last {_accuracy(row.last_accuracy)} %"
    best = f"best on {row.best_on} {_accuracy(row.best_accuracy)} %" if row.best_on else "tested at the end"
    if info.layout and row.best_accuracy is None:
        best = f"{_validation(folder)}no best epoch, because the files hold no test accuracy"
    return {
        "name": labels.name,
        "status": f"{row.status}{reason}" + (f": {row.message}" if row.message else ""),
        "preset": info.preset + (f"; changes: {info.changes}" if info.changes else ""),
        "origin": _origin(info),
        "axis": str(info.imported.get("axis", "")),
        "scalars": ", ".join(read_scalars(folder.path)) if info.layout else "",
        "seed": "" if info.layout else str(info.seed),
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


def _origin(info: RunInfo) -> str:
    """Where an imported run comes from; "" for a run of our own."""
    from tui.drawing.format import counted

    files = info.imported.get("files", ())
    count = counted(len(files), "file") if isinstance(files, list) else "files"
    return f"imported ({info.layout}) from {info.imported.get('folder')}, {count}" if info.layout else ""


def _validation(folder: RunFolder) -> str:
    """The last validation accuracy of an imported run, as the start of a text; "" if there is none."""
    from engine.contract.run.fold import RunFold

    values = [epoch.holdout_accuracy for epoch in RunFold(folder.events).poll().course.epochs]
    known = [value for value in values if value == value]
    return f"last on validation {percent(known[-1])} %, " if known else ""


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
