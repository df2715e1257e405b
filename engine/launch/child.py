"""The training process as its supervisor sees it: its own child, or the orphan of an earlier supervisor."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from engine.contract.run.folder import RunFolder
from engine.contract.run.process import Identity, identify, running


def command(run: RunFolder, gpus: int) -> list[str]:
    """The command line of a run's trainer: one process, or one per GPU under torchrun."""
    several = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={gpus}"] if gpus > 1 else []
    return [sys.executable, *several, "-m", "engine", str(run.path)]


GATE: Final = (sys.executable, "-I", "-S", str(Path(__file__).with_name("gate.py")))


class Child:
    """A trainer that this process started, in a session and process group of its own.

    It waits at a gate (see `engine.launch.gate`) and does nothing before `release`. If this process dies before that,
    in whatever way, the trainer exits too.
    """

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], inherited: Sequence[int]) -> None:
        """Start it. It shares the standard output of this process and holds the locks whose descriptors it inherits."""
        gate, self._latch = os.pipe()  # only the end in `pass_fds` is inherited
        try:
            self._process = subprocess.Popen(
                [*GATE, str(gate), *argv],
                stdin=subprocess.DEVNULL,
                cwd="/",
                env=environment,
                start_new_session=True,
                pass_fds=(gate, *inherited),
            )
        except BaseException:
            os.close(self._latch)
            raise
        finally:
            os.close(gate)
        self.identity = identify(self._process.pid)

    def release(self) -> None:
        """Let it begin its work, now that it is on record. Does nothing if it was killed at the gate."""
        with suppress(BrokenPipeError):  # it was killed at the gate, as its exit code will show
            os.write(self._latch, b"\n")
        self._shut()

    def _shut(self) -> None:
        if self._latch >= 0:
            os.close(self._latch)
            self._latch = -1

    def gone(self) -> bool:
        """Whether it has ended. Until `reap` it stays a zombie, so that its process id is not reused."""
        if not hasattr(os, "waitid"):  # macOS before Python 3.13: the process id is freed at once
            return self._process.poll() is not None
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def send(self, number: signal.Signals) -> None:
        """Signal the trainer itself, which passes it on to its workers."""
        if not self.gone():
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        """Kill it and every process it started."""
        with suppress(ProcessLookupError, PermissionError):  # macOS refuses a group of zombies only
            os.killpg(self._process.pid, signal.SIGKILL)

    def reap(self) -> int | None:
        """Kill what it left running (data workers, compilers) and return its exit code, negative for a signal."""
        self._shut()
        self.kill()
        return self._process.wait()


class Orphan:
    """A trainer whose supervisor was killed. Its exit code cannot be known."""

    def __init__(self, identity: Identity) -> None:
        """Args: identity: of a process already proven to work on the run; from then on its start time is enough."""
        self.identity = identity

    def gone(self) -> bool:
        return not running(self.identity)

    def send(self, number: signal.Signals) -> None:
        if not self.gone():
            with suppress(ProcessLookupError):
                os.kill(self.identity.pid, number)

    def kill(self) -> None:
        if not self.gone():
            with suppress(ProcessLookupError, PermissionError):  # as for a child
                os.killpg(self.identity.pid, signal.SIGKILL)

    def reap(self) -> int | None:
        return None
