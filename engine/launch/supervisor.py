"""Supervise one run: wait for its devices, start its trainer, write heartbeats, and record how it ended.

The supervisor ends the run when its folder is moved or deleted. A trainer that is asked to stop has the grace period of
`Timing` (30 s) to save a checkpoint; then it is killed.

The trainer has a session of its own, inherits the locks of the run and of its devices, and reads where to run from
$CIFAR_TUI_PLACEMENT (the placement as JSON, with the device that the queue assigned) and $CUDA_VISIBLE_DEVICES. It thus
survives the death of its supervisor, and its devices stay taken; `adopt` then gives it a new supervisor. Only a run on
several nodes ends with its supervisor, since Slurm then ends it on the other nodes.
"""

import os
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack, suppress

from engine.contract.errors import BadInput
from engine.contract.files import locked, write_atomic
from engine.contract.recipe.schema import Placement
from engine.contract.run import rank_failure
from engine.contract.run.folder import RESERVE_BYTES, RunFolder
from engine.contract.run.links import refuse_links
from engine.contract.run.logfile import rotate, size
from engine.contract.run.process import ProcRecord, alive, presence, same_machine
from engine.launch import devices, package, reasons
from engine.launch.child import Child, Orphan, environment_of_ranks
from engine.launch.ledger import Ledger
from engine.launch.queue_entry import QueueEntry
from engine.launch.reasons import Ending, Evidence
from engine.launch.signals import STOP, Signals
from engine.launch.slurm import rendezvous
from engine.launch.waiting import Timing, wait_in_line

PLACEMENT = "CIFAR_TUI_PLACEMENT"
POLL_SECONDS = 1.0  # how often to check on a trainer whose end sends no signal
OTHER_NODE_SECONDS = 10.0  # how long the ranks of this node have to notice that one of another node has failed

Command = Callable[[RunFolder, Placement], list[str]]
Explain = Callable[[Ending, str], Ending]
"""Takes an ending and what a signal has requested ("" for nothing); returns the ending with the scheduler's reason."""


