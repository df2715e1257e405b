"""`cifar-tui runs compare`: runs side by side, the mean over seeds, and the fields in which their recipes differ."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from engine.contract.errors import BadInput
from tui.commands.common import Json, Refs, RunsDirs, print_json, print_table, roots
from tui.drawing.format import NONE, delta, percent, picked, work

if TYPE_CHECKING:
    from engine.analysis.compare import Comparison, Difference, Group
    from engine.analysis.standing import Standing
    from engine.contract.run.folder import RunFolder
    from engine.contract.run.summary import Summary


def compare(
    refs: list[str] = Refs,
    same_epoch: bool = typer.Option(
        False, "--same-epoch", help="Compare finished runs, too, at the last epoch that both have tested."
    ),
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Compare runs side by side.

    Shows the last and best accuracy, the difference from the first run, and the fields in which the recipes differ. Two
    finished runs are compared at their last epochs, all others at the last epoch that both have tested.
    """
    from engine.analysis.compare import differences, groups, table
    from engine.contract.run.store import find

    folders = list(dict.fromkeys(find(roots(runs_dir), ref) for ref in refs))
    if len(folders) < 2:
        same = f"; all of these are run {folders[0].id}" if len(refs) > 1 else ""
        raise BadInput(f"runs compare: name at least two runs{same}")
    summaries, standings = zip(*(_measured(folder) for folder in folders), strict=True)
    rows = table(standings, baseline=standings[0].id, same_epoch=same_epoch)
    differing = differences([folder.inspect()[0] for folder in folders])
    if as_json:
        print_json(_json(summaries, rows, groups(rows), differing))
    else:
        _print(rows, groups(rows), differing)


def _measured(folder: RunFolder) -> tuple[Summary, Standing]:
    """A run's row and its figures, from one reading of its events."""
    from engine.analysis.standing import standing
    from engine.contract.run.fold import RunFold
    from engine.contract.run.store import summarize

    fold = RunFold(folder.events)
    row = summarize(folder, fold)
    figures = standing(row.id, folder.info(), fold.course, row.excluded)
    return row, dataclasses.replace(figures, name=row.name or figures.name, state=row.status)


def _json(
    summaries: Sequence[Summary], rows: Sequence[Comparison], seeds: Sequence[Group], differing: Sequence[Difference]
) -> dict[str, object]:
    figures = [
        summary.to_json()
        | {"best_on": summary.best_on or None, "best_epoch": row.best_epoch if summary.best_on else None}
        | {"against_first": row.against, "at_epoch": row.at_epoch, "at_epoch_of_first": row.base_epoch}
        for summary, row in zip(summaries, rows, strict=True)
    ]
    fields = {difference.field: list(difference.values) for difference in differing}
    groups_json = [dataclasses.asdict(group) | {"best_on": group.best_on or None} for group in seeds]
    return {"runs": figures, "seeds": groups_json, "differences": fields}


def _print(rows: Sequence[Comparison], seeds: Sequence[Group], differing: Sequence[Difference]) -> None:
    _print_runs(rows)
    for group in seeds:
        spread = f"±{percent(group.last.sd)} " if group.last.n > 1 else ""
        if group.last.n > 1 or group.repeated or group.left_out:
            remarks = "".join(f"; {remark}" for remark in (group.repeated, group.left_out) if remark)
            mean = f"{percent(group.last.mean)} {spread}%" if group.last.n else NONE
            typer.echo(f"{group.name}: {mean} (last epoch, n={group.last.n}{remarks})")
    if differing:
        typer.echo()
        head = ["differs", *(row.standing.id[-4:] for row in rows)]
        print_table(head, [[difference.field, *difference.values] for difference in differing])


def _print_runs(rows: Sequence[Comparison]) -> None:
    from tui.drawing.compare_table import notes

    body = []
    for row in rows:
        run = row.standing
        interval = f"±{percent((row.interval.high - row.interval.low) / 2)}" if row.interval else NONE
        body.append(
            [
                run.id, run.name, str(run.seed), percent(row.last), interval, picked(row.best, run.best_on),
                f"{delta(row.against, 2)} {row.at}".strip(), work(run.seconds, run.estimated), run.state,
            ]
        )  # fmt: skip
    head = ["id", "recipe", "seed", "last", "95 % CI", "best", "Δ to first", "time", "status"]
    print_table(head, body, right=["seed", "last", "95 % CI", "best"])
    for note in notes(rows):
        typer.echo(note)
