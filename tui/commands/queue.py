"""`cifar-tui queue`: the runs that hold or wait for a device of this machine, and those that wait for a scheduler."""

from __future__ import annotations

import time
from dataclasses import asdict

import typer

from tui.commands.common import Json, Refs, RunsDirs, group, print_json, print_table, roots
from tui.drawing.format import NONE, age

app = group("Runs that wait for a device: list, cancel.")


@app.callback(invoke_without_command=True)
def default(ctx: typer.Context, as_json: bool = Json, runs_dir: list[str] | None = RunsDirs) -> None:
    """Run `list` when no command is given."""
    if ctx.invoked_subcommand is None:
        list_queue(as_json, runs_dir)


@app.command("list")
def list_queue(as_json: bool = Json, runs_dir: list[str] | None = RunsDirs) -> None:
    """List the runs that hold or wait for a device.

    Runs that were handed to Slurm or another scheduler and have not begun come last, with the scheduler's reason.
    """
    from engine.contract.run.index import Index
    from engine.launch import queue
    from tui.plans.waiting import handed_over

    tickets, trouble = queue.inspect()
    elsewhere = handed_over(Index().rows(roots(runs_dir)), tickets)
    if trouble:
        typer.echo(f"warning: {trouble}", err=True)
    if as_json:
        ours = [asdict(ticket) | {"note": ""} for ticket in tickets]
        return print_json([*ours, *(asdict(ticket) | {"note": note} for ticket, note in elsewhere)])
    table = [
        [
            ticket.run,
            f"holds {', '.join(ticket.held)}" if ticket.held else f"#{ticket.place}",
            f"{ticket.count} of {', '.join(ticket.candidates)}",
            age(time.time() - ticket.since),
            "",
        ]
        for ticket in tickets
    ]
    table += [
        [ticket.run, NONE, ", ".join(ticket.candidates), age(time.time() - ticket.since), note]
        for ticket, note in elsewhere
    ]
    print_table(["run", "place", "needs", "since", "why"] if elsewhere else ["run", "place", "needs", "since"],
                table if elsewhere else [row[:4] for row in table])  # fmt: skip
    if not table:
        typer.echo("the queue is empty")
    return None


@app.command("cancel")
def cancel(refs: list[str] = Refs, as_json: bool = Json, runs_dir: list[str] | None = RunsDirs) -> None:
    """Remove waiting runs from the queue.

    They end as stopped and can be resumed.
    """
    from engine.contract.run.store import find
    from engine.launch import control

    folders = [find(roots(runs_dir), ref) for ref in refs]
    for folder in folders:
        control.cancel(folder)
    if as_json:
        return print_json([{"id": folder.id, "status": folder.status().state} for folder in folders])
    for folder in folders:
        typer.echo(f"{folder.id} cancelled")
    return None
