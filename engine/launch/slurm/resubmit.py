"""What a supervisor inside a job asks of Slurm at its end: why the attempt ended, and to run the job again.

Only the ending supervisor submits a run again, after it has written `exit.json`, so that no two jobs do the same work.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from engine.contract.errors import StartFailed
from engine.contract.run.folder import RunFolder
from engine.contract.run.jobs import SCRIPT, JobRecord, last_attempt
from engine.launch.reasons import Ending
from engine.launch.slurm.submit import own_line, run_slurm, sbatch

AGAIN: Final = ("time_limit", "preempted")
"""The reasons for which a job is submitted again."""
NAMES: Final = {
    "time_limit": "the time limit of its job was near",
    "preempted": "a job with more priority preempted it",
}


def why_ended(ending: Ending, requested: str) -> Ending:
    """The ending of an attempt with Slurm's reason, if Slurm has one.

    A node failure, `scancel`, a preemption and a time limit all send SIGTERM. A preempted job has a time of its
    preemption; the warning before a time limit comes as USR2. Of a run on several nodes, the ranks may find out that
    one has failed before Slurm does.

    Args:
        requested: what the first signal meant, "stopped" or "preempted"; "" if the attempt was not ended by a signal.
    """
    lost = ending.state == "failed" and ending.reason in ("killed", "hung")
    if (lost or requested) and ending.state != "finished" and (nodes := failed_nodes(silent=lost)):
        return replace(ending, state="lost", reason="node_failure", message=f"{_failed(nodes)}; {ending.message}")
    if not requested or ending.state not in ("stopped", "preempted"):
        return ending
    warned = requested == "preempted"
    by_priority = preempted()
    if warned or by_priority:
        reason = "preempted" if by_priority else "time_limit"
        return replace(ending, state="preempted", reason=reason, message=f"{NAMES[reason]}; {ending.message}")
    return replace(ending, reason="cancelled", message=f"its Slurm job was cancelled; {ending.message}")


def failed_nodes(*, silent: bool) -> list[str]:
    """The nodes of the job of this process that are down, by their names; none if Slurm does not answer.

    Args:
        silent: include those that do not respond, which Slurm has not set down yet.
    """
    shown = run_slurm(["sinfo", "-h", "-N", "-n", os.environ.get("SLURM_JOB_NODELIST", ""), "-o", "%N %T"]).stdout
    states = dict(line.split() for line in shown.splitlines() if len(line.split()) == 2)  # a line for each partition
    return [name for name, state in states.items() if state.startswith("down") or (silent and state.endswith("*"))]


def _failed(nodes: Sequence[str]) -> str:
    return f"node {nodes[0]} failed" if len(nodes) == 1 else f"nodes {', '.join(nodes)} failed"


def preempted() -> bool:
    """Whether Slurm has preempted the job of this process; False if it does not answer."""
    shown = run_slurm(["scontrol", "show", "job", "-o", os.environ.get("SLURM_JOB_ID", "")]).stdout
    found = re.search(r"\bPreemptTime=(\S+)", shown)
    return found is not None and found[1] not in ("None", "N/A", "Unknown")


def submit_again(run: RunFolder, ending: Ending, most: int, say: Callable[[str], object]) -> None:
    """Submit the job script of a run again if Slurm has ended the attempt, at most `most` times.

    Where a node may not submit, the job itself is put back into the queue. Where that is refused too, the run stays
    preempted, and a user may resume it.

    Args:
        say: receives what was done, or why nothing was.
    """
    job = JobRecord.read(run.path)
    if ending.state != "preempted" or ending.reason not in AGAIN or job is None or job.launcher != "slurm":
        return
    if job.resubmitted >= most:
        say(f"not submitted again: {job.resubmitted} times are allowed (--resubmit)")
        return
    following = replace(job, attempt=last_attempt(run.path) + 1, resubmitted=job.resubmitted + 1, cancelled=False)
    following.write(run.path)  # counted first: a job that cannot count must not go on for ever
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SRUN_"))}
    environment |= {name: value for name, value in os.environ.items() if name == "SLURM_CONF"}
    environment.pop("CUDA_VISIBLE_DEVICES", None)
    try:
        number, cluster = sbatch(run.path / SCRIPT, f"run {run.id}", environment)
        replace(following, job=number, cluster=cluster, submitted=time.time()).write(run.path)
        say(f"submitted again as job {number} ({following.resubmitted} of {most})")
    except StartFailed as refusal:
        say(str(refusal))
        if problem := _requeue():
            job.write(run.path)
            say(f"job {job.job} could not be put back into the queue: {problem}")
        else:
            say(f"job {job.job} is back in the queue ({following.resubmitted} of {most})")


def _requeue() -> str:
    """Let Slurm put the job of this process back into its queue. Returns Slurm's refusal, "" if it has none."""
    number = os.environ.get("SLURM_JOB_ID", "")
    with _terminate_ignored():
        for command in (["update", f"JobId={number}", "Requeue=1"], ["requeue", number]):
            done = run_slurm(["scontrol", *command])
            if done.returncode:
                return own_line(done)
    return ""


@contextmanager
def _terminate_ignored() -> Iterator[None]:
    """Within the block, this process and the commands that it starts ignore SIGTERM.

    Slurm sends it to every process of a job that goes back into the queue, and thus to the very command that has put it
    there, which would then seem to have failed.
    """
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
