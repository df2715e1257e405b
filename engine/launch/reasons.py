"""Why a trainer ended: its own last word where it left one, else what its exit code, its log and the kernel tell.

A full disk can keep the trainer from saying anything at all, so the disk is asked too.
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
from engine.contract.run.events import Event, EventReader, Failed, Finished, RunStarted, Stopped
from engine.contract.run.logfile import size, tail
from engine.contract.run.process import ExitRecord

PROBE_BYTES = 64 * 1024
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
TAIL_BYTES = 32 * 1024
EVENTS_BYTES = 1 << 20  # the closing words stand at the very end
MOVED = "the folder was moved"
DETAIL_BYTES = 12_000  # of JSON; with it an exit record fits into the reserve

# The last line of a traceback, or what a library prints before it aborts, and the reason it stands for.
TELLTALES = (
    (r"CUDA out of memory|torch\.OutOfMemoryError|CUDA error: out of memory|MPS backend out of memory", "gpu_memory"),
    (r"No space left on device|Disk quota exceeded", "disk_full"),
    (r"^MemoryError|DefaultCPUAllocator: (can't|not enough)|Cannot allocate memory|std::bad_alloc", "out_of_memory"),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an attempt ended: a state and reason of the contract, one line for people, and what there is to read."""

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
class Ending:
    """What the supervisor knows when the trainer has gone."""

    returncode: int | None
    """None where the trainer was not the supervisor's own child."""
    last_word: Event | None
    """The attempt's Finished, Stopped or Failed event."""
    log: str
    """The end of what the attempt printed."""
    asked: str = ""
    """What the supervisor was told to do with the trainer: "" (nothing), "stopped", "preempted", "moved", "killed"."""
    grace: float = 0.0
    """The seconds a trainer was given to stop, if it had to be killed after that."""
    oom_kills: int = 0
    """How many processes the kernel killed for memory meanwhile."""
    disk_full: bool = False


def judge(ending: Ending) -> Verdict:
    """The verdict on an attempt."""
    word = ending.last_word
    if isinstance(word, Finished):
        late = f"the process then ended with {_how(ending.returncode)}" if ending.returncode else ""
        return Verdict("finished", message=late)
    if isinstance(word, Stopped):
        if "moved" in (ending.asked, word.reason):
            return Verdict("stopped", "moved", f"{MOVED}; stopped {_where(word)}")
        state = "preempted" if "preempted" in (ending.asked, word.reason) else "stopped"
        return Verdict(state, message=f"stopped {_where(word)}")
    if isinstance(word, Failed):
        return Verdict("failed", word.reason or "traceback", word.message, word.detail or ending.log)
    if ending.asked == "killed":
        return Verdict("stopped", "killed", "killed by the user; what came after the last checkpoint is lost")
    if ending.asked:
        return _stopped_without_a_word(ending)
    return _died(ending)


def _where(word: Stopped) -> str:
    if word.step:
        return f"in epoch {word.epoch + 1}"
    return f"after epoch {word.epoch}" if word.epoch else "before its first step"


def _stopped_without_a_word(ending: Ending) -> Verdict:
    if ending.grace:
        why = f"did not stop within {ending.grace:g} s and was killed"
    else:
        why = f"ended with {_how(ending.returncode)} before it could save a checkpoint"
    why = f"{why}; what came after the last checkpoint is lost"
    if ending.asked == "moved":
        return Verdict("stopped", "moved", f"{MOVED}; it {why}", ending.log)
    return Verdict(ending.asked, message=why, detail=ending.log)


def _died(ending: Ending) -> Verdict:
    code, log = ending.returncode, ending.log
    last = last_line(log)
    if code == -signal.SIGKILL:
        if ending.oom_kills:
            return Verdict("failed", "out_of_memory", "killed by the kernel: the machine ran out of memory", log)
        return Verdict("failed", "killed", "killed by someone else's SIGKILL (kill -9)", log)
    told = next((reason for pattern, reason in TELLTALES if re.search(pattern, last)), "")
    if ending.disk_full or told == "disk_full":
        return Verdict("failed", "disk_full", "no space left on the disk of the run", log)
    if told:
        return Verdict("failed", told, last, log)
    if code is None:
        return Verdict("failed", "killed", "ended without a word while it had no supervisor of its own", log)
    if code < 0:
        return Verdict("failed", "killed", f"ended with {_how(code)}", log)
    if code == 2 and "Traceback" not in log:
        return Verdict("failed", "bad_input", last or "refused its input", log)
    message = last or f"ended with {_how(code)} without a word"
    return Verdict("failed", "traceback" if "Traceback" in log else "", message, log)


def last_word(path: Path, start: int = 0) -> Finished | Stopped | Failed | None:
    """The closing event after byte `start` of an events file, if nothing new began after it."""
    word: Finished | Stopped | Failed | None = None
    for event in EventReader(path).tail(min(max(size(path) - start, 0), EVENTS_BYTES)):
        if isinstance(event, RunStarted):
            word = None
        elif isinstance(event, Finished | Stopped | Failed):
            word = event
    return word


def _how(returncode: int | None) -> str:
    if returncode is None:
        return "an unknown code"
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return signal.Signals(-returncode).name
    except ValueError:  # a real-time signal has no name
        return f"signal {-returncode}"


def read_tail(path: Path, start: int = 0) -> str:
    """The end of a text file, from byte `start` on and 32 KiB at most; "" where it cannot be read."""
    return tail(path, TAIL_BYTES, start).decode(errors="replace")


def last_line(text: str) -> str:
    """The last line that is not empty, cut to a length that a status line can take."""
    return next((line.strip()[:500] for line in reversed(text.splitlines()) if line.strip()), "")


def _cut(text: str) -> str:
    """The end of a text, short enough for the reserve."""
    while len(json.dumps(text)) > DETAIL_BYTES:
        text = text[len(text) // 4 + 1 :]
    return text


def oom_kills() -> int:
    """How many processes the kernel has killed for memory: in our own group if it counts them, else on the machine."""
    for path in (*_own_groups(), Path("/proc/vmstat")):
        found = re.search(r"^oom_kill (\d+)$", _text(path), re.MULTILINE)
        if found:
            return int(found[1])
    return 0  # not Linux: nobody counts


def _own_groups() -> list[Path]:
    """Where this process's control group counts, in version 2 and version 1."""
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
    """Whether the disk (or the user's quota on it) takes no more: tried, because a quota does not show elsewhere."""
    probe = folder / ".space"
    try:
        fd = open_regular(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            left = PROBE_BYTES
            while left > 0:
                left -= os.write(fd, os.urandom(left))  # random: no file system compresses it
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        return error.errno in DISK_FULL
    finally:
        probe.unlink(missing_ok=True)
    return False
