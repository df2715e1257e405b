"""`cifar-tui runs stop`, `kill`, `resume` and `seeds`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tui.commands.common import DryRun, Json, Ref, Refs, RunsDirs, TrustParts, Yes, print_json, roots, say

if TYPE_CHECKING:
    from engine.contract.run.folder import RunFolder


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    for command in (stop, kill, resume, seeds):
        app.command(command.__name__)(command)


def own_runs(refs: Sequence[str], runs_dir: list[str] | None) -> list[RunFolder]:
    """The runs that `refs` name.

    Raises:
        BadInput: a run is not found, or lies in a runs folder that is read-only.
    """
    from engine.contract.run.roots import check_writable
    from engine.contract.run.store import find

    places = roots(runs_dir)
    folders = [find(places, ref) for ref in refs]
    for folder in folders:
        check_writable(folder.path, places)
    return folders


def _report(done: Mapping[RunFolder, str], as_json: bool) -> None:
    """Print what was done to each run, or its status as JSON."""
    if as_json:
        print_json([{"id": folder.id, "status": folder.status().state} for folder in done])
        return
    for folder, words in done.items():
        typer.echo(f"{folder.id} {words}")


def stop(refs: list[str] = Refs, as_json: bool = Json, runs_dir: list[str] | None = RunsDirs) -> None:
    """Stop runs and save a checkpoint to resume from.

    A run stops after the step that it is training.
    """
    from engine.launch import control

    _report({folder: control.stop(folder) for folder in own_runs(refs, runs_dir)}, as_json)


def seeds(
    ref: str = Ref,
    number: int = typer.Option(0, "--to", help="Seeds in all; by default what the spread of the recipe asks for."),
    dry_run: bool = DryRun,
    trust_parts: bool = TrustParts,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Queue a fixed number of seeds of a run's recipe, and store it as a plan.

    Until all of them have finished, verdicts on the recipe say that they are interim.
    """
    from engine.contract.run.index import Index
    from tui.commands.common import FAILED
    from tui.plans.batch import alone, carry_out
    from tui.plans.seeds import plan_more, seeds_wanted
    from tui.settings import SMALLEST, settings_of

    (run,), places = own_runs([ref], runs_dir), roots(runs_dir)
    rows = Index().rows(places)
    least = (settings_of({}).smallest or SMALLEST) / 100
    wanted = number or seeds_wanted(run.info().recipe_id, rows, least)
    plan = plan_more(run, wanted, rows, places, trust=trust_parts)
    for line in (f"{len(plan.seeds)} seeds in all", *plan.lines):
        say(line)
    if dry_run:
        return
    failed = False
    with alone(places[0]):
        plan.store(places[0])
        for done in carry_out(plan.batch, {}, say=say):
            failed = failed or bool(done.error)
            if done.error:
                say(f"error: seed {done.job.seed}: {done.error}")
            else:
                typer.echo(f"{done.run} started  seed {done.job.seed}")
    if failed:
        raise SystemExit(FAILED)


def kill(refs: list[str] = Refs, yes: bool = Yes, as_json: bool = Json, runs_dir: list[str] | None = RunsDirs) -> None:
    """Kill runs without saving a checkpoint.

    Progress since the last checkpoint is lost.
    """
    from engine.launch import control

    folders = own_runs(refs, runs_dir)
    names = ", ".join(folder.id for folder in folders)
    if not yes and not typer.confirm(f"kill {names} without saving a checkpoint?", err=True):
        raise SystemExit(1)
    _report({folder: control.kill(folder) for folder in folders}, as_json)


def resume(
    refs: list[str] = Refs,
    device: str = typer.Option("", help="Continue on another device, such as cpu or cuda:1.", metavar="DEVICE"),
    gpus: int = typer.Option(0, help="Continue on another number of GPUs.", metavar="N", show_default=False),
    nodes: int = typer.Option(0, help="Slurm: another number of nodes.", metavar="N", show_default=False),
    launcher: str = typer.Option("", help="Continue with another launcher: local, slurm, or command.", metavar="L"),
    time: str = typer.Option("", help="Slurm: another time limit, such as 8:00:00.", metavar="T"),
    memory: str = typer.Option("", help="Slurm: another amount of memory, such as 32G.", metavar="M"),
    trust_parts: bool = TrustParts,
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Resume runs from their last checkpoint.

    Stopped, failed and lost runs can be resumed. A run of Slurm is submitted again. `runs resume @lost` restarts all
    runs that ended with a reboot, in the order in which they were created.
    """
    from tui.commands.trust import agreed

    if refs == ["@lost"]:
        return _restart_lost(trust_parts, as_json, runs_dir)
    folders = own_runs(refs, runs_dir)
    given = {"device": device, "gpus": gpus, "nodes": nodes, "launcher": launcher, "time": time, "memory": memory}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value}
    for folder in folders:
        agreed(partial(_resume, folder, changes), trust_parts)
    return _report(dict.fromkeys(folders, "resumed"), as_json)


def _resume(folder: RunFolder, changes: Mapping[str, Any], trust: bool) -> None:
    from engine.launch import restart

    restart.resume(folder, changes, trust=trust, say=say)


def _restart_lost(trust: bool, as_json: bool, runs_dir: list[str] | None) -> None:
    from engine.contract.run.folder import RunFolder
    from engine.contract.run.index import Index
    from engine.contract.run.status import LAST_SEEN
    from engine.launch import restart

    places = roots(runs_dir)
    rows = Index().rows(places[:1])
    gone = [RunFolder(Path(row.folder)) for row in rows if row.status == "lost"]
    outcome = restart.restart_lost(gone, trust=trust, say=say)
    if as_json:
        return print_json([{"id": run, "error": why} for run, why in outcome.items()])
    for run, why in outcome.items():
        typer.echo(f"{run} {why or 'resumed'}")
    if doubtful := [row.id for row in rows if row.live and row.message.startswith(LAST_SEEN)]:
        say(f"{', '.join(doubtful)}: alive less than two minutes ago, maybe on another machine; retry in two minutes")
    elif not outcome:
        typer.echo("no run ended with a reboot")
    return None
