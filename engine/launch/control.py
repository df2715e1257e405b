"""Stop, kill, resume and wait for runs. What is signalled is a process of known identity, never just a number.

Where no signal reaches the supervisor it is asked through the run folder: see `engine.launch.elsewhere`. What was done
is returned as words for people, "is asked to stop" for example.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from pydantic import ValidationError

from engine.contract.errors import BadInput, StartFailed, user_path
from engine.contract.recipe.lenient import known_placement
from engine.contract.recipe.resolve import explain
from engine.contract.recipe.schema import Placement
from engine.contract.run import own_code
from engine.contract.run.fold import RunFold
from engine.contract.run.folder import RunFolder
from engine.contract.run.links import refuse_links
from engine.contract.run.process import Heartbeat, Identity, ProcRecord, alive, same_machine
from engine.contract.run.status import MOVED, Status
from engine.contract.run.teacher import hired
from engine.launch import devices, elsewhere, local
from engine.launch.signals import KILL, PREEMPT, STOP

KILL_SECONDS: Final = 10.0
ENDING_SECONDS: Final = 60.0  # how long a resume waits for the attempt before it: a stop has 30 s for its checkpoint
LOOK_SECONDS: Final = 0.1


def stop(run: RunFolder, *, preempt: bool = False, supervisor: Sequence[str] = local.SUPERVISOR) -> str:
    """Ask a run to save a checkpoint and end; it may take a while: see `wait`. A queued run leaves the queue.

    A trainer that has lost its supervisor gets a new one first, so that its end is recorded.

    Raises:
        BadInput: the run is not at work, or works for another user.
        StartFailed: the new supervisor could not be started.
    """
    if _was_moved(run):
        return f"is {MOVED}"
    identity = _supervisor(run, supervisor)
    if same_machine(identity):
        _send(run, identity, PREEMPT if preempt else STOP)
        return "is asked to stop"
    _ask(run, identity, "preempt" if preempt else "stop")
    return f"is asked to stop: its supervisor on {identity.host} obeys at its next heartbeat"


def kill(run: RunFolder, *, supervisor: Sequence[str] = local.SUPERVISOR, patience: float = KILL_SECONDS) -> str:
    """End a run now, with all of its processes. What came after its last checkpoint is lost.

    A supervisor that does not obey within `patience` seconds is killed with it; the run is then listed as lost. One
    that no signal reaches can only be asked.

    Raises:
        BadInput, StartFailed: as for `stop`.
    """
    if _was_moved(run):
        return f"is {MOVED}"
    identity = _supervisor(run, supervisor)
    if not same_machine(identity):
        _ask(run, identity, "kill")
        ended = _until(lambda: not run.status().live, patience)
        return "is killed" if ended else f"is asked to end at once: {identity.host} obeys at its next heartbeat"
    _send(run, identity, KILL)
    if _until(lambda: not alive(identity, run.path), patience):
        return "is killed"
    proc = ProcRecord.read(run.proc)
    for process in (identity, proc.trainer if proc else None):
        if process is not None and alive(process, run.path):
            # it ended between the look and the act; macOS refuses a group in which only zombies are left
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)  # each leads a group of its own
    return "is killed"


def cancel(run: RunFolder) -> None:
    """Take a waiting run out of the queue; it ends as stopped.

    Raises:
        BadInput: it is not waiting.
    """
    state = run.status().state
    if state != "queued":
        raise BadInput(f"run {run.id} is not in the queue: it is {state}")
    stop(run)


def resume(
    run: RunFolder,
    changes: Mapping[str, Any] | None = None,
    *,
    trust: bool = False,
    supervisor: Sequence[str] = local.SUPERVISOR,
    say: Callable[[str], object] = lambda text: None,
    pause: Callable[[float], object] = time.sleep,
) -> None:
    """Go on with a run from its last checkpoint (from the start where it has none), as a new attempt.

    An attempt that is just ending is waited for. One on another machine that left no exit record is watched for 90
    seconds, because it may only seem to be dead.

    Args:
        changes: to the placement, for this attempt: the device, the folders, the threads.
        trust: run the code in its `parts/`, and in its teacher's, even where that is another user's or has changed.
        say: is told where this takes long.
        pause: sleeps for so many seconds while this waits; it may raise to give up.

    Raises:
        Untrusted: there is such code.
        BadInput: it is at work or finished, a folder in it is a link, its recipe is not the one it was made with, a
            newer version wrote it in a layout of its own, a change is unfit, or there is no such device.
        StartFailed: it could not be started.
    """
    state = run.status()
    if _is_ending(run, state):
        _until(lambda: not _is_ending(run, run.status()), ENDING_SECONDS, pause)
        state = run.status()
    if state.live and not _is_forgotten(run, state):
        orphaned = "; stop or kill it first" if state.reason == "supervisor_lost" else ""
        raise BadInput(f"run {run.id} is {state.state}{orphaned}")
    if state.state == "finished":
        raise BadInput(f"run {run.id} is finished; start a new one from it with --preset run:{run.id}")
    refuse_links(run.path)
    run.refuse_newer()
    run.refuse_newer_checkpoints()
    info = run.info()
    recipe_id = run.recipe().recipe_id
    if recipe_id != info.recipe_id:
        raise BadInput(
            f"run {run.id}: recipe.toml is not the recipe that the run was made with "
            f"({recipe_id[:12]}, not {info.recipe_id[:12]}); start a new run with --preset {run.recipe_toml}"
        )
    changed = dict(changes or {})
    if changed.get("data_dir"):
        changed["data_dir"] = str(user_path(changed["data_dir"]).absolute())  # the trainer works elsewhere
    try:
        placement = Placement.model_validate(known_placement(info.placement)[0] | changed)
    except ValidationError as error:
        raise BadInput(explain(error, Placement)) from error
    devices.want(placement)
    approved = own_code.approve([run, *_teachers(run)], trust)
    elsewhere.make_sure_it_is_dead(run, say, pause)
    local.start(run, placement=changed, approved=approved, supervisor=supervisor)


def _teachers(run: RunFolder) -> list[RunFolder]:
    """The run that it learns from, if any; one that is gone is told by the trainer."""
    try:
        return [hired(run)[1]] if run.info().teacher else []
    except BadInput:
        return []


def restart_lost(
    runs: Sequence[RunFolder],
    *,
    trust: bool = False,
    supervisor: Sequence[str] = local.SUPERVISOR,
    say: Callable[[str], object] = lambda text: None,
) -> dict[str, str]:
    """Start again, in the order they were made, those of the runs that a reboot ended.

    Args:
        say: is told where this takes long. The heartbeats of all runs are watched at once, from the first look on.

    Returns:
        What became of each by its id: "" for a start, else why not. One failure keeps no other run back.
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


