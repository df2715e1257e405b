"""Why a trainer ended: its closing event if it wrote one, else what its exit code, its log and the kernel show.

A full disk can keep the trainer from writing anything, so the disk is tested as well.
"""

import errno
import json
import os
import re
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from engine.contract.lines import open_regular
from engine.contract.run.event_file import EventReader
from engine.contract.run.events import Event, Failed, Finished, RunStarted, Stopped
from engine.contract.run.logfile import size, tail
from engine.contract.run.process import ExitRecord
from engine.contract.run.rank_failure import RankFailure

PROBE_BYTES = 64 * 1024
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
TAIL_BYTES = 32 * 1024
EVENTS_BYTES = 1 << 20  # the closing event is at the very end of the file
MOVED = "the folder was moved"
OOM = "killed by the kernel: the machine ran out of memory"
LOST = "work after the last checkpoint is lost"
DETAIL_BYTES = 12_000  # of JSON, so that the exit record fits into the reserve

# The last line of a traceback, or what a library prints before it aborts, and the reason that it indicates.
LOG_PATTERNS = (
    (r"CUDA out of memory|torch\.OutOfMemoryError|CUDA error: out of memory|MPS backend out of memory", "gpu_memory"),
    (r"No space left on device|Disk quota exceeded", "disk_full"),
    (r"^MemoryError|DefaultCPUAllocator: (can't|not enough)|Cannot allocate memory|std::bad_alloc", "out_of_memory"),
)


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended: a state and reason of the contract, a line for people, and details to read."""

    state: str
    reason: str = ""
    message: str = ""
    detail: str = ""

    def record(self, returncode: int | None, attempt: int) -> ExitRecord:
        """The exit record of an attempt that ends now."""
        code = returncode or 0
        detail = _cut(self.detail)
        return ExitRecord(self.state, self.reason, self.message, code, max(-code, 0), detail, time.time(), attempt)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the supervisor knows once the trainer has ended."""

    returncode: int | None
    """None if the trainer was not the supervisor's own child."""
    closing: Event | None
    """The attempt's Finished, Stopped or Failed event."""
    log: str
    """The end of what the attempt printed."""
    requested: str = ""
    """What was requested of the supervisor: "" (nothing), "stopped", "preempted", "moved" or "killed"."""
    grace: float = 0.0
    """Seconds that the trainer had to stop before it was killed; 0 if it was not."""
    oom_kills: int = 0
    """How many processes the kernel killed for memory during the attempt."""
    disk_full: bool = False
    rank: RankFailure | None = None
    """What one of several ranks recorded about its failure."""


def judge(evidence: Evidence) -> Ending:
    """How the attempt ended, given the evidence."""
    closing = evidence.closing
    if isinstance(closing, Finished):
        late = f"the process then ended with {_how(evidence.returncode)}" if evidence.returncode else ""
        return Ending("finished", message=late)
    if isinstance(closing, Stopped):
        if "moved" in (evidence.requested, closing.reason):
            return Ending("stopped", "moved", f"{MOVED}; stopped {_where(closing)}")
        state = "preempted" if "preempted" in (evidence.requested, closing.reason) else "stopped"
        return Ending(state, message=f"stopped {_where(closing)}")
    if isinstance(closing, Failed) and closing.reason == "killed" and evidence.oom_kills:
        return Ending("failed", "out_of_memory", OOM, evidence.log)
    if isinstance(closing, Failed):
        return Ending("failed", closing.reason or "traceback", closing.message, closing.detail or evidence.log)
    if evidence.requested == "killed":
        return Ending("stopped", "killed", f"killed by the user; {LOST}")
    if evidence.requested:
        return _stopped_without_closing(evidence)
    return _died(evidence)


def _where(closing: Stopped) -> str:
    if closing.step:
        return f"in epoch {closing.epoch + 1}"
    return f"after epoch {closing.epoch}" if closing.epoch else "before its first step"


def _stopped_without_closing(evidence: Evidence) -> Ending:
    if evidence.grace:
        why = f"did not stop within {evidence.grace:g} s and was killed"
    else:
        why = f"ended with {_how(evidence.returncode)} before it could save a checkpoint"
    why = f"{why}; {LOST}"
    if evidence.requested == "moved":
        return Ending("stopped", "moved", f"{MOVED}; the trainer {why}", evidence.log)
    return Ending(evidence.requested, message=why, detail=evidence.log)


