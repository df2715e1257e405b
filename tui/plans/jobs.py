"""The jobs of planned runs on a cluster: what a dry run shows, and arrays, which submit many runs at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from engine.contract.errors import BadInput, StartFailed
from engine.contract.recipe.schema import Placement
from engine.contract.run.folder import RunFolder
from engine.launch.slurm import submit
from tui.plans.configured import placement_of
from tui.plans.draft import Draft
from tui.plans.plan import Plan, launch

ARRAY_ABOVE: Final = 50
"""The largest number of runs that are submitted as jobs of their own."""


def script_of(draft: Draft, root: Path) -> str:
    """The script that Slurm would get for a run of this draft, in a folder that does not exist; "" for other launchers.

    Raises:
        BadInput: the placement or the user's defaults are not valid.
    """
    placement = placement_of(draft)
    if placement.launcher != "slurm":
        return ""
    return submit.text_for(root / "RUN", placement, {}, {})


def submit_arrays(
    plans: Sequence[Plan], prepared: Callable[[int], object] = lambda count: None
) -> Iterator[tuple[str, str]]:
    """Make the folders of single runs for Slurm and submit them as arrays, in pieces that the cluster takes.

    Args:
        prepared: receives how many folders have been made so far.

    Yields:
        For each plan in order, the id of its run and why it was not submitted, "" if it was. Folders of runs that were
        not submitted stay, and a repeated command resumes them.
    """
    size, done = submit.array_size(), 0
    for first in range(0, len(plans), size):
        outcomes: list[tuple[RunFolder | None, str]] = []
        for planned in plans[first : first + size]:
            outcomes.append(_prepared(planned))
            done += 1
            prepared(done)
        ready = [run for run, error in outcomes if run is not None and not error]
        refusal = _submitted(ready, plans[first].placement) if ready else ""
        for run, error in outcomes:
            yield run.id if run else "", error or refusal


def _prepared(planned: Plan) -> tuple[RunFolder | None, str]:
    """The folder of a planned run with its job script, and why that failed."""
    made: list[RunFolder] = []

    def prepare(run: RunFolder, approved: Mapping[str, str] | None = None) -> None:
        made.append(run)
        submit.prepare(run, {}, approved or {})

    try:
        launch(planned, prepare)
    except (BadInput, StartFailed) as error:
        return (made[0] if made else None), str(error)
    return made[0], ""


def _submitted(runs: Sequence[RunFolder], placement: Placement) -> str:
    """Submit runs as one array. Returns why that failed, "" if it did not."""
    try:
        submit.start_array(runs, placement)
    except (BadInput, StartFailed) as error:
        return str(error)
    return ""