def wait(run: RunFolder, timeout: float = float("inf")) -> Status:
    """The status once the run has ended, or after `timeout` seconds as it is then."""
    _until(lambda: not run.status().live, timeout)
    return run.status()


def _until(true: Callable[[], bool], seconds: float, pause: Callable[[float], object] = time.sleep) -> bool:
    deadline = time.monotonic() + seconds
    while not (reached := true()) and time.monotonic() < deadline:
        pause(LOOK_SECONDS)
    return reached


def _was_moved(run: RunFolder) -> bool:
    """Whether the run is ending by itself because its folder lies elsewhere now: nothing is signalled then."""
    state = run.status()
    return state.live and state.reason == "moved"


def _is_ending(run: RunFolder, state: Status) -> bool:
    """Whether the run has said its last word, or was told to, but its supervisor has not gone yet."""
    if state.state == "running" and not state.reason:
        return RunFold(run.events).poll_tail().course.closing is not None
    return state.state == "stopping"


def _is_forgotten(run: RunFolder, state: Status) -> bool:
    """A new folder without a supervisor counts as starting for a moment: for who starts it, it is not live yet."""
    return state.state == "starting" and not run.proc.exists()


def _supervisor(run: RunFolder, replacement: Sequence[str]) -> Identity:
    """The living supervisor of a run, on whichever machine; an orphaned trainer gets one."""
    proc = ProcRecord.read(run.proc)
    orphan = proc.trainer if proc and proc.trainer and same_machine(proc.trainer) else None
    if proc and orphan and not alive(proc.supervisor, run.path) and alive(orphan, run.path):
        local.start(run, adopt=True, supervisor=replacement)
        proc = ProcRecord.read(run.proc)
    state = run.status()
    if proc is None or not state.live or not alive(proc.supervisor, run.path):
        reason = f" ({state.reason})" if state.reason else ""
        raise BadInput(f"run {run.id} is not at work: it is {state.state}{reason}")
    return proc.supervisor


def _ask(run: RunFolder, identity: Identity, act: str) -> None:
    """Leave a request in the run folder. BadInput where nobody would read it."""
    beat = Heartbeat.read(run.heartbeat)
    if beat is not None and not beat.beats:  # the supervisor is of a version that does not look for requests
        raise BadInput(f"run {run.id} works on {identity.host} under an earlier version: give the command there")
    elsewhere.ask(run, act)


def _send(run: RunFolder, identity: Identity, number: signal.Signals) -> None:
    """Signal a process that is proven to be the run's; one that ends meanwhile is no error."""
    try:
        if not hasattr(os, "pidfd_open"):  # macOS: a moment remains in which the number could be used again
            if alive(identity, run.path):
                os.kill(identity.pid, number)
            return
        handle = os.pidfd_open(identity.pid)
        try:
            if alive(identity, run.path):  # asked after the handle was taken: it cannot come to mean another process
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise BadInput(f"run {run.id} belongs to another user") from error
