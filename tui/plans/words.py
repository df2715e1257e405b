"""A batch in words, for the command line and the workbench alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tui.plans.batch import Batch, Fate, named
from tui.plans.cost import Cost

WORDS: Final[dict[Fate, str]] = {
    "start": "to start",
    "resume": "to resume",
    "live": "under way",
    "finished": "finished",
    "failed": "failed (--retry resumes)",
    "repeat": "repeated",
}


def told(batch: Batch, time: Cost, space: str, departure: str = "") -> list[str]:
    """Lines: how many runs and what becomes of them, how they differ from the source's, how long, and which are one.

    A line for each kind of recipe that had to shrink to fit into few epochs is among them.

    Args:
        space: what they take on the disk, as `batch_cost.room` tells it.
        departure: how the runs differ from what was asked for by name.
    """
    counts = [f"{count} {words}" for fate, words in WORDS.items() if (count := batch.count(fate))]
    lines = [f"{len(batch.jobs)} {'run' if len(batch.jobs) == 1 else 'runs'}: {', '.join(counts)}"]
    lines += [departure] if departure else []
    if batch.to_do:
        lines.append(f"{time}; {space}" if space else str(time))
    lines += shrunk(batch)
    twins: dict[str, dict[str, None]] = {}
    for job in batch.jobs:
        if job.fate == "repeat":
            twins.setdefault(job.same_as, {})[job.label] = None
    for first, others in twins.items():
        lines.append(f"{', '.join(others)} {'are' if len(others) > 1 else 'is'} the same recipe as {first}: run once")
    return lines


def shrunk(batch: Batch) -> list[str]:
    """A line for each way in which recipes had to shrink to fit into few epochs, with the cells that it is true of."""
    found: dict[str, dict[str, None]] = {}
    for job in batch.jobs:
        if job.plan is not None and job.plan.note:
            found.setdefault(job.plan.note, {})[job.label] = None
    return [f"{', '.join(labels)}: {note}" for note, labels in found.items()]


def shared(lines: Mapping[str, Sequence[str]]) -> list[str]:
    """What is to be said of single cells, each line once with the cells that it is of."""
    cells: dict[str, list[str]] = {}
    for label, said in lines.items():
        for line in said:
            cells.setdefault(line, []).append(label)
    return [f"{named(labels)}: {line}" for line, labels in cells.items()]
