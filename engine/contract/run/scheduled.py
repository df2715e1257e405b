"""What a scheduler says about a run, as the fields of a `Status`: its job waits, or has ended without a record.

The message of an ending says what can be done: a run that was cancelled, preempted or out of time is submitted again by
`runs resume`; one that ran out of memory needs more of it, or a smaller batch.
"""

from __future__ import annotations

from typing import Any, Final

from engine.contract.clock import local_time
from engine.contract.run import squeue
from engine.contract.run.jobs import JobRecord
from engine.contract.run.squeue import SlurmJob
from engine.contract.text import one_line

RESUME: Final = "`runs resume` submits it again from its last checkpoint"
ENDINGS: Final = {
    "CANCELLED": ("stopped", "cancelled", f"its job was cancelled; {RESUME}"),
    "TIMEOUT": ("preempted", "time_limit", f"the time limit of its job was reached; {RESUME}"),
    "DEADLINE": ("preempted", "time_limit", f"the deadline of its job was reached; {RESUME}"),
    "PREEMPTED": ("preempted", "preempted", f"a job with more priority preempted it; {RESUME}"),
    "NODE_FAIL": ("lost", "node_failure", f"its node failed; {RESUME}"),
    "BOOT_FAIL": ("lost", "node_failure", f"its node did not boot; {RESUME}"),
    "OUT_OF_MEMORY": (
        "failed", "out_of_memory",
        "its job used more memory than it had asked for; resume it with more (--memory)",
    ),
    "FAILED": ("lost", "supervisor_lost", f"its job failed before it could say why, see its log; {RESUME}"),
}  # fmt: skip
"""State, reason and message by what Slurm says of a job that left no exit record.

A job that is COMPLETED has left one, which a network file system may show only a minute later.
"""
WAITING: Final = {
    "Priority": "behind jobs with more priority",
    "Resources": "no node is free",
    "Dependency": "waits for another job",
    "BeginTime": "not yet due",
    "JobHeldUser": "held; `scontrol release` lets it go",
    "JobHeldAdmin": "held by an administrator",
}
"""Slurm's common reasons in words; all others speak for themselves."""


def awaited(job: JobRecord, now: float) -> dict[str, Any]:
    """The state of a run whose job has not begun the attempt that it was submitted for."""
    if job.cancelled:
        message = f"its job was cancelled before it began; {RESUME}"
        return {"state": "stopped", "reason": "cancelled", "message": message}
    if job.launcher != "slurm":
        note = "handed over; its supervisor has not begun"
        return {"state": "queued", "phase": "queued", "note": note}
    name = f"Slurm job {one_line(job.job)}"
    word = squeue.job(job.job, job.submitted)
    if word is None:
        return {"state": "queued", "phase": "queued", "note": f"{name}; Slurm cannot be asked from here"}
    if word.state == "GONE":
        message = f"{name} is gone and never began; see its log, and {RESUME}"
        return {"state": "lost", "reason": "supervisor_lost", "message": message}
    if word.state in ENDINGS:
        state, reason, message = ENDINGS[word.state]
        return {"state": state, "reason": reason, "message": f"{name} ended before the run began: {message}"}
    if word.state == "PENDING":
        return {"state": "queued", "phase": "queued", "note": f"{name}: {_waiting(word, now)}"}
    return {"state": "starting", "message": f"{name} is {word.state.lower()} on {word.nodes or 'its node'}"}


def ended(job: JobRecord) -> dict[str, Any] | None:
    """How a job that has begun its attempt has ended, by Slurm; None while it goes on, or if that is unknown."""
    word = squeue.job(job.job, job.submitted) if job.launcher == "slurm" else None
    if word is None or word.state not in ENDINGS:
        return None
    state, reason, message = ENDINGS[word.state]
    return {"state": state, "reason": reason, "message": message}


def offer(message: str) -> str:
    """The message of a preempted run whose job was not submitted again, and what a user can do."""
    return f"{message}; {RESUME}" if message else RESUME


def at_work(job: JobRecord) -> str:
    """A remark if Slurm says that the job is running, though its supervisor is silent; "" otherwise."""
    word = squeue.job(job.job, job.submitted) if job.launcher == "slurm" else None
    going_on = word is not None and not word.ended and word.state not in ("GONE", "PENDING")
    return f"Slurm job {one_line(job.job)} is {word.state.lower()}" if word is not None and going_on else ""


def _waiting(word: SlurmJob, now: float) -> str:
    """Why a job waits, and when Slurm expects it to start."""
    reason = one_line(word.reason) or "waiting"
    text = f"{reason} ({WAITING[reason]})" if reason in WAITING else reason
    moment = local_time(word.start) if word.start > now else None
    if moment is None:
        return text
    soon = word.start - now < 86400 - 3600
    return f"{text}, expected to start {moment:%H:%M}" if soon else f"{text}, expected to start {moment:%d %b %H:%M}"
