"""What state a run is in, decided from its processes and files each time it is asked: it is stored nowhere.

Living processes come first, whatever the files say. Then the supervisor's exit record, then the trainer's own closing
words (its supervisor was killed after them), and else the run is lost: to a reboot, or with its supervisor. The
processes of another machine cannot be seen, so there the exit record comes before the heartbeat.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.contract.files import is_denied, owned_by, read_json
from engine.contract.home import is_gone
from engine.contract.run.course import Course
from engine.contract.run.events import REASONS, Failed, Finished, Stopped
from engine.contract.run.fold import RunFold
from engine.contract.run.process import (
    ExitRecord,
    Heartbeat,
    ProcRecord,
    boot_id,
    host_name,
    presence,
    same_machine,
)
from engine.contract.run.pulse import LISTED_SECONDS, Pulse, feel

LIVE: Final = ("queued", "starting", "running", "stopping")
ENDED: Final = ("finished", "stopped", "preempted", "failed", "lost")
STATES: Final = LIVE + ENDED
DENIED: Final = "permission_denied"
"""The reason of a run that this user may not read: nothing is known of it, not even that it has ended."""
ESSENTIAL: Final = ("run.json", "proc.json", "exit.json", "events.jsonl")
GRACE_SECONDS: Final = 10.0  # how long a new folder may wait for its supervisor's first sign
STALE_SECONDS: Final = 30.0  # a supervisor that has not beaten for so long is called silent
MOVED: Final = "ending, its folder was moved"
LAST_SEEN: Final = "last seen"  # so begins the message of a run elsewhere that only its heartbeat speaks for


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
    record = ExitRecord.read(run_dir / "exit.json")
    ended = record is not None and record.state in ENDED
    if proc and (same_machine(proc.supervisor) or not ended) and (state := _at_work(proc, beat, course, run_dir, now)):
        return state
    if record and ended:
        return Status(record.state, _known(record.reason), record.message, beat=seen, ended=record.ended)
    if course.closing:
        return _closed(course.closing, seen)
    if any(is_denied(run_dir / name) for name in ESSENTIAL):
        return Status("lost", DENIED, f"permission denied{owned_by(run_dir)}", beat=seen)
    if proc:
        return _lost(proc, beat, run_dir, now)
    if abs(now - _created(run_dir)) < GRACE_SECONDS:
        return Status("starting", message="waiting for its supervisor")
    if is_gone(run_dir):
        return Status("lost", "moved", "its folder was moved or deleted")
    return Status("lost", "supervisor_lost", "no process ever took it up; it can be started again")


def _at_work(proc: ProcRecord, beat: Heartbeat | None, course: Course, run_dir: Path, now: float) -> Status | None:
    """The state of a run that has a living process; None where it has none."""
    seen = beat.t if beat else 0.0
    supervisor = presence(proc.supervisor, run_dir, now)
    trainer = presence(proc.trainer, run_dir) if proc.trainer and same_machine(proc.trainer) else "gone"
    if "moved" in (supervisor, trainer):
        return Status("stopping", "moved", MOVED, *_busy(course), beat=seen)
    if supervisor == "here":
        pulse = None if same_machine(proc.supervisor) else feel(run_dir, now)
        return _living(proc, beat, course, trainer == "here", pulse, now)
    if trainer == "here":
        gone = "its supervisor is gone, the trainer works on alone; stop or kill it, or let it finish"
        return Status("running", "supervisor_lost", gone, *_busy(course), beat=seen)
    return None


def _living(
    proc: ProcRecord, beat: Heartbeat | None, course: Course, working: bool, pulse: Pulse | None, now: float
) -> Status:
    """The state of a run whose supervisor lives.

    Args:
        working: its trainer is known to live as well.
        pulse: that of a run on another machine.
    """
    phase, note = _busy(course)
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


def _busy(course: Course) -> tuple[str, str]:
    """What the trainer said last of what it does: the phase and its note."""
    return (course.phase.name, course.phase.note) if course.phase else ("", "")


def _last_seen(proc: ProcRecord, pulse: Pulse) -> str:
    """What can be said of a run on another machine that counts as living; "" where its heart was seen to beat."""
    if pulse.seen_to_beat:
        return f"no sign of life from {_place(proc)} for {_span(pulse.still)}" if pulse.still > STALE_SECONDS else ""
    if pulse.ahead >= 1.0:
        return f"{LAST_SEEN} just now on {_place(proc)}, whose clock is {_span(pulse.ahead)} ahead"
    return f"{LAST_SEEN} {_span(pulse.age)} ago on {_place(proc)}"


def _place(proc: ProcRecord) -> str:
    """The machine of a run as people call it."""
    return proc.host if proc.host != host_name() else f"another container or boot of {proc.host}"


def _span(seconds: float) -> str:
    if not math.isfinite(seconds):  # the beat had no usable time
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
        return Status("lost", "supervisor_lost", f"its processes vanished {was}", beat=seen, ended=seen)
    pulse = feel(run_dir, now)
    rebooted = proc.host == host_name() and proc.boot_id != boot_id()
    if rebooted and not pulse.seen_to_beat and pulse.ahead <= LISTED_SECONDS:
        return Status("lost", "reboot", f"the machine restarted {was}", beat=seen, ended=seen)
    return Status("lost", "supervisor_lost", _silence(proc, beat, pulse), beat=seen, ended=seen)


def _silence(proc: ProcRecord, beat: Heartbeat | None, pulse: Pulse) -> str:
    sign = f"no sign of life from {_place(proc)}"
    if beat is None:
        return f"{sign} ever"
    if pulse.seen_to_beat or pulse.ahead:
        ahead = f" by this clock; its own is {_span(pulse.ahead)} ahead" if pulse.ahead > LISTED_SECONDS else ""
        return f"{sign} for {_span(pulse.still)}{ahead}"
    return f"{sign} for {_span(pulse.age)}"


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
