"""The training process as its supervisor sees it: its own child, or one that an earlier supervisor left behind."""

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
    """The command line of a run's trainer: one process, or one for each GPU under torchrun."""
    several = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={gpus}"] if gpus > 1 else []
    return [sys.executable, *several, "-m", "engine", str(run.path)]


GATE: Final = (sys.executable, "-I", "-S", str(Path(__file__).with_name("gate.py")))


class Child:
    """A trainer that this process started, in a session and process group of its own.

    It stands behind a gate (see `engine.launch.gate`) and does nothing before `release`. Where this process dies
    first, however it dies, the trainer ends with it.
    """

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], inherited: Sequence[int]) -> None:
        """Start it. It prints where this process prints, and holds the locks whose descriptors it inherits."""
        behind, self._latch = os.pipe()  # neither end is inherited, but for the one that is passed on
        try:
            self._process = subprocess.Popen(
                [*GATE, str(behind), *argv],
                stdin=subprocess.DEVNULL,
                cwd="/",
                env=environment,
                start_new_session=True,
                pass_fds=(behind, *inherited),
            )
        except BaseException:
            os.close(self._latch)
            raise
        finally:
            os.close(behind)
        self.identity = identify(self._process.pid)

    def release(self) -> None:
        """Let it begin its work: it is on record now. One that was killed behind the gate stays as it is."""
        with suppress(BrokenPipeError):  # it was killed at the gate, which its exit code tells
            os.write(self._latch, b"\n")
        self._shut()

    def _shut(self) -> None:
        if self._latch >= 0:
            os.close(self._latch)
            self._latch = -1

    def gone(self) -> bool:
        """Whether it has ended. It stays a zombie, which keeps its number from being used again, until `bury`."""
        if not hasattr(os, "waitid"):  # macOS before Python 3.13, where the number is given up at once
            return self._process.poll() is not None
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def send(self, number: signal.Signals) -> None:
        """Signal the trainer itself, which tells its helpers."""
        if not self.gone():
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it and every process it started."""
        with suppress(ProcessLookupError, PermissionError):  # macOS refuses a group in which only zombies are left
            os.killpg(self._process.pid, signal.SIGKILL)

    def bury(self) -> int | None:
        """End what it left running (data workers, compilers) and return its exit code, negative for a signal."""
        self._shut()
        self.kill()
        return self._process.wait()


class Orphan:
    """A trainer whose supervisor was killed. Nobody can learn its exit code."""

    def __init__(self, identity: Identity) -> None:
        """Args: identity of a process that has been proven to work on the run; from then on its start is enough."""
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

    def bury(self) -> int | None:
        return None
