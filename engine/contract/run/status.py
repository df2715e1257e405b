"""The state of a run, derived from its processes and files on every call and stored nowhere.

Live processes come first, whatever the files say. Next comes the supervisor's exit record, then the trainer's closing
event (if its supervisor was killed after it); otherwise the run is lost, to a reboot or with its supervisor. Processes
of another machine cannot be inspected, so there the exit record comes before the heartbeat. A run that a scheduler
starts also depends on the scheduler's word: while its job waits, and if the job ended before it could say anything.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.contract.files import is_denied, owned_by, read_json
from engine.contract.home import is_gone
from engine.contract.run import scheduled
from engine.contract.run.course import Course
from engine.contract.run.events import REASONS, Failed, Finished, Stopped
from engine.contract.run.fold import RunFold
from engine.contract.run.jobs import JobRecord, is_beginning
from engine.contract.run.process import (
    ExitRecord,
    Heartbeat,
    ProcRecord,
    boot_id,
    host_name,
    presence,
    same_machine,
)
from engine.contract.run.pulse import LISTED_SECONDS, Pulse, read_pulse

LIVE: Final = ("queued", "starting", "running", "stopping")
ENDED: Final = ("finished", "stopped", "preempted", "failed", "lost")
STATES: Final = LIVE + ENDED
DENIED: Final = "permission_denied"
"""The reason of a run that this user may not read, so that not even its end can be known."""
ESSENTIAL: Final = ("run.json", "proc.json", "exit.json", "events.jsonl")
GRACE_SECONDS: Final = 10.0  # how long a new folder may wait for its supervisor
STALE_SECONDS: Final = 30.0  # a supervisor without a heartbeat for this long counts as silent
MOVED: Final = "ending because its folder was moved"
LAST_SEEN: Final = "last seen"  # start of the message if only a heartbeat from another machine shows that a run is live


@dataclass(frozen=True, slots=True)
class Status:
    """A state with its reason. `phase`, `note` and `place` (in line, from 1) show what a live run is doing.

    `beat` is the time of the last heartbeat, and `ended` when the run ended (for a lost run: its last heartbeat), in
    seconds since 1970; 0 if unknown.
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


def status(run_dir: Path, now: float | None = None, course: Course | None = None) -> Status:
    """The current state of a run. Never raises: files that cannot be read count as missing.

    Args:
        now: seconds since 1970, for tests; the clock by default.
        course: of the run, if the caller has folded its events already; by default the end of the file is read.
    """
    now = time.time() if now is None else now
    course = course or RunFold(run_dir / "events.jsonl").poll_tail().course
    proc = ProcRecord.read(run_dir / "proc.json")
    beat = Heartbeat.read(run_dir / "heartbeat.json")
    if proc and beat and beat.pid != proc.supervisor.pid:
        beat = None  # from an earlier attempt
    seen = beat.t if beat else 0.0
    record = ExitRecord.read(run_dir / "exit.json")
    ended = record is not None and record.state in ENDED
    job = JobRecord.read(run_dir)
    job = job if job and job.is_current(run_dir) and not (record and record.state == "finished") else None
    if job and job.is_ahead(run_dir):
        return Status(**scheduled.awaited(job, now), beat=seen)
    if job and is_beginning(run_dir, proc, now):
        return Status("starting", beat=seen)
    by_slurm = scheduled.ended(job) if job and not ended and not course.closing else None
    if by_slurm and proc and not same_machine(proc.supervisor):
        return Status(**by_slurm, beat=seen, ended=seen)
    if proc and (same_machine(proc.supervisor) or not ended) and (state := _at_work(proc, beat, course, run_dir, now)):
        return state
    if record and ended:
        message = scheduled.offer(record.message) if job and record.state == "preempted" else record.message
        return Status(record.state, _known(record.reason), message, beat=seen, ended=record.ended)
    if course.closing:
        return _closed(course.closing, seen)
    if by_slurm:
        return Status(**by_slurm, beat=seen, ended=seen)
    if any(is_denied(run_dir / name) for name in ESSENTIAL):
        return Status("lost", DENIED, f"permission denied{owned_by(run_dir)}", beat=seen)
    if proc and job and (note := scheduled.at_work(job)):
        return Status("running", "", f"{_no_heartbeat(proc, beat, read_pulse(run_dir, now))}; {note}", beat=seen)
    if proc:
        return _lost(proc, beat, run_dir, now)
    if abs(now - _created(run_dir)) < GRACE_SECONDS:
        return Status("starting", message="waiting for its supervisor")
    if is_gone(run_dir):
        return Status("lost", "moved", "its folder was moved or deleted")
    return Status("lost", "supervisor_lost", "it was never started; it can be resumed")


