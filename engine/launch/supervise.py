"""Watch over one run: wait for its devices, start its trainer, beat, and write down how it ended.

`python -m engine.launch.supervise RUN_DIR [--placement JSON] [--adopt]`, as `engine.launch.local.start` spawns it.
What signals mean to it is in `engine.launch.signals`, and how it is told what to do where no signal reaches it in
`engine.launch.elsewhere`. It ends the run when its folder is moved or deleted. A trainer that is told to stop has
$CIFAR_TUI_GRACE seconds (30) for its checkpoint, then it is killed.

The trainer has a session of its own, inherits the locks of the run and of its devices, and finds where to run in
$CIFAR_TUI_PLACEMENT (the placement as JSON, with the device that the queue gave) and $CUDA_VISIBLE_DEVICES. So it
survives the death of its supervisor and its devices stay taken meanwhile; `--adopt` then gives it a new supervisor.
"""

import argparse
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from engine.contract.errors import BadInput
from engine.contract.files import PRIVATE, locked, write_atomic
from engine.contract.flock import Busy
from engine.contract.recipe.lenient import known_placement
from engine.contract.recipe.schema import Placement
from engine.contract.run.folder import RESERVE_BYTES, RunFolder
from engine.contract.run.links import refuse_links
from engine.contract.run.logfile import rotate, size
from engine.contract.run.process import ProcRecord, alive, presence, same_machine
from engine.launch import devices, elsewhere, package, reasons
from engine.launch.child import Child, Orphan, command
from engine.launch.ledger import Ledger
from engine.launch.line import Line
from engine.launch.reasons import Ending, Verdict
from engine.launch.signals import STOP, Orders

PLACEMENT = "CIFAR_TUI_PLACEMENT"
SLOWEST_LOOK = 10  # times the poll, for who is far back in line: a hundred waiting runs must not keep a core busy
JOIN_SECONDS = 2.0  # how long to try to join a queue whose folder cannot be used: it may be just being removed
LOOK_SECONDS = 1.0  # how often to look after a trainer whose end sends no signal

