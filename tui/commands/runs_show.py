"""`cifar-tui runs show`: everything that is known about one run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from engine.contract.errors import BadInput, nearest
from engine.contract.text import escaped, one_line
from tui.commands.common import Json, Ref, RunsDirs, print_json, roots, say
from tui.commands.runs_tab import FORMATS, dashboard_sheet, facts_of, print_sheet, save_svg, show_tab, tab_called
from tui.commands.tab_options import Cell, Image, Label, On, Order, Others, Percent, Suspects, Tab
from tui.drawing.format import NONE, percent, work

if TYPE_CHECKING:
    from engine.contract.recipe.schema import Recipe
    from engine.contract.run.folder import RunFolder, RunInfo
    from engine.contract.run.summary import Summary
    from tui.drawing.sheet import Sheet

Plot = typer.Option(False, "--plot", help="Draw the curves of the Dashboard instead, in the size of the terminal.")
Scalar = typer.Option(
    "", "--scalar", help="With --plot, draw this scalar of an imported run that is no series of ours.", metavar="TAG"
)
Baseline = typer.Option(
    None,
    "--baseline",
    help="The run that the Dashboard's charts and tables, and the tab overview, compare with.",
    metavar="RUN",
)
Glyphs = typer.Option(
    None, "--glyphs", help="What --plot draws with: braille, block, or ascii; else by TERM.", metavar="NAME"
)
Svg = typer.Option(
    None, "--svg", help="Write charts and tables of the Dashboard, or with --tab that tab, as SVG.", metavar="FILE"
)
Form = typer.Option(
    "",
    "--format",
    help="Print the charts and tables of the Dashboard, or with --tab of that tab, as text, md, latex, csv, or json.",
)
Out = typer.Option(
    None,
    "--out",
    help="Write the images of the tab confusion, mistakes or disagree to this PNG file; with --format, its output.",
    metavar="FILE",
)


def show_run(
    run: str = Ref,
    tab: str = Tab,
    others: list[str] | None = Others,
    form: str = Form,
    out: Path | None = Out,
    on: str = On,
    order: str = Order,
    label: str = Label,
    cell: str = Cell,
    image: str = Image,
    suspects: bool = Suspects,
    percent: bool = Percent,
    plot: bool = Plot,
    scalar: str = Scalar,
    baseline: str | None = Baseline,
    glyphs: str | None = Glyphs,
    svg: Path | None = Svg,
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Show the status and the recipe of a run, its curves, or a tab of Inspect.

    The output includes the command that repeats the run. With --json it includes what the Dashboard and the tabs of
    Inspect show of the run: the points of its curves, and the figures of all panes. With --format the tables that the
    panes are drawn from are printed, and with --svg charts and tables are drawn into a file.
    """
    from engine.contract.run.store import find, summarize
    from tui.inspection.choice import TabOptions

    if plot and as_json:
        raise BadInput("give --plot or --json: the points of the curves are in the JSON as well")
    if scalar and not plot:
        raise BadInput("--scalar: give it with --plot")
    if on and not tab:
        raise BadInput("--on: give it with --tab")
    choice = TabOptions(order, label, cell, image, suspects, percent)
    if choice != TabOptions() and not tab:
        raise BadInput("--order, --class, --cell, --image, --suspects, --percent: give them with --tab")
    if form and form not in FORMATS:
        raise BadInput(f"--format {form!r}: not one of {', '.join(FORMATS)}{nearest(form, FORMATS)}")
    folder = find(roots(runs_dir), run)
    base = find(roots(runs_dir), baseline) if baseline else None
    for one in (folder, base):
        if one is not None:
            one.refuse_closed()
    if plot:
        from tui.commands.runs_plot import plot_run
        from tui.settings import settings_of

        return plot_run(folder, settings_of({"glyphs": glyphs}), scalar, base)
    form = "json" if as_json and tab else form
    if out is not None and not (tab or form):
        raise BadInput("--out writes the images of a tab: give --tab confusion, mistakes or disagree as well")
    if tab:
        facts = facts_of(folder, summarize(folder), others or (), base, roots(runs_dir), on)
        return show_tab(facts, tab_called(tab), choice, form, out, svg)
    if form:
        return print_sheet(dashboard_sheet(folder, base, roots(runs_dir)), form, out)
    if svg is not None:
        return save_svg(dashboard_sheet(folder, base, roots(runs_dir)), svg)
    row, info = summarize(folder), folder.info()
    if as_json:
        shown = _shown(dashboard_sheet(folder, base, roots(runs_dir)))
        shown |= facts_of(folder, row, others or (), base, roots(runs_dir)).to_json()
        return _print_json(folder, row, info, shown)
    return _print_text(folder, row, info)


