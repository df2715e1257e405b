"""What state a run is in, decided from its processes and files each time it is asked: it is stored nowhere.

Living processes come first, whatever the files say. Then the supervisor's exit record, then the trainer's own closing
words (its supervisor was killed after them), and else the run is lost: to a reboot, or with its supervisor.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.contract.course import Course
from engine.contract.events import REASONS, Failed, Finished, Stopped
from engine.contract.files import is_denied, owned_by, read_json
from engine.contract.fold import RunFold
from engine.contract.process import STALE_SECONDS, ExitRecord, Heartbeat, ProcRecord, alive, boot_id, host_name

LIVE: Final = ("queued", "starting", "running", "stopping")
ENDED: Final = ("finished", "stopped", "preempted", "failed", "lost")
STATES: Final = LIVE + ENDED
DENIED: Final = "permission_denied"
"""The reason of a run that this user may not read: nothing is known of it, not even that it has ended."""
ESSENTIAL: Final = ("run.json", "proc.json", "exit.json", "events.jsonl")
GRACE_SECONDS: Final = 10.0  # how long a new folder may wait for its supervisor's first sign


@dataclass(frozen=True, slots=True)
class Status:
    """A state with its reason. `phase`, `note` and `place` (in line, from 1) tell what a live run is busy with.

    `beat` is when its supervisor last gave a sign and `ended` when the run ended (for a lost one: its last sign), in
    seconds since 1970; 0 when that is not known.
    """

    state: str
    reason: str = ""
    message: str = ""
    phase: str = ""
    note: str = ""
    place: int = 0
    beat: float = 0.0
    ended: float = 0.0

    @property
    def live(self) -> bool:
        return self.state in LIVE


def status(run_dir: Path, now: float | None = None, fold: RunFold | None = None) -> Status:
    """The state of a run now. Never raises: files that cannot be read count as absent.

    Args:
        now: seconds since 1970, for tests; the clock by default.
        fold: the run's events as far as the caller has folded them; by default their tail is read.
    """
    now = time.time() if now is None else now
    course = (fold or RunFold(run_dir / "events.jsonl").poll_tail()).course
    proc = ProcRecord.read(run_dir / "proc.json")
    beat = Heartbeat.read(run_dir / "heartbeat.json")
    if proc and beat and beat.pid != proc.supervisor.pid:
        beat = None  # of an earlier attempt
    seen = beat.t if beat else 0.0
    if proc and alive(proc.supervisor, run_dir):
        return _living(proc, beat, course, run_dir, now)
    if proc and proc.host == host_name() and proc.trainer and alive(proc.trainer, run_dir):
        gone = "its supervisor is gone, the trainer works on alone; stop or kill it, or let it finish"
        return Status("running", "supervisor_lost", gone, *_busy(course), beat=seen)
    record = ExitRecord.read(run_dir / "exit.json")
    if record and record.state in ENDED:
        return Status(record.state, _known(record.reason), record.message, beat=seen, ended=record.ended)
    if course.closing:
        return _closed(course.closing, seen)
    if any(is_denied(run_dir / name) for name in ESSENTIAL):
        return Status("lost", DENIED, f"permission denied{owned_by(run_dir)}", beat=seen)
    if proc:
        return _lost(proc, beat, now)
    if abs(now - _created(run_dir)) < GRACE_SECONDS:
        return Status("starting", message="waiting for its supervisor")
    return Status("lost", "supervisor_lost", "no process ever took it up; it can be started again")


def _living(proc: ProcRecord, beat: Heartbeat | None, course: Course, run_dir: Path, now: float) -> Status:
    phase, note = _busy(course)
    if beat is None or beat.state not in LIVE:
        queued = phase == "queued"
        working = proc.trainer is not None and alive(proc.trainer, run_dir)
        state = "running" if working else "queued" if queued else "starting"
        return Status(state, phase=phase, note=note, place=course.phase.place if course.phase else 0)
    silent = now - beat.t
    message = f"its supervisor has been silent for {silent:.0f} s" if silent > STALE_SECONDS else ""
    if beat.state in ("queued", "starting"):
        return Status(beat.state, "", message, beat.state, beat.note, beat.place, beat.t)
    return Status(beat.state, "", message, phase, note or beat.note, 0, beat.t)


def _busy(course: Course) -> tuple[str, str]:
    """What the trainer said last of what it does: the phase and its note."""
    return (course.phase.name, course.phase.note) if course.phase else ("", "")


def _closed(closing: Finished | Stopped | Failed, seen: float) -> Status:
    match closing:
        case Finished():
            return Status("finished", beat=seen, ended=closing.t)
        case Stopped():
            state = "preempted" if closing.reason == "preempted" else "stopped"
            return Status(state, beat=seen, ended=closing.t)
        case Failed():
            return Status("failed", _known(closing.reason), closing.message, beat=seen, ended=closing.t)


def _lost(proc: ProcRecord, beat: Heartbeat | None, now: float) -> Status:
    seen = beat.t if beat else 0.0
    was = f"while it was {beat.state}" if beat and beat.state in LIVE else "before it ended"
    if proc.host != host_name():
        sign = f"for {now - seen:.0f} s" if beat else "ever"
        reason, message = "supervisor_lost", f"no sign of life from {proc.host} {sign}"
    elif proc.boot_id != boot_id():
        reason, message = "reboot", f"the machine restarted {was}"
    else:
        reason, message = "supervisor_lost", f"its processes vanished {was}"
    return Status("lost", reason, message, beat=seen, ended=seen)


def _known(reason: str) -> str:
    return reason if reason in REASONS else ""


def _created(run_dir: Path) -> float:
    """When the run was made: as it says, else as its folder says; never, when that is gone."""
    table = read_json(run_dir / "run.json") or {}
    created = table.get("created")
    if isinstance(created, int | float):
        return float(created) if abs(created) < 1e12 else 0.0
    try:
        return run_dir.stat().st_mtime
    except OSError:
        return 0.0
