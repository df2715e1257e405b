"""`cifar-tui runs compare`: runs side by side, their seeds together, and the fields in which their recipes differ."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import typer

from engine.contract.errors import BadInput
from tui.commands.common import Json, Refs, RunsDirs, print_json, print_table, roots
from tui.format import delta, duration, percent


def compare(refs: list[str] = Refs, as_json: bool = Json, runs_dir: list[str] | None = RunsDirs) -> None:
    """Set runs side by side: last and best accuracy, difference to the first, and where their recipes differ."""
    from engine.analysis.compare import Standing, differences, groups, table
    from engine.analysis.history import History
    from engine.contract.store import find, summarize

    folders = [find(roots(runs_dir), ref) for ref in dict.fromkeys(refs)]
    if len(folders) < 2:
        raise BadInput("runs compare: name at least two runs")
    standings, summaries = [], []
    for folder in folders:
        history, row = History(folder.events), summarize(folder)
        history.poll()
        summaries.append(row)
        standings.append(
            Standing(
                id=row.id,
                name=row.name or row.preset or row.model,
                recipe_id=row.recipe_id,
                seed=row.seed,
                epochs=row.epochs,
                epoch=history.epoch("epoch"),
                test_accuracy=history.epoch("test_accuracy"),
                seconds=row.seconds,
                test_images=history.started.test_images if history.started else 0,
                state=row.status,
            )
        )
    rows = table(standings, baseline=standings[0].id)
    told = differences([folder.recipe() for folder in folders])
    if as_json:
        figures = [
            row.to_json() | {"against_first": line.against, "at_epoch": line.at_epoch}
            for row, line in zip(summaries, rows, strict=True)
        ]
        fields = {difference.field: list(difference.values) for difference in told}
        seeds = [dataclasses.asdict(group) for group in groups(rows)]
        return print_json({"runs": figures, "seeds": seeds, "differences": fields})
    _print(rows)
    for group in groups(rows):
        if group.last.n > 1:
            typer.echo(
                f"{group.name}: {percent(group.last.mean)} ±{percent(group.last.sd)} % (last epoch, n={group.last.n})"
            )
    if told:
        typer.echo()
        print_table(["differs", *(run.id[-4:] for run in standings)], [[row.field, *row.values] for row in told])
    return None


def _print(rows: list[Any]) -> None:
    body = []
    for row in rows:
        run = row.standing
        interval = f"±{percent((row.interval.high - row.interval.low) / 2)}" if row.interval else "-"
        at = f" @ {row.at_epoch}" if row.at_epoch and not math.isnan(row.against) else ""
        body.append(
            [
                run.id, run.name, str(run.seed), percent(row.last), interval, percent(row.best),
                f"{delta(row.against, 2)}{at}", duration(run.seconds), run.state,
            ]
        )  # fmt: skip
    head = ["id", "recipe", "seed", "last", "95 % CI", "best*", "Δ to first", "time", "status"]
    print_table(head, body, right=["seed", "last", "95 % CI", "best*"])
    typer.echo("* best epoch picked on the test set")
