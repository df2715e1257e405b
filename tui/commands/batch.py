"""What `suites run` and `grid` share: how a batch is shown, asked about and started."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import typer

from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.schema import Placement
from engine.contract.run.index import Index
from engine.launch import control
from tui.commands.common import FAILED, print_json, say, width
from tui.drawing.format import NONE, percent
from tui.drawing.typeset import Column, Table, text
from tui.plans.batch import Batch, Cell, Job, alone, carry_out, prepare
from tui.plans.cost import Cost, cost, room
from tui.plans.words import shrunk, told

ASK_ABOVE: Final = 20
"""Runs that are started on a terminal without a question."""
CHANGED_ON_RESUME: Final = {
    "device": "device",
    "data_dir": "data_dir",
    "threads": "threads",
    "wait_free": "wait_free_gb",
}
"""Flags that a resumed run takes over as well, and their names in the placement."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for: cells and seeds, where, and under which words it is shown."""

    title: str
    label: str
    """Heading of the column with the cells' names, and their key in JSON."""
    cells: Sequence[Cell]
    seeds: Sequence[int]
    roots: Sequence[Path]
    parts: Catalog
    facts: Mapping[str, Any]
    """What JSON tells of the whole batch."""
    departure: str = ""
    own_parts: Sequence[str] = ()
    placed: Mapping[str, Any] = field(default_factory=dict)
    """Flags of the placement that were given."""
    notes: Callable[[], Sequence[str]] = tuple
    """Makes what is to be said of single cells before anything starts; all of them resolve by then."""
    retry: bool = False
    trust: bool = False
    """Run the code that runs bring along, whoever's it is."""
    after: str = ""
    """A command to look at the runs with, in words."""


def carry(order: Order, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Check the whole order, show it, and start what is missing. Raises BadInput, and SystemExit where one failed."""
    batch, time, space = _prepared(order)
    if as_json:
        for line in [*shrunk(batch), *order.notes()]:
            say(line)
    if dry_run:
        return _show(order, batch, time, space, as_json)
    if not as_json:
        for line in _plan(order, batch, time, space):
            say(line)
    ask = len(batch.to_do) > ASK_ABOVE and sys.stdin.isatty() and not yes
    if ask and not typer.confirm(f"start {len(batch.to_do)} runs?", err=True):
        raise SystemExit(FAILED)
    with alone(order.roots[0]):  # while the user thought, or before the lock was ours, others may have started some
        return _start(order, _prepared(order)[0], time, as_json)


def _prepared(order: Order) -> tuple[Batch, Cost, str]:
    known = Index().rows(order.roots)
    batch = prepare(
        order.cells, order.seeds, order.roots, order.parts, own_parts=order.own_parts, retry=order.retry,
        trust=order.trust, known=known,
    )  # fmt: skip
    placement = order.cells[0].draft.placement() if order.cells else Placement()
    return batch, cost(batch, known, placement), room(batch, known)


def _plan(order: Order, batch: Batch, time: Cost, space: str) -> list[str]:
    first, *rest = told(batch, time, space, order.departure)
    return [f"{order.title}: {first}", *rest, *order.notes()]


def _show(order: Order, batch: Batch, time: Cost, space: str, as_json: bool) -> None:
    """The dry run."""
    if as_json:
        return print_json(_table(order, batch, time, {}) | {"dry_run": True})
    for line in _plan(order, batch, time, space):
        typer.echo(line)
    typer.echo()
    heads = [order.label, "seeds", "model", "epochs", "state", "changes"]
    columns = [Column(head, right=head in ("seeds", "epochs"), wraps=head == "changes") for head in heads]
    seeds: dict[tuple[str, ...], list[int]] = {}
    for job in batch.jobs:
        row = job.label, job.recipe.model.name, str(job.recipe.epochs), _state(job), _changes(job)
        seeds.setdefault(row, []).append(job.seed)
    rows = [(row[0], _ranges(alike), *row[1:]) for row, alike in seeds.items()]
    return typer.echo(text(Table("", tuple(columns), tuple(rows)), width()), nl=False)


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
    """How a job differs from its preset; "" where it does not, or where another one stands for it."""
    said = job.plan.changes if job.plan else job.run.changes if job.run else ""
    return "" if said == NONE else said


def _state(job: Job) -> str:
    if job.fate == "repeat":
        return f"as {job.same_as}"
    if job.run is None or job.fate == "start":
        return "to start"
    last = f", {percent(job.run.last_accuracy)} %" if job.run.last_accuracy is not None else ""
    resumes = ", to resume" if job.fate == "resume" else ""
    return f"{job.run.id} {job.run.status}{f' ({job.run.reason})' if job.run.reason else ''}{last}{resumes}"


def _start(order: Order, batch: Batch, time: Cost, as_json: bool) -> None:
    changed = {name: order.placed[flag] for flag, name in CHANGED_ON_RESUME.items() if order.placed.get(flag)}
    became: dict[tuple[str, int], tuple[str, str]] = {}
    failures = 0
    trusting = {"resume": partial(control.resume, trust=True)} if order.trust else {}
    for done in carry_out(batch, changed, say=say, **trusting):
        failures += bool(done.error)
        became[done.job.label, done.job.seed] = done.run, done.error
        if done.error:
            say(f"error: {done.job.label} seed {done.job.seed}: {done.error}")
        elif not as_json:
            typer.echo(f"{done.run} {'resumed' if done.job.fate == 'resume' else 'started'}  {done.job.label}  "
                       f"seed {done.job.seed}")  # fmt: skip
    if as_json:
        print_json(_table(order, batch, time, became) | {"dry_run": False})
    else:
        say(f"{'they queue' if batch.to_do else 'nothing to start'}; {order.after}")
    if failures:
        raise SystemExit(FAILED)


def _table(order: Order, batch: Batch, time: Cost, became: Mapping[tuple[str, int], tuple[str, str]]) -> dict[str, Any]:
    runs = []
    for job in batch.jobs:
        run, error = became.get((job.label, job.seed), (job.run.id if job.run else "", ""))
        runs.append(
            {
                order.label: job.label,
                "seed": job.seed,
                "recipe_id": job.recipe.recipe_id,
                "changes": _changes(job),
                "action": job.fate,
                "id": run or None,
                "status": job.run.status if job.run else None,
                "same_as": job.same_as or None,
                "error": error or None,
            }
        )
    return {**order.facts, "seconds": time.total, "runs": runs}
