"""This node of a job that trains one run on several nodes, and where torchrun's agents on all of them meet.

The step of such a job has one task on each node. The one on the first node is the run's supervisor, whose trainer is
torchrun's agent on that node. The others start an agent too (see `engine.launch.slurm.other_node`). Every agent knows
its place and the address of the first from the start (a static rendezvous): with torchrun's `c10d` rendezvous any node
may get rank 0, and only the supervisor's node may write the run folder.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a job."""

    index: int
    """0 for the node of the supervisor."""
    address: str
    """Of the first node."""

    def torchrun(self, nodes: int, port: int) -> list[str]:
        """The arguments of torchrun on this node.

        Args:
            nodes: how many there are.
            port: on which the agent of the first node listens; see `engine.launch.slurm.rendezvous`.
        """
        return [
            f"--nnodes={nodes}",
            f"--node-rank={self.index}",
            "--rdzv-backend=static",
            f"--master-addr={self.address}",
            f"--master-port={port}",
        ]


def this_node() -> Node:
    """The node of this process, a task of a Slurm step; outside of Slurm, the only node of a job."""
    return Node(
        index=int(os.environ.get("SLURM_NODEID", 0)),
        address=os.environ.get("SLURM_LAUNCH_NODE_IPADDR", "127.0.0.1"),
    )


def node_name() -> str:
    """The name of this machine: Slurm's in a job, else its host name."""
    return os.environ.get("SLURMD_NODENAME") or socket.gethostname()