class Supervisor:
    """One attempt at a run: `carry_out` starts a new one, `adopt` takes over one that has lost its supervisor."""

    def __init__(
        self, run: RunFolder, placement: Placement, timing: Timing, trainer: Command, explain: Explain | None = None
    ) -> None:
        """Open the folder.

        Args:
            trainer: makes the trainer's command line from the run and its placement.
            explain: of a supervisor under a scheduler, which knows why it has signaled, or which node has failed.
        """
        self._id = run.id
        self._ledger = Ledger(run, timing.beat)
        self._placement = placement
        self._timing = timing
        self._command = trainer
        self._signals = Signals()
        self._explain = explain
        self._attempt = 1
        self._log_start = 0  # offset in the log at which this attempt begins
        self._returncode: int | None = None

    @property
    def _run(self) -> RunFolder:
        """The run at its current path, looked up before every write. FolderLost if it is gone."""
        return self._ledger.run

    def carry_out(self) -> Ending:
        """Run the whole attempt, from the queue to the exit record.

        Raises:
            BadInput: another process is active on the run, or a folder in it is a link. Nothing has been changed then.
        """
        refuse_links(self._run.path)
        with ExitStack() as stack:
            lock = stack.enter_context(self._ledger.hold())
            before = ProcRecord.read(self._run.proc)
            trainer = before.trainer if before and before.trainer and same_machine(before.trainer) else None
            if trainer and presence(trainer, self._run.path) != "gone":
                who = f"its trainer (process {trainer.pid})"
                raise BadInput(f"run {self._id}: {who} is still running; stop or kill it first")
            self._attempt = self._ledger.claim()
            self._run.archive_exit()
            write_atomic(self._run.reserve, os.urandom(RESERVE_BYTES), durable=False)
            self._beat("starting")
            self._ledger.record(None)
            return self._conclude(lambda: self._train(lock))

    def adopt(self) -> Ending:
        """Replace a supervisor that was killed while its trainer lives on.

        Raises:
            BadInput: no such trainer exists, or another process has adopted it or is active on the run.
        """
        refusal = f"run {self._id} is being adopted by another process"
        with locked(self._run.path / "adopt", wait=False, refusal=refusal):
            before = ProcRecord.read(self._run.proc)
            if not before or not before.trainer or not alive(before.trainer, self._run.path):
                raise BadInput(f"run {self._id}: no trainer is running")
            if alive(before.supervisor, self._run.path):
                raise BadInput(f"run {self._id}: its supervisor is alive")
            self._attempt = self._ledger.attempt()
            orphan = Orphan(before.trainer)
            self._beat("running")
            self._ledger.record(orphan.identity)
            killed_after = self._watch(orphan)
            with ExitStack() as stack:
                stack.enter_context(self._ledger.hold())
                return self._conclude(lambda: self._ending(orphan, killed_after))

    def _train(self, lock: int) -> Ending:
        """Wait for devices, run the trainer on them, and say how it ended. `lock`: descriptor of the run's lock."""
        entry = wait_in_line(self._ledger.run, self._placement, self._timing, self._signals, self._beat)
        if entry is None:
            if self._signals.requested == "moved":
                return Ending("stopped", "moved", f"{reasons.MOVED} while the run was queued")
            state = "preempted" if self._signals.requested == "preempted" else "stopped"
            return Ending(state, message="left the queue on request")
        try:
            held = entry.ticket.held
            placement = self._placement.model_copy(update={"device": devices.kind_of(held[0])})
            environment = {
                **package.environment(),
                **devices.environment(held),
                PLACEMENT: placement.model_dump_json(),
            }
            print(f"--- attempt {self._attempt} on {', '.join(held)}", flush=True)  # noqa: T201  # into the run's log
            ooms, events_start = reasons.oom_kills(), size(self._run.events)
            self._log_start = size(self._run.log)
            environment = environment_of_ranks(environment, placement.gpus, self._timing.grace)
            self._ledger.write(lambda run: rank_failure.forget(run.path))
            if placement.nodes > 1:
                self._ledger.write(lambda run: rendezvous.announce(run.path))
            trainer, inherited = self._command(self._run, placement), (lock, *entry.device_fds)
            child = Child(trainer, environment, inherited, tied=placement.nodes > 1)
            try:
                self._ledger.record(child.identity)
                child.release()
                killed_after = self._watch(child, entry)
                return self._ending(child, killed_after, ooms, events_start)
            except BaseException:  # a trainer that is not on record must not live on
                child.reap()
                raise
        finally:
            entry.leave()

    def _watch(self, trainer: Child | Orphan, entry: QueueEntry | None = None) -> float:
        """Write heartbeats and pass on requests until the trainer has ended.

        Args:
            entry: the queue entry that holds the trainer's devices, if this process holds them.

        Returns:
            The grace period after which the trainer had to be killed, 0 if it ended by itself.
        """
        passed_on, deadline, overdue = "", float("inf"), 0.0
        while not trainer.gone():
            requested = self._signals.requested
            if requested == "killed":
                trainer.kill()
            elif requested and not passed_on:
                trainer.send(STOP)
                deadline = time.monotonic() + self._timing.grace
            elif deadline == float("inf") and self._placement.nodes > 1 and rank_failure.cause(self._run.path):
                deadline = time.monotonic() + OTHER_NODE_SECONDS
            elif time.monotonic() >= deadline:
                overdue = self._timing.grace
                trainer.kill()
            passed_on = requested
            self._beat("stopping" if requested else "running", note=entry.keep() if entry else "")
            self._rotate_log()
            self._signals.sleep(min(self._timing.beat, POLL_SECONDS, max(deadline - time.monotonic(), 0.05)))
        return overdue

    def _rotate_log(self) -> None:
        """Keep the log from filling the disk. A log that cannot be rotated does not end the watch."""
        with suppress(OSError):
            if rotate(self._run.log):
                self._log_start = 0

    def _ending(self, trainer: Child | Orphan, killed_after: float, ooms: int = 0, events_start: int = 0) -> Ending:
        """How the trainer ended.

        Args:
            killed_after: the grace period after which it had to be killed, else 0.
            ooms: the kernel's count of out-of-memory kills before the attempt.
            events_start: offset in the events file at which the attempt begins.
        """
        self._returncode = trainer.reap()
        is_child = isinstance(trainer, Child)
        return reasons.judge(
            Evidence(
                returncode=self._returncode,
                closing=reasons.closing_event(self._run.events, events_start),
                log=reasons.read_tail(self._run.log, self._log_start) if is_child else "",
                requested=self._signals.requested,
                grace=killed_after,
                oom_kills=reasons.oom_kills() - ooms if is_child else 0,
                disk_full=reasons.is_full(self._run.path),
                rank=rank_failure.cause(self._run.path),
            )
        )

    def _conclude(self, work: Callable[[], Ending]) -> Ending:
        """The ending that `work` returns, or the supervisor's own failure; either is written to `exit.json`."""
        try:
            ending = work()
            if self._explain:
                ending = self._explain(ending, self._signals.requested if self._signals.signaled else "")
        except BadInput as problem:
            ending = Ending("failed", "bad_input", "; ".join(problem.problems))
        except Exception as error:  # whatever it is, the run must not end without a record
            full = isinstance(error, OSError) and error.errno in reasons.DISK_FULL
            message = f"its supervisor failed: {type(error).__name__}: {error}"
            ending = Ending("failed", "disk_full" if full else "traceback", message, traceback.format_exc())
        self._ledger.write(lambda run: run.write_exit(ending.record(self._returncode, self._attempt)))
        return ending

    def _beat(self, state: str, place: int = 0, note: str = "") -> None:
        """Write a heartbeat, and take the requests that have arrived in the run folder."""
        for action in self._ledger.beat(state, place, note):
            self._signals.request(action)
        if not self._ledger.in_place:
            self._signals.request("moved")
