"""The rows of Results in order: pinned and live runs first, then the others, sorted or grouped by recipe."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from engine.analysis.seeds import left_out, one_a_seed, repeated
from engine.analysis.stats import spread
from engine.contract.run.store import Summary
from engine.contract.text import one_line
from tui.drawing.format import percent


@dataclass(frozen=True, slots=True)
class Sort:
    """A column to sort by, and whether its largest value comes first by default."""

    key: str
    label: str
    of: Callable[[Summary], float | str]
    falling: bool = True


def _low(value: float | None) -> float:
    """The number, or minus infinity if it is missing, so that missing numbers come last in descending order."""
    return -math.inf if value is None else value


SORTS: Final = {
    sort.key: sort
    for sort in (
        Sort("when", "start time", lambda run: run.started),
        Sort("last", "last test accuracy", lambda run: _low(run.last_accuracy)),
        Sort("best", "best accuracy", lambda run: _low(run.best_accuracy)),
        Sort("recipe", "recipe", lambda run: run.recipe_name.lower(), falling=False),
        Sort("changes", "changes", lambda run: run.changes.lower(), falling=False),
        Sort("seed", "seed", lambda run: run.seed, falling=False),
        Sort("epoch", "epochs done", lambda run: run.epoch),
        Sort("seconds", "working time", lambda run: run.seconds),
        Sort("size", "size on disk", lambda run: run.size_bytes),
    )
}


@dataclass(frozen=True, slots=True)
class ListRow:
    """One row of the list: a run, or the heading of a section."""

    run: Summary | None = None
    heading: str = ""
    right: str = ""
    """What stands at the right end of a heading: how many runs it has."""


def list_rows(
    runs: Sequence[Summary], sort: str = "when", reverse: bool = False, *, group: bool = False
) -> list[ListRow]:
    """Runs under headings, in the chosen order within each: pinned, running, waiting, finished, failed or stopped.

    Args:
        group: list the ended runs of one recipe together, headed by their mean. Groups are ordered by their first run.
    """
    chosen = SORTS[sort]
    ordered = sorted(runs, key=lambda run: run.id, reverse=True)
    ordered.sort(key=chosen.of, reverse=chosen.falling != reverse)
    sections: dict[str, list[Summary]] = {heading: [] for heading in _HEADINGS}
    recipes: dict[str, list[Summary]] = {}
    for run in ordered:
        if group and not (run.pinned or run.live):
            recipes.setdefault(run.recipe_id, []).append(run)
        else:
            sections[_section(run)].append(run)
    sections |= {group_heading(members): members for members in recipes.values()}
    return [
        row
        for heading, part in sections.items()
        if part
        for row in (ListRow(heading=heading, right=str(len(part))), *map(ListRow, part))
    ]


_HEADINGS: Final = ("pinned", "running", "waiting", "finished", "failed or stopped")


def _section(run: Summary) -> str:
    """The heading that a run stands under."""
    if run.pinned:
        return "pinned"
    if run.live:
        return "waiting" if run.status == "queued" else "running"
    return "finished" if run.status == "finished" else "failed or stopped"


def group_heading(members: Sequence[Summary]) -> str:
    """The recipe of a group of runs and their mean last accuracy: `resnet34_cutmix  96.24 ±0.11 (n=3)`.

    Only finished runs count that are not left out, each seed once. The spread is the standard deviation over seeds.
    """
    first = members[0]
    name = one_line(first.recipe_name)
    changed = f" {one_line(first.changes, 40)}" if first.changes not in ("", "-") else ""
    counting = [run for run in members if not run.excluded]
    out = left_out(run.excluded for run in members)
    done = [run for run in counting if run.status == "finished" and run.last_accuracy is not None]
    if not done:
        unfinished = f"none of {len(counting)} finished" if counting else ""
        return f"{name}{changed}  {'; '.join(filter(None, (unfinished, out)))}"
    counted, again = one_a_seed(done, _seed, lambda run: run.created)
    last = spread(run.last_accuracy for run in counted if run.last_accuracy is not None)
    sd = "" if math.isnan(last.sd) else f" ±{percent(last.sd)}"
    remarks = "".join(f"; {remark}" for remark in (repeated(again, _seed), out) if remark)
    return f"{name}{changed}  {percent(last.mean)}{sd} (n={last.n}{remarks})"


def _seed(run: Summary) -> int:
    return run.seed
