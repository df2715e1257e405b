"""What a batch does about a recipe and a seed, given the runs that exist already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from engine.contract.run.status import DENIED
from engine.contract.run.store import Summary

Action = Literal["start", "resume", "live", "finished", "failed", "repeat"]
"""start: there is no run yet. resume: a run ended early. live: a run is queued or training. finished, failed: a run
ended so, and is left alone. repeat: an earlier item of the batch has the same recipe and seed."""

TO_DO: Final = ("start", "resume")
RESUMABLE: Final = ("stopped", "preempted", "lost")


def by_recipe_and_seed(known: Sequence[Summary]) -> Mapping[tuple[str, int], list[Summary]]:
    """The runs that count, by the id of their recipe and their seed: a run that is left out is as good as none."""
    found: dict[tuple[str, int], list[Summary]] = {}
    for run in known:
        if run.excluded:
            continue
        found.setdefault((run.recipe_id, run.seed), []).append(run)
    return found


def furthest(runs: Sequence[Summary], root: Path) -> Summary | None:
    """The run that got furthest among runs of one recipe and seed; None where there is no run.

    Args:
        root: the folder that new runs go to; only runs in it can be resumed.
    """

    def rank(run: Summary) -> tuple[bool, bool, bool, int, float]:
        resumable = run.status in RESUMABLE and _can_resume(run, root)
        return run.status == "finished", run.live, resumable, run.epoch, run.created

    return max(runs, key=rank, default=None)


def action_for(run: Summary | None, root: Path, retry: bool) -> Action:
    """What to do, given the run that got furthest.

    Args:
        retry: resume failed runs too.
    """
    if run is None:
        return "start"
    if run.status == "finished":
        return "finished"
    if run.live:
        return "live"
    if run.status == "failed" and not retry:
        return "failed"
    return "resume" if _can_resume(run, root) else "start"


def _can_resume(run: Summary, root: Path) -> bool:
    """Whether the run is in the folder that is written to, and may be read by this user."""
    return run.reason != DENIED and Path(run.folder).parent.resolve() == root.resolve()
