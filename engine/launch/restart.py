"""Start runs that have ended again: resume one from its last checkpoint, or restart all that a reboot ended."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from engine.contract.errors import BadInput, StartFailed, user_path
from engine.contract.recipe.lenient import known_placement
from engine.contract.recipe.ranks import indivisible
from engine.contract.recipe.resolve import explain
from engine.contract.recipe.schema import Placement
from engine.contract.run import own_code
from engine.contract.run.fold import RunFold
from engine.contract.run.folder import RunFolder, RunInfo
from engine.contract.run.jobs import JobRecord
from engine.contract.run.links import refuse_links
from engine.contract.run.status import Status
from engine.contract.run.teacher import teacher_of
from engine.launch import devices, elsewhere, local
from engine.launch.control import wait_until
from engine.launch.start import check, launcher_of, start

ENDING_SECONDS: Final = 60.0  # how long a resume waits for the previous attempt; a stop has 30 s for its checkpoint


def resume(
    run: RunFolder,
    changes: Mapping[str, Any] | None = None,
    *,
    trust: bool = False,
    supervisor: Sequence[str] = local.SUPERVISOR,
    say: Callable[[str], object] = lambda text: None,
    pause: Callable[[float], object] = time.sleep,
) -> None:
    """Continue a run from its last checkpoint (from the start if it has none), as a new attempt.

    A run of a scheduler is submitted again, unless a change names another launcher. If the previous attempt is just
    ending, this waits for it. A run on another machine without an exit record is
    watched for 90 seconds first, because it may only seem to be dead.

    Args:
        changes: to the placement, for this attempt: the device, the folders, the threads.
        trust: run the code in its `parts/`, and in its teacher's, even if it belongs to another user or has changed.
        say: called with a message when this takes long.
        pause: sleeps for the given number of seconds; it may raise to give up.

    Raises:
        Untrusted: there is such code.
        BadInput: the run is active or finished, a folder in it is a link, its recipe has been changed, a newer version
            wrote it in a layout of its own, a change is invalid, or there is no such device.
        StartFailed: it could not be started.
    """
    run.refuse_imported()
    _refuse_active(run, pause)
    refuse_links(run.path)
    run.refuse_newer()
    run.refuse_newer_checkpoints()
    info = run.info()
    recipe = run.recipe()
    recipe_id = recipe.recipe_id
    if recipe_id != info.recipe_id:
        raise BadInput(
            f"run {run.id}: recipe.toml is not the recipe that the run was created with "
            f"({recipe_id[:12]}, not {info.recipe_id[:12]}); start a new run with --preset {run.recipe_toml}"
        )
    changed = _check_changes(info, changes or {})
    if problem := indivisible(recipe, int(changed.get("gpus", 1))):
        raise BadInput(problem)
    approved = own_code.approve([run, *_teachers(run)], trust)
    if launcher_of(run, changed) != "local":  # the supervisor makes sure of it when its job begins
        return start(run, placement=changed, approved=approved)
    elsewhere.ensure_dead(run, say, pause)
    return local.start(run, placement=changed, approved=approved, supervisor=supervisor)


def restart_lost(
    runs: Sequence[RunFolder],
    *,
    trust: bool = False,
    supervisor: Sequence[str] = local.SUPERVISOR,
    say: Callable[[str], object] = lambda text: None,
) -> dict[str, str]:
    """Restart, in the order they were created, those of the runs that a reboot ended.

    Args:
        say: called with a message when this takes long. The heartbeats of all runs are watched from the start, so the
            waiting time is not added up.

    Returns:
        The outcome by run id: "" for a start, else why it failed. One failure does not keep other runs from starting.
    """
    outcome = {}
    states = {run: run.status() for run in sorted(runs, key=lambda run: run.id)}
    for run, state in states.items():
        if (state.state, state.reason) == ("lost", "reboot"):
            try:
                resume(run, trust=trust, supervisor=supervisor, say=say)
                outcome[run.id] = ""
            except (BadInput, StartFailed) as error:
                outcome[run.id] = str(error)
    return outcome


def _refuse_active(run: RunFolder, pause: Callable[[float], object]) -> None:
    """BadInput if the run is active or finished; an attempt that is just ending is waited for."""
    state = run.status()
    if _is_ending(run, state):
        wait_until(lambda: not _is_ending(run, run.status()), ENDING_SECONDS, pause)
        state = run.status()
    if state.live and not _never_started(run, state):
        orphaned = "; stop or kill it first" if state.reason == "supervisor_lost" else ""
        raise BadInput(f"run {run.id} is {state.state}{orphaned}")
    if state.state == "finished":
        raise BadInput(f"run {run.id} is finished; start a new one from it with --preset run:{run.id}")


def _check_changes(info: RunInfo, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes to the placement with absolute paths. BadInput if one is invalid or there is no such device."""
    changed = dict(changes)
    if changed.get("data_dir"):
        changed["data_dir"] = str(user_path(changed["data_dir"]).absolute())  # the trainer runs in another folder
    try:
        placement = Placement.model_validate(known_placement(info.placement)[0] | changed)
    except ValidationError as error:
        raise BadInput(explain(error, Placement)) from error
    if placement.launcher == "local":
        devices.request(placement)
    else:
        check(placement)
    return changed


def _teachers(run: RunFolder) -> list[RunFolder]:
    """The run that it is distilled from, if any; a missing teacher is left for the trainer to report."""
    try:
        return [teacher_of(run)[1]] if run.info().teacher else []
    except BadInput:
        return []


def _is_ending(run: RunFolder, state: Status) -> bool:
    """Whether the run has written its closing event, or was asked to stop, but its supervisor has not exited yet."""
    if state.state == "running" and not state.reason:
        return RunFold(run.events).poll_tail().course.closing is not None
    return state.state == "stopping"


def _never_started(run: RunFolder, state: Status) -> bool:
    """Whether nothing has been started on a new folder, whose state is "starting" for a moment all the same.

    What became of a run that a command has handed over, nobody here can know: of two jobs that begin, one is refused.
    """
    job = JobRecord.read(run.path)
    if job and job.launcher == "command" and job.is_ahead(run.path):
        return True
    return state.state == "starting" and not run.proc.exists()
