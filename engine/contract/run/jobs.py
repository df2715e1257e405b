"""The job of a run in a scheduler: `job.json`, and which attempt it is to carry out.

The file is written by whatever hands the run over: a launcher, or the supervisor that submits its own job again. It
says nothing about what became of the job; that is known to the scheduler (see `engine.contract.run.squeue`) and, once
the attempt has begun, to the files of the supervisor.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.contract.files import read_json, write_atomic
from engine.contract.run.records import ExitRecord, ProcRecord
from engine.contract.values import Count, Moment, build_leniently, encode_table

FILE: Final = "job.json"
SCRIPT: Final = "job.sh"
"""What the job executes; a supervisor submits the same file again."""
BEGINNING_SECONDS: Final = 30.0
ATTEMPTS: Final = "attempts"
"""The folder in which a supervisor claims its attempt by creating a file of that number."""


@dataclass(frozen=True, slots=True)
class JobRecord:
    """The last job of a run."""

    launcher: str
    """slurm or command."""
    job: str = ""
    """Its id in Slurm: 123, or 123_4 for an element of an array; "" if the launcher does not know one."""
    cluster: str = ""
    attempt: Count = 1
    """The attempt that it is to carry out."""
    resubmitted: Count = 0
    """How many times the job has submitted itself again since a user started or resumed the run."""
    submitted: Moment = 0.0
    cancelled: bool = False
    """Whether a user has cancelled it before it began."""

    @classmethod
    def read(cls, run_dir: Path) -> JobRecord | None:
        """The record of a run; None if it has none, or an invalid one. Never raises."""
        table = read_json(run_dir / FILE)
        try:
            return None if table is None else build_leniently(cls, table)[0]
        except TypeError:
            return None

    def write(self, run_dir: Path) -> None:
        """Write and sync the record. OSError if that fails."""
        write_atomic(run_dir / FILE, encode_table(self))

    def is_ahead(self, run_dir: Path) -> bool:
        """Whether the attempt that it was submitted for has not begun."""
        return self.attempt > last_attempt(run_dir)

    def is_current(self, run_dir: Path) -> bool:
        """Whether no later attempt has begun, which another launcher may have started."""
        return self.attempt >= last_attempt(run_dir)


def is_beginning(run_dir: Path, proc: ProcRecord | None, now: float) -> bool:
    """Whether a supervisor has claimed the latest attempt just now, and `proc.json` does not name it yet."""
    claim = run_dir / ATTEMPTS / str(last_attempt(run_dir))
    table = read_json(claim)
    if table is None or (proc and table.get("pid") == proc.supervisor.pid):
        return False
    try:
        return abs(now - claim.stat().st_mtime) < BEGINNING_SECONDS
    except OSError:
        return False


def last_attempt(run_dir: Path) -> int:
    """The number of the latest attempt that has begun, 0 if none has. Earlier versions recorded only ended attempts."""
    return max((last_ended(run_dir), *_numbers(run_dir / ATTEMPTS, "")))


def last_ended(run_dir: Path) -> int:
    """The number of the latest attempt that has an exit record, 0 if none has."""
    record = ExitRecord.read(run_dir / "exit.json")
    return max((record.attempt if record else 0, *_numbers(run_dir / "exits", ".json")))


def _numbers(folder: Path, suffix: str) -> list[int]:
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:  # no attempt has begun, or none has ended
        return []
    stems = (name.removesuffix(suffix) for name in names if name.endswith(suffix))
    return [int(stem) for stem in stems if stem.isdecimal() and len(stem) < 10]