def _at_work(proc: ProcRecord, beat: Heartbeat | None, course: Course, run_dir: Path, now: float) -> Status | None:
    """The state of a run that has a live process; None if it has none."""
    seen = beat.t if beat else 0.0
    supervisor = presence(proc.supervisor, run_dir, now)
    trainer = presence(proc.trainer, run_dir) if proc.trainer and same_machine(proc.trainer) else "gone"
    if "moved" in (supervisor, trainer):
        return Status("stopping", "moved", MOVED, *_activity(course), beat=seen)
    if supervisor == "here":
        pulse = None if same_machine(proc.supervisor) else read_pulse(run_dir, now)
        return _supervised(proc, beat, course, trainer == "here", pulse, now)
    if trainer == "here":
        gone = "its supervisor is gone, the trainer continues alone; stop or kill it, or let it finish"
        return Status("running", "supervisor_lost", gone, *_activity(course), beat=seen)
    return None


def _supervised(
    proc: ProcRecord, beat: Heartbeat | None, course: Course, working: bool, pulse: Pulse | None, now: float
) -> Status:
    """The state of a run whose supervisor is alive.

    Args:
        working: whether its trainer is known to be alive too.
        pulse: the heartbeat of a run on another machine.
    """
    phase, note = _activity(course)
    if beat is None or beat.state not in LIVE:
        queued = phase == "queued"
        state = "running" if working else "queued" if queued else "starting"
        return Status(state, phase=phase, note=note, place=course.phase.place if course.phase else 0)
    silent = now - beat.t
    message = f"its supervisor has been silent for {_span(silent)}" if silent > STALE_SECONDS else ""
    if pulse:
        message = _last_seen(proc, pulse)
    if beat.state in ("queued", "starting"):
        return Status(beat.state, "", message, beat.state, beat.note, beat.place, beat.t)
    return Status(beat.state, "", message, phase, note or beat.note, 0, beat.t)


def _activity(course: Course) -> tuple[str, str]:
    """The last phase event of the trainer: its name and note."""
    return (course.phase.name, course.phase.note) if course.phase else ("", "")


def _last_seen(proc: ProcRecord, pulse: Pulse) -> str:
    """A message about a run on another machine that counts as live; "" if its heartbeat was seen to advance."""
    if pulse.seen_to_beat:
        return f"no heartbeat from {_machine(proc)} for {_span(pulse.still)}" if pulse.still > STALE_SECONDS else ""
    if pulse.ahead >= 1.0:
        return f"{LAST_SEEN} just now on {_machine(proc)}, whose clock is {_span(pulse.ahead)} ahead"
    return f"{LAST_SEEN} {_span(pulse.age)} ago on {_machine(proc)}"


def _machine(proc: ProcRecord) -> str:
    """The name of a run's machine."""
    return proc.host if proc.host != host_name() else f"another container or boot of {proc.host}"


def _span(seconds: float) -> str:
    if not math.isfinite(seconds):  # the heartbeat had no valid time
        return "an unknown time"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _closed(closing: Finished | Stopped | Failed, seen: float) -> Status:
    match closing:
        case Finished():
            return Status("finished", beat=seen, ended=closing.t)
        case Stopped():
            state = "preempted" if closing.reason == "preempted" else "stopped"
            why = ("moved", "the folder was moved") if closing.reason == "moved" else ("", "")
            return Status(state, *why, beat=seen, ended=closing.t)
        case Failed():
            return Status("failed", _known(closing.reason), closing.message, beat=seen, ended=closing.t)


def _lost(proc: ProcRecord, beat: Heartbeat | None, run_dir: Path, now: float) -> Status:
    seen = beat.t if beat else 0.0
    was = f"while it was {beat.state}" if beat and beat.state in LIVE else "before it ended"
    if same_machine(proc.supervisor):
        return Status("lost", "supervisor_lost", f"its processes disappeared {was}", beat=seen, ended=seen)
    pulse = read_pulse(run_dir, now)
    rebooted = proc.host == host_name() and proc.boot_id != boot_id()
    if rebooted and not pulse.seen_to_beat and pulse.ahead <= LISTED_SECONDS:
        return Status("lost", "reboot", f"the machine restarted {was}", beat=seen, ended=seen)
    return Status("lost", "supervisor_lost", _no_heartbeat(proc, beat, pulse), beat=seen, ended=seen)


def _no_heartbeat(proc: ProcRecord, beat: Heartbeat | None, pulse: Pulse) -> str:
    sign = f"no heartbeat from {_machine(proc)}"
    if beat is None:
        return f"{sign} at all"
    if pulse.seen_to_beat or pulse.ahead:
        ahead = f" by this clock; its own is {_span(pulse.ahead)} ahead" if pulse.ahead > LISTED_SECONDS else ""
        return f"{sign} for {_span(pulse.still)}{ahead}"
    return f"{sign} for {_span(pulse.age)}"


def _known(reason: str) -> str:
    return reason if reason in REASONS else ""


def _created(run_dir: Path) -> float:
    """When the run was created: from run.json, else from its folder; 0 if that is gone."""
    table = read_json(run_dir / "run.json") or {}
    created = table.get("created")
    if isinstance(created, int | float):
        return float(created) if abs(created) < 1e12 else 0.0
    try:
        return run_dir.stat().st_mtime
    except OSError:
        return 0.0