Command = Callable[[RunFolder, int], list[str]]


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds between heartbeats, between looks at the queue, and from a stop to a kill."""

    beat: float = 2.0
    poll: float = 1.0
    grace: float = 30.0


class Supervisor:
    """One attempt of a run: `carry_out` a new one, or `adopt` one that has lost its supervisor."""

    def __init__(self, run: RunFolder, placement: Placement, timing: Timing, trainer: Command) -> None:
        self._id = run.id
        self._ledger = Ledger(run, timing.beat)
        self._placement = placement
        self._timing = timing
        self._command = trainer
        self._orders = Orders()
        self._attempt = 1
        self._printed = 0  # where the log of this attempt begins
        self._returncode: int | None = None

    @property
    def _run(self) -> RunFolder:
        """The run where it lies now: asked anew before every write. FolderLost where it is gone."""
        return self._ledger.run

    def carry_out(self) -> Verdict:
        """From the queue to the exit record.

        Raises:
            BadInput: another process works on the run, or a folder in it is a link. Nothing has been changed then.
        """
        refuse_links(self._run.path)
        with ExitStack() as stack:
            lock = stack.enter_context(self._ledger.hold())
            before = ProcRecord.read(self._run.proc)
            trainer = before.trainer if before and before.trainer and same_machine(before.trainer) else None
            if trainer and presence(trainer, self._run.path) != "gone":
                who = f"its trainer (process {trainer.pid})"
                raise BadInput(f"run {self._id}: {who} is still at work; stop or kill it first")
            self._run.archive_exit()
            self._attempt = self._ledger.attempt()
            write_atomic(self._run.reserve, os.urandom(RESERVE_BYTES), durable=False)
            self._beat("starting")
            self._ledger.record(None)
            return self._conclude(lambda: self._work(lock))

    def adopt(self) -> Verdict:
        """Take the place of a supervisor that was killed, beside a trainer that lives.

        Raises:
            BadInput: there is no such trainer, or somebody else has adopted it or works on the run.
        """
        refusal = f"run {self._id} is being adopted by another process"
        with locked(self._run.path / "adopt", wait=False, refusal=refusal):
            before = ProcRecord.read(self._run.proc)
            if not before or not before.trainer or not alive(before.trainer, self._run.path):
                raise BadInput(f"run {self._id}: no trainer is at work")
            if alive(before.supervisor, self._run.path):
                raise BadInput(f"run {self._id}: its supervisor is alive")
            self._attempt = self._ledger.attempt()
            orphan = Orphan(before.trainer)
            self._beat("running")
            self._ledger.record(orphan.identity)
            killed_after = self._watch(orphan)
            with ExitStack() as stack:
                stack.enter_context(self._ledger.hold())
                return self._conclude(lambda: self._verdict(orphan, killed_after))

    def _work(self, lock: int) -> Verdict:
        """Queue, train, judge."""
        line = self._wait_in_line()
        if line is None:
            if self._orders.asked == "moved":
                return Verdict("stopped", "moved", f"{reasons.MOVED}; it had waited in the queue")
            state = "preempted" if self._orders.asked == "preempted" else "stopped"
            return Verdict(state, message="left the queue on request")
        try:
            held = line.ticket.held
            placement = self._placement.model_copy(update={"device": devices.kind_of(held[0])})
            environment = {
                **package.environment(),
                **devices.environment(held),
                PLACEMENT: placement.model_dump_json(),
            }
            print(f"--- attempt {self._attempt} on {', '.join(held)}", flush=True)  # noqa: T201  # into the run's log
            ooms, said = reasons.oom_kills(), size(self._run.events)
            self._printed = size(self._run.log)
            child = Child(self._command(self._run, len(held)), environment, (lock, *line.device_fds))
            try:
                self._ledger.record(child.identity)
                child.release()
                killed_after = self._watch(child, line)
                return self._verdict(child, killed_after, ooms, said)
            except BaseException:  # a trainer that nobody knows of must not live on
                child.bury()
                raise
        finally:
            line.leave()

    def _wait_in_line(self) -> Line | None:
        """The place in line once it has its devices; None when the run was told to stop while it waited.

        Trouble with the queue is a note, and no reason to fail, except for a run that cannot even join it.
        """
        wanted = devices.want(self._placement)
        line: Line | None = None
        note, place, next_look, began = "", 0, 0.0, time.monotonic()
        while not self._orders.asked:
            if time.monotonic() >= next_look:
                try:
                    line = line or Line(self._id, self._run.path, wanted)
                    ready, silent = devices.usable(wanted, self._placement.wait_free_gb)
                    if line.take(ready):
                        return line
                    note, place = silent or line.note, line.ticket.place
                except BadInput as problem:
                    if not (line or isinstance(problem, Busy)) and time.monotonic() - began > JOIN_SECONDS:
                        raise
                    note = str(problem)
                next_look = time.monotonic() + self._timing.poll * min(max(place, 1), SLOWEST_LOOK)
            self._beat("queued", place, note)
            self._orders.sleep(min(next_look - time.monotonic(), self._timing.beat))
        if line:
            line.leave()
        return None

    def _watch(self, trainer: Child | Orphan, line: Line | None = None) -> float:
        """Beat and pass on orders until the trainer has gone; the grace after which it had to be killed, else 0.

        Args:
            line: where this process holds the trainer's devices.
        """
        told, deadline, overdue = "", float("inf"), 0.0
        while not trainer.gone():
            asked = self._orders.asked
            if asked == "killed":
                trainer.kill()
            elif asked and not told:
                trainer.send(STOP)
                deadline = time.monotonic() + self._timing.grace
            elif time.monotonic() >= deadline:
                overdue = self._timing.grace
                trainer.kill()
            told = asked
            self._beat("stopping" if asked else "running", note=line.keep() if line else "")
            self._rotate_log()
            self._orders.sleep(min(self._timing.beat, LOOK_SECONDS, max(deadline - time.monotonic(), 0.05)))
        return overdue

    def _rotate_log(self) -> None:
        """Keep the log from filling the disk. A log that cannot be touched must not end the watch."""
        with suppress(OSError):
            if rotate(self._run.log):
                self._printed = 0

    def _verdict(self, trainer: Child | Orphan, killed_after: float, ooms: int = 0, said: int = 0) -> Verdict:
        """What became of the trainer. `ooms`: the kernel's count before; `said`: where its events begin."""
        self._returncode = trainer.bury()
        is_child = isinstance(trainer, Child)
        return reasons.judge(
            Ending(
                returncode=self._returncode,
                last_word=reasons.last_word(self._run.events, said),
                log=reasons.read_tail(self._run.log, self._printed) if is_child else "",
                asked=self._orders.asked,
                grace=killed_after,
                oom_kills=reasons.oom_kills() - ooms if is_child else 0,
                disk_full=reasons.is_full(self._run.path),
            )
        )

    def _conclude(self, work: Callable[[], Verdict]) -> Verdict:
        """The verdict of `work`, or on its own failure, written to `exit.json`."""
        try:
            verdict = work()
        except BadInput as problem:
            verdict = Verdict("failed", "bad_input", "; ".join(problem.problems))
        except Exception as error:  # whatever it is, the run must not end without a word
            full = isinstance(error, OSError) and error.errno in reasons.DISK_FULL
            message = f"its supervisor failed: {type(error).__name__}: {error}"
            verdict = Verdict("failed", "disk_full" if full else "traceback", message, traceback.format_exc())
        self._ledger.write(lambda run: run.write_exit(verdict.record(self._returncode, self._attempt)))
        return verdict

    def _beat(self, state: str, place: int = 0, note: str = "") -> None:
        """Give a sign of life, and take the orders that came into the folder or with it."""
        for order in self._ledger.beat(state, place, note):
            self._orders.take(order)
        if not self._ledger.in_place:
            self._orders.take("moved")


def grace_seconds() -> float:
    """$CIFAR_TUI_GRACE: how long a trainer may take to stop; 30 s where it is not set to a number."""
    try:
        return max(float(os.environ.get("CIFAR_TUI_GRACE", "30")), 0.0)
    except ValueError:
        return 30.0


def main(argv: Sequence[str], *, trainer: Command = command, timing: Timing | None = None) -> int:
    """Supervise a run to its end; the exit code tells only whether that could be done.

    Args:
        trainer: makes the trainer's command line from the run and the number of its devices.
        timing: how often to look; by default as `Timing` and $CIFAR_TUI_GRACE say.
    """
    parser = argparse.ArgumentParser("engine.launch.supervise", description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--placement", default="{}", help="changes to the placement in run.json, as JSON")
    parser.add_argument("--adopt", action="store_true", help="look after a trainer that has lost its supervisor")
    parser.add_argument("--watched", action="store_true", help="it is known that nobody elsewhere works on the run")
    arguments = parser.parse_args(argv)
    run = RunFolder(arguments.run)
    try:
        if problem := package.problem():
            raise BadInput(problem)
        os.umask(PRIVATE)
        placement = Placement.model_validate(known_placement(run.info().placement)[0] | json.loads(arguments.placement))
        if not arguments.watched:
            elsewhere.make_sure_it_is_dead(run)
        supervisor = Supervisor(run, placement, timing or Timing(grace=grace_seconds()), trainer)
        _ = supervisor.adopt() if arguments.adopt else supervisor.carry_out()
    except (BadInput, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201  # into the run's log, of which `start` shows the last line
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