def _print_json(folder: RunFolder, row: Summary, info: RunInfo, shown: dict[str, Any]) -> None:
    """Print status and recipe, and what the screens show of the run."""
    recipe, notes = _readable_recipe(folder)
    for note in notes:
        say(note)
    print_json(
        row.to_json()
        | {"best_on": row.best_on or None, "seconds_estimated": row.estimated}
        | {"recipe": recipe.to_table() if recipe else _as_json(folder.recipe_table()) if not info.layout else None}
        | ({"imported": info.imported} if info.layout else {})
        | ({"initial": info.initial} if info.initial else {})
        | {"command": info.command, "versions": info.versions}
        | shown
    )


def _print_text(folder: RunFolder, row: Summary, info: RunInfo) -> None:
    """Print status and recipe."""
    recipe, notes = _readable_recipe(folder)
    for key, value in _facts(folder, row).items():
        if value:
            typer.echo(f"{key:9} {one_line(value)}")
    for note in notes:
        typer.echo(f"{'note':9} {one_line(note)}")
    if not info.layout:
        typer.echo(f"\n{recipe.to_toml() if recipe else _toml(folder.recipe_table())}", nl=False)


def _shown(sheet: Sheet) -> dict[str, Any]:
    """What the Dashboard shows of a run: its charts and its tables."""
    from tui.drawing.export_charts import chart_data, table_data

    return {
        "charts": [chart_data(chart) for chart in sheet.charts],
        "tables": [table_data(table) for table in sheet.tables],
    }


def _facts(folder: RunFolder, row: Summary) -> dict[str, str]:
    """The lines above the recipe, by their labels; a label without text is not printed."""
    from engine.contract.run.initial import initial_words
    from engine.contract.run.predicted import entries
    from engine.exchange.imports.scalars import read_scalars
    from tui.commands.accuracy import accuracy_details
    from tui.drawing.figures import unreadable_note
    from tui.drawing.further_sets import sentence

    info, labels = folder.info(), folder.labels()
    reason = f" ({row.reason})" if row.reason else ""
    last = f"last {_accuracy(row.last_accuracy)} %"
    best = f"best on {row.best_on} {_accuracy(row.best_accuracy)} %" if row.best_on else "tested at the end"
    if info.layout and row.best_on and row.best_accuracy is None:
        best = f"{_validation(folder)}no best epoch, because the files hold no test accuracy"
    return {
        "name": labels.name,
        "status": f"{row.status}{reason}" + (f": {row.message}" if row.message else ""),
        "preset": info.preset + (f"; changes: {info.changes}" if info.changes else ""),
        "origin": _origin(info),
        "axis": str(info.imported.get("axis", "")),
        "scalars": ", ".join(read_scalars(folder.path)) if info.layout else "",
        "initial": initial_words(info),
        "seed": "" if info.layout else str(info.seed),
        "epochs": f"{row.epoch} of {row.epochs}",
        "accuracy": ", ".join([last, *accuracy_details(folder), best]),
        "also on": "; ".join(map(sentence, entries(folder))),
        "time": work(row.seconds, row.estimated) + (" (estimated from wall clocks)" if row.estimated else ""),
        "host": ", ".join(filter(None, (row.host, row.device))),
        "tags": " ".join(labels.tags),
        "notes": "; ".join(labels.notes),
        "left out": labels.excluded,
        "damage": unreadable_note(row.garbage) if row.garbage else "",
        "folder": str(folder.path),
        "import" if info.layout else "repeat": info.command,
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
