"""What `suites run` and `grid` share: showing a batch, asking about it, and starting it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import typer

from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.schema import Placement
from engine.contract.run.index import Index
from engine.launch import restart
from tui.commands.common import FAILED, print_json, say, width
from tui.commands.output import rewrite_line
from tui.drawing.format import NONE, percent
from tui.drawing.typeset import Column, Table, text
from tui.plans.batch import Batch, BatchItem, Job, alone, carry_out, prepare
from tui.plans.configured import placement_of
from tui.plans.cost import Cost, cost, room
from tui.plans.flags import FLAGS
from tui.plans.jobs import script_of
from tui.plans.words import describe, grouped, shortened

PROGRESS_CELLS: Final = 40
ASK_ABOVE: Final = 20
"""The largest number of runs that start on a terminal without confirmation."""


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """What a command asks for: items and seeds, where they run, and how the batch is shown."""

    title: str
    key: str
    """The key of an item's label in JSON output."""
    heading: str
    """The heading of the column with the labels."""
    items: Sequence[BatchItem]
    seeds: Sequence[int]
    roots: Sequence[Path]
    parts: Catalog
    facts: Mapping[str, Any]
    """What JSON output says of the whole batch."""
    shrink: str = ""
    """How the runs differ from what was asked for by name; "" where they do not."""
    own_parts: Sequence[str] = ()
    flags: Mapping[str, Any] = field(default_factory=dict)
    """The values of the command's flags, by name."""
    retry: bool = False
    trust: bool = False
    """Run the code of other runs, no matter who wrote it."""
    show_command: str = ""
    """A command that shows the runs."""


