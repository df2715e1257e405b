"""Runs that wait in a scheduler, as rows of the queue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from engine.contract.run.jobs import JobRecord
from engine.contract.run.store import Summary
from engine.launch.queue import Ticket


def handed_over(rows: Iterable[Summary], known: Sequence[Ticket]) -> list[tuple[Ticket, str]]:
    """A ticket without a number for each queued run that a scheduler has, oldest first, and why it waits.

    Args:
        rows: the runs.
        known: the tickets of this machine: a job that has begun on it may have one.
    """
    here = {ticket.folder for ticket in known}
    found = []
    for row in rows:
        if row.status != "queued" or row.folder in here:
            continue
        job = JobRecord.read(Path(row.folder))
        if job is not None and job.is_ahead(Path(row.folder)):
            name = f"Slurm job {job.job}" if job.launcher == "slurm" else "a command"
            found.append((Ticket(0, row.id, row.folder, (name,), 1, job.submitted), row.note))
    return sorted(found, key=lambda item: item[0].since)
