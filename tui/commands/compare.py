"""`cifar-tui runs compare`: runs side by side, their seeds together, and the fields in which their recipes differ."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from engine.contract.errors import BadInput
from tui.commands.common import Json, Refs, RunsDirs, print_json, print_table, roots
from tui.drawing.format import delta, percent, picked, work

if TYPE_CHECKING:
    from engine.analysis.compare import Row


def compare(
    refs: list[str] = Refs,
    same_epoch: bool = typer.Option(
        False, "--same-epoch", help="Measure finished runs too at the last epoch that both have tested."
    ),
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Set runs side by side: last and best accuracy, difference to the first, and where their recipes differ.

    Two finished runs are measured at their ends, all others at the last epoch that both have tested.
    """
    from engine.analysis.compare import differences, groups, table
    from engine.analysis.standing import standing
    from engine.contract.run.fold import RunFold
    from engine.contract.run.store import find, summarize

    folders = list(dict.fromkeys(find(roots(runs_dir), ref) for ref in refs))
    if len(folders) < 2:
        same = f"; all of these are run {folders[0].id}" if len(refs) > 1 else ""
        raise BadInput(f"runs compare: name at least two runs{same}")
    standings, summaries = [], []
    for folder in folders:
        fold = RunFold(folder.events)
        row = summarize(folder, fold)
        summaries.append(row)
        stands = standing(row.id, folder.info(), fold.course)
        standings.append(dataclasses.replace(stands, name=row.name or stands.name, state=row.status))
    rows = table(standings, baseline=standings[0].id, same_epoch=same_epoch)
    told = differences([folder.look()[0] for folder in folders])
    seeds = groups(rows)
    if as_json:
        figures = [
            row.to_json()
            | {"best_on": row.best_on, "best_epoch": line.best_epoch}
            | {"against_first": line.against, "at_epoch": line.at_epoch, "at_epoch_of_first": line.base_epoch}
            for row, line in zip(summaries, rows, strict=True)
        ]
        fields = {difference.field: list(difference.values) for difference in told}
        return print_json({"runs": figures, "seeds": list(map(dataclasses.asdict, seeds)), "differences": fields})
    _print(rows)
    for group in seeds:
        spread = f"±{percent(group.last.sd)} " if group.last.n > 1 else ""
        if group.last.n > 1 or group.repeated:
            again = f"; {group.repeated}" if group.repeated else ""
            typer.echo(f"{group.name}: {percent(group.last.mean)} {spread}% (last epoch, n={group.last.n}{again})")
    if told:
        typer.echo()
        print_table(["differs", *(run.id[-4:] for run in standings)], [[row.field, *row.values] for row in told])
    return None


def _print(rows: Sequence[Row]) -> None:
    body = []
    for row in rows:
        run = row.standing
        interval = f"±{percent((row.interval.high - row.interval.low) / 2)}" if row.interval else "-"
        body.append(
            [
                run.id, run.name, str(run.seed), percent(row.last), interval, picked(row.best, run.best_on),
                f"{delta(row.against, 2)} {row.at}".strip(), work(run.seconds, run.estimated), run.state,
            ]
        )  # fmt: skip
    head = ["id", "recipe", "seed", "last", "95 % CI", "best", "Δ to first", "time", "status"]
    print_table(head, body, right=["seed", "last", "95 % CI", "best"])
    from tui.drawing.compare_table import notes

    for note in notes(rows):
        typer.echo(note)
