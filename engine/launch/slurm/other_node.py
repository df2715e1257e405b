"""What the task on each node but the first does in a job that trains one run on several nodes.

It starts torchrun's agent with the ranks of this node and waits for its end. The supervisor on the first node alone
writes the run folder. A stop reaches the ranks of this node through those of the first, since all ranks agree on it.
The task ends once the supervisor has written `exit.json`, and kills what is left of its ranks. It must not end before,
for then Slurm would end the supervisor. Where the supervisor dies without a record, Slurm kills the whole step.
"""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable
from typing import Final

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Placement
from engine.contract.run.folder import RunFolder
from engine.contract.run.process import ExitRecord
from engine.contract.run.rank_failure import FOLDER, RankFailure
from engine.launch import devices, package
from engine.launch.child import Child, environment_of_ranks
from engine.launch.slurm import rendezvous
from engine.launch.slurm.node import Node, node_name, this_node
from engine.launch.supervisor import PLACEMENT, Command

POLL_SECONDS: Final = 1.0


def take_part(run: RunFolder, placement: Placement, trainer: Command, grace: float) -> None:
    """Train this node's part of a run until it ends. Never raises: a failed task would end the supervisor too.

    If the agent fails and its ranks have left no reason, one is recorded as that of the node's first rank.

    Args:
        trainer: makes the trainer's command line from the run and its placement.
        grace: seconds that the ranks have to stop.
    """
    caught, ended, node = _heed_no_signal(), _new_exit(run), this_node()
    while not ended() and not _listens(node, rendezvous.announced(run.path)):  # it may end before its trainer begins
        time.sleep(POLL_SECONDS)
    if ended():
        return
    try:
        code = _train(run, placement, trainer, grace, ended)
        reason, message = "killed", "ended without giving a reason, as after kill -9; see the log"
    except (BadInput, OSError) as error:
        code, reason, message = 1, "bad_input", str(error)
    if code and not caught() and not ended():
        _record(run, placement, node, reason, message)
    while not ended():
        time.sleep(POLL_SECONDS)


def _record(run: RunFolder, placement: Placement, node: Node, reason: str, message: str) -> None:
    """Record a failure of this node, unless each of its ranks has recorded its own."""
    own = placement.gpus // placement.nodes
    silent = [rank for rank in range(node.index * own, (node.index + 1) * own) if not _has_spoken(run, rank)]
    if silent:
        text = f"node {node_name()}: {message}"
        try:
            RankFailure(silent[0], reason, text).write(run.path)
        except (BadInput, OSError) as error:
            print(f"error: {text} (not recorded: {error})", flush=True)  # noqa: T201  # into the log


def _train(
    run: RunFolder, placement: Placement, trainer: Command, grace: float, ended: Callable[[], bool]
) -> int | None:
    """Run the agent of this node on the devices that Slurm has given to it. Returns its exit code.

    Args:
        ended: whether the attempt has ended, so that the agent has to end at once.
    """
    request = devices.request(placement)
    held = devices.usable(request)[0][: request.count]
    placed = placement.model_copy(update={"device": devices.kind_of(held[0])})
    environment = {**package.environment(), **devices.environment(held), PLACEMENT: placed.model_dump_json()}
    agent = Child(trainer(run, placed), environment_of_ranks(environment, placed.gpus, grace), (), tied=True)
    try:
        agent.release()
        while not agent.gone() and not ended():
            time.sleep(POLL_SECONDS)
    finally:
        code = agent.reap()
    return code


def _heed_no_signal() -> Callable[[], bool]:
    """Survive what Slurm sends to every process of the step. Returns a function: whether the step was told to end."""
    caught: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: caught.append(number))
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):  # meant for the supervisor
        signal.signal(number, signal.SIG_IGN)
    return lambda: bool(caught)


def _new_exit(run: RunFolder) -> Callable[[], bool]:
    """A function that says whether there is an exit record that was not there before."""
    before = ExitRecord.read(run.exit)  # of an earlier attempt; a network file system may show it for a while
    return lambda: ExitRecord.read(run.exit) not in (None, before)


def _listens(node: Node, port: int | None) -> bool:
    """Whether the agent of the first node has been started. `port`: on which it will listen, once that is known."""
    if port is None:
        return False
    try:
        socket.create_connection((node.address, port), timeout=5).close()
    except OSError:
        return False
    return True


def _has_spoken(run: RunFolder, rank: int) -> bool:
    """Whether a rank has recorded why it failed, if only because another one did."""
    return (run.path / FOLDER / f"rank-{rank}.json").exists()
