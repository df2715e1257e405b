"""The training process as its supervisor sees it: its own child, or the orphan of an earlier supervisor."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Placement
from engine.contract.run.folder import RunFolder
from engine.contract.run.process import Identity, identify, running
from engine.launch.slurm import rendezvous
from engine.launch.slurm.node import this_node


def command(run: RunFolder, placement: Placement) -> list[str]:
    """The command line of a run's trainer on this machine: one process, or one per GPU under torchrun."""
    return [sys.executable, *torchrun(run, placement), "-m", "engine", str(run.path)]


def torchrun(run: RunFolder, placement: Placement) -> list[str]:
    """The arguments of Python that start one process per GPU, each as the arguments after them say; none for one GPU.

    A rank that fails ends the run, which can be resumed: torchrun starts nothing anew.

    Raises:
        BadInput: the run is on several nodes, and the port on which they meet has not been announced.
    """
    if placement.gpus == 1:
        return []
    where = ["--standalone"] if placement.nodes == 1 else _among_nodes(run, placement.nodes)
    own = placement.gpus // placement.nodes
    return ["-m", "torch.distributed.run", *where, "--max-restarts=0", f"--nproc-per-node={own}"]


def _among_nodes(run: RunFolder, nodes: int) -> list[str]:
    port = rendezvous.announced(run.path)
    if port is None:
        raise BadInput(f"{rendezvous.FILE} does not name the port of this job")
    return this_node().torchrun(nodes, port)


def environment_of_ranks(environment: Mapping[str, str], gpus: int, grace: float) -> dict[str, str]:
    """The environment of a trainer under torchrun; unchanged for a single process.

    Args:
        grace: seconds that the ranks have to stop. torchrun's agent kills them after them, by default after 30 s.
    """
    if gpus == 1:
        return dict(environment)
    clean = {name: value for name, value in environment.items() if name not in OF_ANOTHER_RUN}
    return clean | {"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": f"{max(round(grace), 1)}"}


def family(pid: int) -> list[psutil.Process]:
    """The living descendants of a process. torchrun's ranks are in sessions of their own, out of reach of a group."""
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.Error:
        return []


def kill_all(pid: int) -> None:
    """Kill a process group and all descendants of its leader."""
    others = family(pid)
    with suppress(ProcessLookupError, PermissionError):  # macOS refuses a group of zombies only
        os.killpg(pid, signal.SIGKILL)
    for process in others:
        with suppress(psutil.Error):
            process.kill()  # psutil makes sure that the process id has not been reused


OF_ANOTHER_RUN: Final = frozenset(
    ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK", "MASTER_ADDR", "MASTER_PORT")
)
"""Variables of `torch.distributed` that may be set where the run was started, for example in a cluster job."""
GATE: Final = (sys.executable, "-I", "-S", str(Path(__file__).with_name("gate.py")))


class Child:
    """A trainer that this process started, in a session and process group of its own.

    It waits at a gate (see `engine.launch.gate`) and does nothing before `release`. If this process dies before that,
    in whatever way, the trainer exits too.
    """

    def __init__(
        self, argv: Sequence[str], environment: Mapping[str, str], inherited: Sequence[int], *, tied: bool = False
    ) -> None:
        """Start it. It shares the standard output of this process and holds the locks whose descriptors it inherits.

        Args:
            tied: have the kernel kill it if this process dies. Linux only.
        """
        gate, self._latch = os.pipe()  # only the end in `pass_fds` is inherited
        try:
            self._process = subprocess.Popen(
                [*GATE, str(gate), f"{os.getpid() if tied else 0}", *argv],
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
        kill_all(self._process.pid)

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
            kill_all(self.identity.pid)

    def reap(self) -> int | None:
        return None