def _died(evidence: Evidence) -> Ending:
    if evidence.rank is not None:
        rank = evidence.rank
        return Ending("failed", rank.reason or "traceback", rank.text, rank.detail)
    log = evidence.log
    code, last = root_cause(evidence.returncode, log), last_line(log)
    if code == -signal.SIGKILL:
        if evidence.oom_kills:
            return Ending("failed", "out_of_memory", OOM, log)
        return Ending("failed", "killed", "killed from outside with SIGKILL (kill -9)", log)
    found = next((reason for pattern, reason in LOG_PATTERNS if re.search(pattern, last)), "")
    if evidence.disk_full or found == "disk_full":
        return Ending("failed", "disk_full", "no space left on the disk of the run", log)
    if found:
        return Ending("failed", found, last, log)
    if code is None:
        return Ending("failed", "killed", "ended without giving a reason, while it had no supervisor", log)
    if code < 0:
        return Ending("failed", "killed", f"ended with {_how(code)}", log)
    if code == 2 and "Traceback" not in log:
        return Ending("failed", "bad_input", last or "refused its input", log)
    message = last or f"ended with {_how(code)} without giving a reason"
    return Ending("failed", "traceback" if "Traceback" in log else "", message, log)


def root_cause(returncode: int | None, log: str) -> int | None:
    """The exit code of the rank that failed first, from torchrun's summary at the end of the log; else `returncode`.

    torchrun itself always exits with code 1.
    """
    summary = log.rpartition("Root Cause (first observed failure)")[2] if "Root Cause" in log else ""
    found = re.search(r"exitcode\s*:\s*(-?\d+)", summary)
    return int(found[1]) if found else returncode


def closing_event(path: Path, start: int = 0) -> Finished | Stopped | Failed | None:
    """The closing event after byte `start` of an events file, unless a new attempt began after it."""
    closing: Finished | Stopped | Failed | None = None
    for event in EventReader(path).tail(min(max(size(path) - start, 0), EVENTS_BYTES)):
        if isinstance(event, RunStarted):
            closing = None
        elif isinstance(event, Finished | Stopped | Failed):
            closing = event
    return closing


def _how(returncode: int | None) -> str:
    if returncode is None:
        return "an unknown code"
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return signal.Signals(-returncode).name
    except ValueError:  # real-time signals have no name
        return f"signal {-returncode}"


def read_tail(path: Path, start: int = 0) -> str:
    """The end of a text file: at most 32 KiB, nothing before byte `start`; "" if it cannot be read."""
    return tail(path, TAIL_BYTES, start).decode(errors="replace")


def last_line(text: str) -> str:
    """The last line that is not empty, cut to 500 characters so that it fits a status line."""
    return next((line.strip()[:500] for line in reversed(text.splitlines()) if line.strip()), "")


def _cut(text: str) -> str:
    """The end of a text, short enough for the reserve."""
    while len(json.dumps(text)) > DETAIL_BYTES:
        text = text[len(text) // 4 + 1 :]
    return text


def oom_kills() -> int:
    """How many processes the kernel has killed for memory: in this control group if it counts them, else in all."""
    for path in (*_own_groups(), Path("/proc/vmstat")):
        found = re.search(r"^oom_kill (\d+)$", _text(path), re.MULTILINE)
        if found:
            return int(found[1])
    return 0  # not Linux: there is no such count


def _own_groups() -> list[Path]:
    """The files in which this process's control group counts, for cgroup versions 2 and 1."""
    paths = []
    for line in _text(Path("/proc/self/cgroup")).splitlines():
        _, controllers, group = line.split(":", 2)
        if not controllers:
            paths.append(Path("/sys/fs/cgroup") / group.lstrip("/") / "memory.events")
        elif controllers == "memory":
            paths.append(Path("/sys/fs/cgroup/memory") / group.lstrip("/") / "memory.oom_control")
    return paths


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def is_full(folder: Path) -> bool:
    """Whether the disk, or the user's quota on it, is full. Tested by writing, as a quota shows nowhere else."""
    probe = folder / ".space"
    try:
        fd = open_regular(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            left = PROBE_BYTES
            while left > 0:
                left -= os.write(fd, os.urandom(left))  # random data, which no file system compresses
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        return error.errno in DISK_FULL
    finally:
        probe.unlink(missing_ok=True)
    return False
