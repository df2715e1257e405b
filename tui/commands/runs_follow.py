"""`cifar-tui runs watch`, `logs` and `wait`: follow runs while they train."""

from __future__ import annotations

import typer

from engine.contract.errors import BadInput
from engine.contract.text import clean
from tui.commands.common import Json, Ref, Refs, RunsDirs, print_json, roots


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    for name, command in (("watch", watch_run), ("logs", logs), ("wait", wait)):
        app.command(name)(command)


def watch_run(run: str = Ref, as_json: bool = Json, runs_dir: list[str] | None = RunsDirs) -> None:
    """Follow a run until it ends. Ctrl-C stops the command, not the run."""
    from engine.contract.run.event_file import encode
    from engine.contract.run.status import Status
    from engine.contract.run.store import find
    from engine.launch import watch
    from tui.commands.train import describe

    for event in watch.follow(find(roots(runs_dir), run)):
        if as_json and isinstance(event, Status):
            continue
        line = describe(event) if isinstance(event, Status) or not as_json else encode(event)
        if line:
            typer.echo(line)


def logs(
    run: str = Ref,
    lines: int = typer.Option(0, "--lines", "-n", help="Print only this many lines from the end; 0 prints all.", min=0),
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Print the log of a run.

    The log is the output of the run's processes, limited to about its last 50 MB. With -n, only its end is read.
    """
    from engine.contract.run import logfile
    from engine.contract.run.store import find

    folder = find(roots(runs_dir), run)
    if (why := logfile.unreadable(folder.log)) is not None:
        raise BadInput(f"run {folder.id}: {folder.log} cannot be read: {why}")
    found = logfile.last_lines(folder.log, lines) if lines else logfile.all_lines(folder.log)
    if as_json:
        return print_json({"id": folder.id, "log": [clean(line) for line in found]})
    for line in found:
        typer.echo(clean(line))
    return None


def wait(refs: list[str] = Refs, as_json: bool = Json, runs_dir: list[str] | None = RunsDirs) -> None:
    """Wait until runs have ended.

    The exit code is 0 if all of them finished, else the highest exit code among them.
    """
    from engine.contract.run.store import find, summarize
    from engine.launch import control
    from tui.commands.accuracy import accuracy_details
    from tui.commands.train import EXIT, final_line, result_of

    folders = [find(roots(runs_dir), ref) for ref in refs]
    results = []
    for folder in folders:
        control.wait(folder)
        results.append(result_of(folder))
        if not as_json:
            typer.echo(final_line(results[-1], accuracy_details(folder), estimated=summarize(folder).estimated))
    if as_json:
        print_json(results)
    raise SystemExit(max(EXIT.get(str(result["status"]), 1) for result in results))
