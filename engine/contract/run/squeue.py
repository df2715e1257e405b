"""What Slurm says about the user's jobs, asked for at most once in 15 seconds by all programs of a host together.

The answer of `squeue` lies in one file of the local cache folder. It needs no accounting: jobs that have ended stay in
Slurm's list for some minutes (MinJobAge), and the cache remembers how they ended for much longer.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import platformdirs

from engine.contract.files import PRIVATE, read_file, write_atomic
from engine.contract.lines import open_regular
from engine.contract.run.process import host_name
from engine.contract.values import encode_table, parse

POLL_SECONDS: Final = 15.0
PATIENCE: Final = 10.0
"""Seconds that Slurm has to answer."""
REMEMBERED_SECONDS: Final = 30 * 86400.0
"""How long the cache keeps how a job ended."""
MOST_BYTES: Final = 64 << 20
FORMAT: Final = "%i|%T|%r|%M|%l|%N|%S|%V|%k"
COMMAND: Final = ("squeue", "-h", "-r", "-t", "all", "-o", FORMAT)
ENDED: Final = (
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SlurmJob:
    """One job as Slurm lists it."""

    state: str
    """PENDING, RUNNING, CANCELLED and so on, as in squeue(1); GONE if Slurm no longer knows the job."""
    reason: str = ""
    """Why it waits, in Slurm's word; "" if it does not say."""
    nodes: str = ""
    start: float = 0.0
    """When it started or is expected to, in seconds since 1970; 0 if unknown."""

    @property
    def ended(self) -> bool:
        return self.state in ENDED


@dataclass(slots=True)
class Answer:
    """All jobs of the user, and when that was asked. `error`: why Slurm could not be asked, "" if it could."""

    t: float = 0.0
    error: str = ""
    jobs: dict[str, SlurmJob] = field(default_factory=dict)
    ended: dict[str, tuple[float, SlurmJob]] = field(default_factory=dict)
    """How earlier jobs ended, and when that was seen."""


_last: dict[Path, tuple[tuple[int, int], Answer]] = {}
"""The cache file as this process read it last, with its time stamp and size: it has ten thousand jobs at times."""


def job(number: str, submitted: float, path: Path | None = None) -> SlurmJob | None:
    """What Slurm says about a job; None if that is unknown, since Slurm cannot be asked from here. Never raises.

    Args:
        number: its id, as `sbatch` gave it out.
        submitted: when it was submitted, in seconds since 1970: an older answer cannot know it.
        path: the cache file, for tests.
    """
    answer = jobs(path)
    if found := answer.jobs.get(number):
        return found
    if number in answer.ended:
        return answer.ended[number][1]
    return SlurmJob("GONE") if not answer.error and answer.t > submitted + POLL_SECONDS else None


def jobs(path: Path | None = None) -> Answer:
    """The latest answer of Slurm, asked for again if it is older than 15 seconds. Never raises."""
    path = path or cache_file()
    answer = _read(path)
    if abs(time.time() - answer.t) < POLL_SECONDS:
        return answer
    with contextlib.suppress(OSError), _asking(path) as allowed:
        if allowed and abs(time.time() - (answer := _read(path)).t) >= POLL_SECONDS:
            answer = _ask(answer)
            write_atomic(path, _encoded(answer), durable=False)
    return answer


def forget(path: Path | None = None) -> None:
    """Let the next call ask Slurm, after a job has been submitted or cancelled. Never raises."""
    path = path or cache_file()
    with contextlib.suppress(OSError):
        answer = _read(path)
        if answer.t:
            answer.t = 0.0
            write_atomic(path, _encoded(answer), durable=False)


def cache_file() -> Path:
    """In the cache folder, which hosts may share: so it has the name of this one."""
    return platformdirs.user_cache_path("cifar-tui") / f"squeue-{host_name()}.json"


def read_lines(text: str) -> dict[str, SlurmJob]:
    """The jobs in an output of `squeue` with `FORMAT`, by id; lines of another shape are skipped."""
    found = {}
    for line in text.splitlines():
        words = line.split("|", 8)
        if len(words) == 9:
            number, state, reason, _, _, nodes, start = words[:7]
            found[number] = SlurmJob(state, "" if reason == "None" else reason, nodes, _moment(start))
    return found


def _moment(text: str) -> float:
    """Slurm's local time, such as 2026-11-28T05:08:31, in seconds since 1970; 0 for N/A."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0


def _ask(before: Answer) -> Answer:
    """A new answer, which remembers how the jobs of the last one ended."""
    now = time.time()
    text, error = _squeue()
    if error:
        return Answer(now, error, before.jobs, before.ended)
    found = read_lines(text)
    ended = {number: item for number, item in before.ended.items() if now - item[0] < REMEMBERED_SECONDS}
    ended |= {number: (now, job) for number, job in found.items() if job.ended}
    return Answer(now, "", {number: job for number, job in found.items() if not job.ended}, ended)


def _squeue() -> tuple[str, str]:
    """The output of squeue, and an error message: one of them is empty."""
    program = shutil.which(COMMAND[0])
    if program is None:
        return "", "this machine has no squeue"
    environment = {key: value for key, value in os.environ.items() if key != "SLURM_TIME_FORMAT"}
    command = [program, *COMMAND[1:], "-u", str(os.getuid())]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=environment, check=False)
    except subprocess.TimeoutExpired:
        return "", f"squeue did not answer within {PATIENCE:g} s"
    except (OSError, UnicodeDecodeError) as error:
        return "", f"squeue: {error}"
    return (done.stdout, "") if done.returncode == 0 else ("", done.stderr.strip() or f"squeue: {done.returncode}")


@contextlib.contextmanager
def _asking(path: Path) -> Iterator[bool]:
    """Whether this process is the one that asks Slurm: another one may be asking just now. OSError without a folder."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = open_regular(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o666 & ~PRIVATE)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(fd)


def _encoded(answer: Answer) -> bytes:
    return encode_table(
        {
            "t": answer.t,
            "error": answer.error,
            "jobs": {number: _row(job) for number, job in answer.jobs.items()},
            "ended": {number: [seen, *_row(job)] for number, (seen, job) in answer.ended.items()},
        }
    )


def _row(job: SlurmJob) -> list[Any]:
    return [job.state, job.reason, job.nodes, job.start]


def _read(path: Path) -> Answer:
    """The answer in the cache file; one without a time if there is none, or what is there is none of ours."""
    try:
        found = path.stat()
        stamp = found.st_mtime_ns, found.st_size
        if path in _last and _last[path][0] == stamp:
            return _last[path][1]
        table = parse(read_file(path, MOST_BYTES)) or {}
        answer = Answer(
            float(table["t"]),
            str(table["error"]),
            {number: SlurmJob(*row) for number, row in table["jobs"].items()},
            {number: (float(row[0]), SlurmJob(*row[1:])) for number, row in table["ended"].items()},
        )
    except (OSError, KeyError, TypeError, ValueError, AttributeError):
        return Answer()
    _last[path] = stamp, answer
    return answer
