"""Start a run by the launcher that its placement names: on this machine, by Slurm, or by a command of the user's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.contract.errors import BadInput
from engine.contract.recipe.ranks import not_on_nodes
from engine.contract.recipe.schema import Placement
from engine.contract.run.folder import RunFolder
from engine.launch import handover, local
from engine.launch.slurm import submit


def start(
    run: RunFolder, *, placement: Mapping[str, Any] | None = None, approved: Mapping[str, str] | None = None
) -> None:
    """Start a run, or hand it over to a scheduler, where it may wait.

    Args:
        placement: changes to the placement in `run.json`.
        approved: code that the user trusts, as returned by `own_code.approve`.

    Raises:
        StartFailed: it could not be started, or the scheduler has refused it.
        BadInput: `run.json` is damaged, or another process is active on the run.
    """
    match launcher_of(run, placement or {}):
        case "slurm":
            submit.start(run, placement=placement, approved=approved)
        case "command":
            handover.start(run, placement=placement, approved=approved)
        case _:
            local.start(run, placement=placement, approved=approved)


def launcher_of(run: RunFolder, changes: Mapping[str, Any]) -> str:
    """What starts a run: local, slurm or command. BadInput if `run.json` is damaged."""
    return str(changes.get("launcher") or run.info().placement.get("launcher", "local"))


def check(placement: Placement) -> None:
    """Refuse settings with which the launcher could start no run, before anything is written. Raises BadInput."""
    if problem := not_on_nodes(placement):
        raise BadInput(problem)
    if placement.launcher == "slurm":
        submit.check(placement)
    elif placement.launcher == "command":
        handover.check(placement)
