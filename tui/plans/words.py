"""A batch in words, for the command line and the workbench alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tui.plans.batch import Batch, first_labels
from tui.plans.cost import Cost
from tui.plans.earlier import Action

WORDS: Final[dict[Action, str]] = {
    "start": "to start",
    "resume": "to resume",
    "live": "live",
    "finished": "finished",
    "failed": "failed (use --retry to resume)",
    "repeat": "duplicate",
}


def describe(batch: Batch, time: Cost, space: str, shrink: str = "") -> list[str]:
    """Lines of text: the number of runs and what happens to them, which are left out, the time, and duplicates.

    Recipes that were shortened to fit into few epochs have a line each.

    Args:
        space: the disk space that they take, as `cost.room` returns it.
        shrink: how the runs differ from what was asked for by name.
    """
    counts = [f"{count} {words}" for action, words in WORDS.items() if (count := batch.count(action))]
    lines = [f"{len(batch.jobs)} {'run' if len(batch.jobs) == 1 else 'runs'}: {', '.join(counts)}"]
    lines += [shrink] if shrink else []
    lines += [f"{batch.left_out}; to start anew if no other run counts"] if batch.left_out else []
    if batch.to_do:
        lines.append(f"{time}; {space}" if space else str(time))
    lines += shortened(batch)
    twins: dict[str, dict[str, None]] = {}
    for job in batch.jobs:
        if job.action == "repeat":
            twins.setdefault(job.same_as, {})[job.label] = None
    for first, others in twins.items():
        lines.append(f"{', '.join(others)} {'have' if len(others) > 1 else 'has'} the same recipe as {first}: run once")
    return lines


def shortened(batch: Batch) -> list[str]:
    """A line for each way in which recipes were shortened to fit into few epochs, with the items that it applies to."""
    found: dict[str, dict[str, None]] = {}
    for job in batch.jobs:
        if job.plan is not None and job.plan.note:
            found.setdefault(job.plan.note, {})[job.label] = None
    return [f"{', '.join(labels)}: {note}" for note, labels in found.items()]


def grouped(lines: Mapping[str, Sequence[str]]) -> list[str]:
    """Remarks on single items, each once with the labels that it applies to.

    Args:
        lines: the remarks by label.
    """
    labels: dict[str, list[str]] = {}
    for label, remarks in lines.items():
        for line in remarks:
            labels.setdefault(line, []).append(label)
    return [f"{first_labels(found)}: {line}" for line, found in labels.items()]