def run_batch(request: BatchRequest, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Check the whole batch, show it, and start what is missing.

    Raises:
        BadInput: before anything starts.
        SystemExit: the user declined, or a run could not be started.
    """
    batch, time, space = _prepared(request)
    resets = grouped({item.label: item.resolution.resets() for item in request.items})
    first, *rest = describe(batch, time, space, request.shrink)
    summary = [f"{request.title}: {first}", *rest, *resets]
    if as_json:
        for line in [*shortened(batch), *resets]:
            say(line)
    if dry_run:
        return _show(request, batch, time, summary, as_json)
    if not as_json:
        for line in summary:
            say(line)
    ask = len(batch.to_do) > ASK_ABOVE and sys.stdin.isatty() and not yes
    if ask and not typer.confirm(f"start {len(batch.to_do)} runs?", err=True):
        raise SystemExit(FAILED)
    with alone(request.roots[0]):  # others may have started some of the runs before the lock was ours
        return _start(request, _prepared(request)[0], time, as_json)


def _prepared(request: BatchRequest) -> tuple[Batch, Cost, str]:
    known = Index().rows(request.roots)
    batch = prepare(
        request.items, request.seeds, request.roots, request.parts, own_parts=request.own_parts, retry=request.retry,
        trust=request.trust, known=known,
    )  # fmt: skip
    placement = placement_of(request.items[0].resolution.draft) if request.items else Placement()
    return batch, cost(batch, known, placement), room(batch, known)


def _show(request: BatchRequest, batch: Batch, time: Cost, summary: Sequence[str], as_json: bool) -> None:
    """The output of a dry run."""
    if as_json:
        of_job = {"script": script} if (script := _script(request)) else {}
        return print_json(_table(request, batch, time, {}) | {"dry_run": True} | of_job)
    for line in summary:
        typer.echo(line)
    typer.echo()
    heads = [request.heading, "seeds", "model", "epochs", "state", "changes"]
    columns = [Column(head, right=head in ("seeds", "epochs"), wraps=head == "changes") for head in heads]
    seeds: dict[tuple[str, ...], list[int]] = {}
    for job in batch.jobs:
        row = job.label, job.recipe.model.name, str(job.recipe.epochs), _state(job), _changes(job)
        seeds.setdefault(row, []).append(job.seed)
    rows = [(row[0], _ranges(alike), *row[1:]) for row, alike in seeds.items()]
    typer.echo(text(Table("", tuple(columns), tuple(rows)), width()), nl=False)
    if script := _script(request):
        typer.echo(f"\nThe job script of each run, where RUN stands for its folder:\n\n{script}", nl=False)
    return None


def _script(request: BatchRequest) -> str:
    """The script that Slurm would get for a run; "" for other launchers."""
    return script_of(request.items[0].resolution.draft, request.roots[0]) if request.items else ""


def _ranges(seeds: Sequence[int]) -> str:
    """0, 1, 2, 5 -> "0-2,5"."""
    spans: list[list[int]] = []
    for seed in seeds:
        if spans and seed == spans[-1][-1] + 1:
            spans[-1] = [spans[-1][0], seed]
        else:
            spans.append([seed])
    return ",".join("-".join(map(str, span)) for span in spans)


def _changes(job: Job) -> str:
    """How a job differs from its preset; "" where it does not, or where it has no run of its own."""
    changes = job.plan.changes if job.plan else job.run.changes if job.run else ""
    return "" if changes == NONE else changes


def _state(job: Job) -> str:
    if job.action == "repeat":
        return f"same as {job.same_as}"
    if job.run is None or job.action == "start":
        return "to start"
    last = f", {percent(job.run.last_accuracy)} %" if job.run.last_accuracy is not None else ""
    resumes = ", to resume" if job.action == "resume" else ""
    return f"{job.run.id} {job.run.status}{f' ({job.run.reason})' if job.run.reason else ''}{last}{resumes}"


def _start(request: BatchRequest, batch: Batch, time: Cost, as_json: bool) -> None:
    given = request.flags
    changed = {flag.path: given[flag.name] for flag in FLAGS if flag.on_resume and given.get(flag.name)}
    outcomes: dict[tuple[str, int], tuple[str, str]] = {}
    failures = 0
    trusting = {"resume": partial(restart.resume, trust=True)} if request.trust else {}
    count = sum(job.action == "start" for job in batch.to_do)
    for done in carry_out(batch, changed, say=say, prepared=partial(_show_progress, count), **trusting):
        failures += bool(done.error)
        outcomes[done.job.label, done.job.seed] = done.run, done.error
        if done.error:
            say(f"error: {done.job.label} seed {done.job.seed}: {done.error}")
        elif not as_json:
            typer.echo(f"{done.run} {'resumed' if done.job.action == 'resume' else 'started'}  {done.job.label}  "
                       f"seed {done.job.seed}")  # fmt: skip
    if as_json:
        print_json(_table(request, batch, time, outcomes) | {"dry_run": False})
    else:
        say(f"{'queued' if batch.to_do else 'nothing to start'}; see `{request.show_command}`")
    if failures:
        raise SystemExit(FAILED)


def _show_progress(count: int, done: int) -> None:
    """How many runs of arrays have been prepared, on one line of a terminal, which is rewritten."""
    if sys.stderr.isatty():
        filled = PROGRESS_CELLS * done // count
        rewrite_line(f"[{'#' * filled}{'.' * (PROGRESS_CELLS - filled)}] {done:,} of {count:,} runs prepared")
        if done == count:
            say("")


def _table(
    request: BatchRequest, batch: Batch, time: Cost, outcomes: Mapping[tuple[str, int], tuple[str, str]]
) -> dict[str, Any]:
    runs = []
    for job in batch.jobs:
        run, error = outcomes.get((job.label, job.seed), (job.run.id if job.run else "", ""))
        runs.append(
            {
                request.key: job.label,
                "seed": job.seed,
                "recipe_id": job.recipe.recipe_id,
                "changes": _changes(job),
                "action": job.action,
                "id": run or None,
                "status": job.run.status if job.run else None,
                "same_as": job.same_as or None,
                "error": error or None,
            }
        )
    return {**request.facts, "seconds": time.total, "left_out": batch.left_out or None, "runs": runs}
