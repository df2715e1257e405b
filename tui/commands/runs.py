"""`cifar-tui runs`: the command group. The commands are in the modules `runs_*` and `compare`, one for each purpose."""

from __future__ import annotations

import typer

from tui.commands import (
    compare,
    runs_control,
    runs_disk,
    runs_export,
    runs_follow,
    runs_import,
    runs_import_weights,
    runs_labels,
    runs_list,
    runs_pack,
    runs_predict,
    runs_show,
    runs_table,
)
from tui.commands.common import Json, RunsDirs, group

app = group("List, follow, compare and manage runs.")


@app.callback(invoke_without_command=True)
def default(ctx: typer.Context, as_json: bool = Json, runs_dir: list[str] | None = RunsDirs) -> None:
    """Run `list` when no command is given."""
    if ctx.invoked_subcommand is None:
        runs_list.list_runs(filter_text="", limit=0, trash=False, as_json=as_json, runs_dir=runs_dir)


app.command("list")(runs_list.list_runs)
app.command("show")(runs_show.show_run)
app.command("compare")(compare.compare)
app.command("table")(runs_table.table)
app.command("export")(runs_export.export)
app.command("import")(runs_import.import_runs)
app.command("import-weights")(runs_import_weights.import_weights)
app.command("predict")(runs_predict.predict)
for module in (runs_follow, runs_control, runs_labels, runs_disk, runs_pack):
    module.add_to(app)
