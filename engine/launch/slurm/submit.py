"""Submit runs to Slurm with `sbatch`, cancel their jobs, and ask what the cluster allows."""

from __future__ import annotations

import functools
import os
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from engine.contract.errors import BadInput, StartFailed
from engine.contract.files import make_folder, write_atomic
from engine.contract.recipe.lenient import known_placement
from engine.contract.recipe.schema import Placement
from engine.contract.run import squeue
from engine.contract.run.folder import RunFolder
from engine.contract.run.jobs import JobRecord, last_attempt
from engine.launch import job_script
from engine.launch.slurm.script import ScriptValues, array_script, script

PATIENCE: Final = 60.0
"""Seconds that a command of Slurm may take."""
JOBS: Final = ".jobs"
"""The folder for scripts of arrays, in the runs folder."""
GRACE_MARGIN: Final = 5.0
"""Seconds between the end of a trainer's grace period and Slurm's SIGKILL, for the exit record."""
ARRAY_SIZE: Final = 1000
"""The most runs in one array, if the cluster does not say otherwise."""


def start(
    run: RunFolder, *, placement: Mapping[str, Any] | None = None, approved: Mapping[str, str] | None = None
) -> None:
    """Submit a run as a job of its own. It returns once Slurm has accepted the job, which may wait for days.

    Args:
        placement: changes to the placement in `run.json`.
        approved: code that the user trusts, as returned by `own_code.approve`.

    Raises:
        StartFailed: Slurm has refused it, in Slurm's words, or cannot be reached.
        BadInput: another process has just submitted the run, or is active on it.
    """
    with run.hold():  # two users of one machine who resume a run at once
        _refuse_awaited(run)
        path = prepare(run, placement or {}, approved or {})
        number, cluster = sbatch(path, run.id)
        record(run, number, cluster)
    squeue.forget()


def prepare(run: RunFolder, changes: Mapping[str, Any], approved: Mapping[str, str]) -> Path:
    """Write the job script of a run into its folder. StartFailed if that fails."""
    placement = Placement.model_validate(known_placement(run.info().placement)[0] | dict(changes))
    try:
        return job_script.store(run, text_for(run.path, placement, changes, approved))
    except OSError as error:
        raise StartFailed(f"run {run.id} could not be started: {error.strerror} ({run.path})") from error


