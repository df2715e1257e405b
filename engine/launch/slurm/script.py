"""The job script of a run for Slurm. A pure function from settings to text, so that `--dry-run` shows what will happen.

Slurm sends its signals to every process of a step. USR2 comes as a warning, WARNING_SECONDS before the time limit; the
supervisor takes it as a preemption. Slurm never puts a job that has ended well into its queue again, as one does that
has saved a checkpoint in time. So the supervisor submits the script again (see `engine.launch.slurm.resubmit`), and
Slurm is told not to.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.contract.recipe.schema import Placement
from engine.launch.job_script import body

WARNING_SECONDS: Final = 180
SHORTEST_WARNING: Final = 15
OPTIONS: Final = {
    "partition": "partition",
    "account": "account",
    "qos": "qos",
    "time": "time",
    "memory": "mem",
    "constraint": "constraint",
}
"""Fields of the placement, and the options of sbatch that they become."""
STEP: Final = ("srun", "--unbuffered", "--kill-on-bad-exit=1")
LAST_SECONDS: Final = 120
"""How long a task may go on after the first task of a step has ended. The supervisor needs it to submit the run again;
the tasks on other nodes end by themselves."""


@dataclass(frozen=True, slots=True)
class ScriptValues:
    """What a job script is made from, besides the placement."""

    run: Path
    """The run folder."""
    variables: Mapping[str, str]
    """The environment of the supervisor: see `engine.launch.job_script.environment`."""
    command: Sequence[str]
    """The command line of the supervisor."""


def script(job: ScriptValues, placement: Placement) -> str:
    """The script that sbatch gets for one run."""
    log = str(job.run / "log.txt").replace("%", "%%")  # sbatch takes % as the start of a pattern
    own = {
        "job-name": f"cifar-tui-{job.run.name[-4:]}",
        "comment": str(job.run),
        "output": log,
        "open-mode": "append",
    }
    tasks = {"ntasks": "1"} if placement.nodes == 1 else {**_tasks(placement), "wait": f"{LAST_SECONDS}"}
    if placement.cpus:
        tasks["cpus-per-task"] = str(placement.cpus)
    step = [*STEP, *(f"--{name}={value}" for name, value in tasks.items())]
    lines = [*_header(own, placement), f"# The job of run {job.run.name}, written by cifar-tui.", ""]
    return "\n".join(lines) + body(job.variables, placement.setup, job.command, step)


def array_script(scripts: Path, count: int, placement: Placement) -> str:
    """The script of an array whose elements are runs: element N executes the script on line N + 1 of a list.

    Args:
        scripts: the list, a file with the path of a job script in each line.
        count: how many lines it has.
    """
    own = {"job-name": "cifar-tui", "array": f"0-{count - 1}", "output": "/dev/null"}
    return "\n".join(
        [
            *_header(own, placement),
            "# Runs that were started together, written by cifar-tui.",
            f'job=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" {shlex.quote(str(scripts))})',
            'exec /bin/sh "$job" >>"${job%/*}/log.txt" 2>&1',
            "",
        ]
    )


def seconds(limit: str) -> int:
    """A time limit of Slurm in seconds, 0 for "": 90 is minutes, 1:30 minutes and seconds, 1-12 days and hours."""
    if not limit:
        return 0
    days, dash, rest = limit.rpartition("-")
    parts = [int(part) for part in rest.split(":")]
    if dash:
        hours, minutes, secs = (*parts, 0, 0)[:3]
    elif len(parts) == 3:
        hours, minutes, secs = parts
    else:
        hours, minutes, secs = 0, *(*parts, 0)[:2]
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + secs


def warning(limit: str) -> int:
    """How many seconds before the time limit Slurm warns: three minutes, or a fifth of a short limit."""
    allowed = seconds(limit)
    return min(WARNING_SECONDS, max(allowed // 5, SHORTEST_WARNING)) if allowed else WARNING_SECONDS


def _header(own: Mapping[str, str], placement: Placement) -> list[str]:
    """The first lines of a script: options of sbatch. `own`: those that differ from script to script."""
    options = {**own, "chdir": "/", **_tasks(placement), "signal": f"USR2@{warning(placement.time)}"}
    options |= {option: value for name, option in OPTIONS.items() if (value := getattr(placement, name))}
    if placement.cpus:
        options["cpus-per-task"] = str(placement.cpus)
    if placement.device not in ("cpu", "mps"):
        options["gres"] = f"gpu:{placement.gpus // placement.nodes}"  # on each node
    lines = [f"#SBATCH --{name}={_quoted(value)}" for name, value in options.items()]
    further = [f"#SBATCH {placement.sbatch}"] if placement.sbatch else []
    return ["#!/bin/sh", *lines, "#SBATCH --no-requeue", *further]


def _tasks(placement: Placement) -> dict[str, str]:
    """The options of sbatch and srun that place one task on each node."""
    nodes = str(placement.nodes)
    return {"nodes": nodes, "ntasks": nodes} | ({"ntasks-per-node": "1"} if placement.nodes > 1 else {})


def _quoted(value: str) -> str:
    """A value as sbatch reads it: it takes double quotes off, and a backslash before a character inside them."""
    if all(letter.isalnum() or letter in "/_.,:+-=@%" for letter in value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
