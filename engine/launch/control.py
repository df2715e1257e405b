"""Stop, kill, cancel and wait for runs. Signals go to a process of proven identity, never to a bare process id.

A supervisor that no signal reaches, or that is a step of a Slurm job (where a signal could as well be Slurm's own),
gets a request in the run folder instead: see `engine.launch.elsewhere`. The job of one that is silent is cancelled.
`stop` and `kill` return what they did as a predicate to print after the run's id, such as "was asked to stop".
"""

import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import Final

from engine.contract.errors import BadInput
from engine.contract.run.folder import RunFolder
from engine.contract.run.jobs import JobRecord
from engine.contract.run.process import Heartbeat, Identity, ProcRecord, alive, same_machine
from engine.contract.run.pulse import read_pulse
from engine.contract.run.status import MOVED, Status
from engine.launch import elsewhere, local
from engine.launch.child import kill_all
from engine.launch.signals import KILL, PREEMPT, STOP
from engine.launch.slurm import submit

KILL_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.1
SILENT_SECONDS: Final = 120.0
"""A supervisor in a job whose last heartbeat is older than this would not see a request."""


def stop(run: RunFolder, *, preempt: bool = False, supervisor: Sequence[str] = local.SUPERVISOR) -> str:
    """Ask a run to save a checkpoint and exit, without waiting for it: see `wait`. A queued run leaves the queue.

    A trainer that has lost its supervisor first gets a new one, so that its end is recorded.

    Raises:
        BadInput: the run is not active, or belongs to another user.
        StartFailed: the new supervisor could not be started.
    """
    if _was_moved(run):
        return f"is {MOVED}"
    job = _job(run)
    if job and (done := _cancel_if_silent(run, job)):
        return done
    identity = _supervisor(run, supervisor)
    if same_machine(identity) and not job:
        _send(run, identity, PREEMPT if preempt else STOP)
        return "was asked to stop"
    _ask(run, identity, "preempt" if preempt else "stop")
    return f"was asked to stop: its supervisor on {identity.host} will see the request at its next heartbeat"


def kill(run: RunFolder, *, supervisor: Sequence[str] = local.SUPERVISOR, patience: float = KILL_SECONDS) -> str:
    """End a run at once, with all of its processes. Work after its last checkpoint is lost.

    A supervisor that does not react within `patience` seconds is killed too; the run is then listed as lost. One that
    no signal reaches can only be asked.

    Raises:
        BadInput, StartFailed: as for `stop`.
    """
    if _was_moved(run):
        return f"is {MOVED}"
    job = _job(run)
    if job and (done := _cancel_if_silent(run, job)):
        return done
    identity = _supervisor(run, supervisor)
    if job or not same_machine(identity):
        _ask(run, identity, "kill")
        if wait_until(lambda: not run.status().live, patience):
            return "was killed"
        if job:
            submit.cancel(run, job)
            return f"was asked to end at once, and its Slurm job {job.job} was cancelled"
        return f"was asked to end at once: its supervisor on {identity.host} will see the request at its next heartbeat"
    _send(run, identity, KILL)
    if wait_until(lambda: not alive(identity, run.path), patience):
        return "was killed"
    proc = ProcRecord.read(run.proc)
    for process in (identity, proc.trainer if proc else None):
        if process is not None and alive(process, run.path):
            kill_all(process.pid)  # each leads a process group of its own
    return "was killed"


def cancel(run: RunFolder) -> None:
    """Take a waiting run out of the queue; it ends as stopped.

    Raises:
        BadInput: it is not waiting.
    """
    state = run.status().state
    if state != "queued":
        raise BadInput(f"run {run.id} is not in the queue: it is {state}")
    stop(run)


def wait(run: RunFolder, timeout: float = float("inf")) -> Status:
    """The status once the run has ended, or its status after `timeout` seconds if it has not."""
    wait_until(lambda: not run.status().live, timeout)
    return run.status()


def wait_until(condition: Callable[[], bool], seconds: float, pause: Callable[[float], object] = time.sleep) -> bool:
    """Poll a condition until it holds or `seconds` have passed; whether it holds.

    Args:
        pause: sleeps for the given number of seconds; it may raise to give up.
    """
    deadline = time.monotonic() + seconds
    while not (reached := condition()) and time.monotonic() < deadline:
        pause(POLL_SECONDS)
    return reached


def _job(run: RunFolder) -> JobRecord | None:
    """The job of a run that Slurm has started or is to start; None for any other run."""
    job = JobRecord.read(run.path)
    return job if job and job.launcher == "slurm" and job.is_current(run.path) else None


def _cancel_if_silent(run: RunFolder, job: JobRecord) -> str:
    """Cancel the job of a run that has no supervisor who could be asked: it waits, or is silent.

    Returns:
        What was done; "" if the supervisor can be asked, or the run is not active.
    """
    state = run.status()
    if not state.live:
        return ""
    if not job.is_ahead(run.path):
        silent = state.beat and time.time() - state.beat > SILENT_SECONDS
        if not silent or _seen_to_beat(run):
            return ""
    submit.cancel(run, job)
    return (
        f"was taken out of Slurm's queue (job {job.job})"
        if state.state == "queued"
        else (f"was ended with scancel (job {job.job}), since its supervisor is silent")
    )


def _seen_to_beat(run: RunFolder) -> bool:
    """Whether this process has seen the heartbeat advance of late: then the clocks differ."""
    pulse = read_pulse(run.path)
    return pulse.seen_to_beat and pulse.still < SILENT_SECONDS


def _was_moved(run: RunFolder) -> bool:
    """Whether the run is ending by itself because its folder has been moved: no signal is needed then."""
    state = run.status()
    return state.live and state.reason == "moved"


def _supervisor(run: RunFolder, replacement: Sequence[str]) -> Identity:
    """The living supervisor of a run, on whichever machine; an orphaned trainer gets one first."""
    proc = ProcRecord.read(run.proc)
    orphan = proc.trainer if proc and proc.trainer and same_machine(proc.trainer) else None
    if proc and orphan and not alive(proc.supervisor, run.path) and alive(orphan, run.path):
        local.start(run, adopt=True, supervisor=replacement)
        proc = ProcRecord.read(run.proc)
    state = run.status()
    if state.state == "queued" and (job := JobRecord.read(run.path)) and job.is_ahead(run.path):
        raise BadInput(f"run {run.id} has not begun; cancel it where its command has submitted it")
    if proc is None or not state.live or not alive(proc.supervisor, run.path):
        reason = f" ({state.reason})" if state.reason else ""
        raise BadInput(f"run {run.id} is not active: it is {state.state}{reason}")
    return proc.supervisor


def _ask(run: RunFolder, identity: Identity, action: str) -> None:
    """Leave a request in the run folder. BadInput if nobody would read it."""
    beat = Heartbeat.read(run.heartbeat)
    if beat is not None and not beat.beats:  # a supervisor of a version that does not look for requests
        raise BadInput(
            f"run {run.id} runs on {identity.host} under an earlier version, which reads no requests: "
            "give the command on that machine"
        )
    elsewhere.ask(run, action)


def _send(run: RunFolder, identity: Identity, number: signal.Signals) -> None:
    """Signal a process that is proven to belong to the run; one that ends meanwhile is not an error."""
    try:
        if not hasattr(os, "pidfd_open"):  # macOS: for a moment the process id could be reused
            if alive(identity, run.path):
                os.kill(identity.pid, number)
            return
        handle = os.pidfd_open(identity.pid)
        try:
            if alive(identity, run.path):  # checked after opening the handle, which cannot refer to another process
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise BadInput(f"run {run.id} belongs to another user") from error