def text_for(run: Path, placement: Placement, changes: Mapping[str, Any], approved: Mapping[str, str]) -> str:
    """The job script of a run, whose folder need not exist."""
    variables = {"CIFAR_TUI_GRACE": f"{grace_seconds():g}"} | job_script.environment(approved)
    if placement.cpus and not placement.threads:  # without a control group, a job sees all cores of its node
        changes = {**changes, "threads": max(placement.cpus * placement.nodes // placement.gpus, 1)}  # of each rank
    return script(ScriptValues(run, variables, job_script.supervise(run, changes, "--slurm")), placement)


def start_array(runs: Sequence[RunFolder], placement: Placement) -> None:
    """Submit runs whose job scripts are written as the elements of one array.

    Args:
        placement: of all of these runs.

    Raises:
        StartFailed: Slurm has refused it; no run was submitted.
        BadInput: the runs folder cannot be written.
    """
    folder = runs[0].path.parent / JOBS
    name = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"
    try:
        make_folder(folder, exist_ok=True)
        scripts = folder / f"{name}.txt"
        write_atomic(scripts, "".join(f"{run.path / 'job.sh'}\n" for run in runs).encode())
        path = folder / f"{name}.sh"
        write_atomic(path, array_script(scripts, len(runs), placement).encode())
    except OSError as error:
        raise BadInput(f"cannot write {folder}: {error.strerror}") from error
    number, cluster = sbatch(path, f"an array of {len(runs)} runs")
    for index, run in enumerate(runs):
        record(run, f"{number}_{index}", cluster)
    squeue.forget()


def sbatch(path: Path, what: str, environment: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Submit a script and return the id of its job, and the cluster if Slurm names one.

    Raises:
        StartFailed: Slurm has refused it, with Slurm's own line.
    """
    done = run_slurm(["sbatch", "--parsable", str(path)], environment)
    number, _, cluster = done.stdout.strip().partition(";")
    if done.returncode or not re.fullmatch(r"\d+", number):
        raise StartFailed(f"{what} could not be submitted: {own_line(done)}")
    return number, cluster


def record(run: RunFolder, number: str, cluster: str) -> None:
    """Write down which job is to carry out the next attempt of a run."""
    attempt = last_attempt(run.path) + 1
    JobRecord("slurm", number, cluster, attempt, submitted=time.time()).write(run.path)


def cancel(run: RunFolder, job: JobRecord) -> None:
    """Cancel the job of a run with `scancel`: Slurm ends what is running after its own grace period.

    Raises:
        BadInput: Slurm refuses, or this machine has none.
    """
    done = run_slurm(["scancel", job.job])
    if done.returncode:
        raise BadInput(f"run {run.id}: {own_line(done)}")
    if job.is_ahead(run.path):
        replace(job, cancelled=True).write(run.path)
    squeue.forget()


def problem() -> str:
    """Why Slurm cannot be used on this machine; "" if it answers."""
    done = run_slurm(["sinfo", "-h", "-o", "%P"])
    return "" if done.returncode == 0 else f"--launcher slurm: {own_line(done)}"


def check(placement: Placement) -> None:
    """Let Slurm judge the settings of a job before anything is written.

    Raises:
        BadInput: Slurm does not answer, or would refuse such a job; with its own line.
    """
    if refusal := _refusal(text_for(Path("/run"), placement, {}, {})):
        raise BadInput(refusal)


@functools.lru_cache(maxsize=64)
def _refusal(text: str) -> str:
    """What Slurm has against a script. Kept for the life of the process: ten thousand runs have the same settings."""
    if unusable := problem():
        return unusable
    done = run_slurm(["sbatch", "--test-only", "/dev/stdin"], text=text)
    return f"--launcher slurm: {own_line(done)}" if done.returncode else ""


@functools.cache
def limits() -> dict[str, int]:
    """Whole numbers of the cluster's configuration, such as KillWait; none if Slurm does not answer."""
    found = re.findall(r"^(\w+)\s*= (\d+)(?: sec)?\s*$", run_slurm(["scontrol", "show", "config"]).stdout, re.MULTILINE)
    return {name: int(value) for name, value in found}


def grace_seconds() -> float:
    """Seconds that a trainer has to stop: five less than from Slurm's SIGTERM to its SIGKILL (30 s by default)."""
    return max(limits().get("KillWait", 30) - GRACE_MARGIN, 1.0)


def array_size() -> int:
    """The most elements that an array of this cluster may have, up to a thousand."""
    return max(min(limits().get("MaxArraySize", ARRAY_SIZE + 1) - 1, ARRAY_SIZE), 1)


def run_slurm(
    command: Sequence[str], environment: Mapping[str, str] | None = None, text: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run one of Slurm's commands. Never raises: a command that is missing or does not answer fails with a message."""
    program = shutil.which(command[0], path=environment.get("PATH") if environment else None)
    if program is None:
        return subprocess.CompletedProcess(command, 127, "", f"this machine has no {command[0]}")
    try:
        return subprocess.run(
            [program, *command[1:]], input=text, capture_output=True, text=True, timeout=PATIENCE, check=False,
            env=dict(environment or os.environ),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"{command[0]} did not answer within {PATIENCE:g} s")
    except (OSError, UnicodeDecodeError) as error:
        return subprocess.CompletedProcess(command, 126, "", f"{command[0]}: {error}")


def own_line(done: subprocess.CompletedProcess[str]) -> str:
    """The last line that a command of Slurm has written to stderr, without the name of the program."""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return re.sub(r"^\w+: (error: )?", "", lines[-1]) if lines else f"exit code {done.returncode}"


def _refuse_awaited(run: RunFolder) -> None:
    """BadInput if a job of the run waits in Slurm: it was submitted while this process checked the run."""
    job = JobRecord.read(run.path)
    if job and job.launcher == "slurm" and job.is_ahead(run.path) and run.status().live:
        raise BadInput(f"run {run.id} waits in Slurm as job {job.job}")
