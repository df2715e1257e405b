"""Where the agents of torchrun on the nodes of a job meet."""

import pytest

from engine.contract.recipe.schema import Placement
from engine.launch.child import torchrun
from engine.launch.slurm.node import Node, this_node


def test_each_node_starts_its_own_ranks_and_meets_the_others_at_the_first(monkeypatch: pytest.MonkeyPatch):
    for name, value in (("NODEID", "1"), ("LAUNCH_NODE_IPADDR", "10.0.0.7"), ("JOB_ID", "20003")):
        monkeypatch.setenv(f"SLURM_{name}", value)
    assert this_node() == Node(1, "10.0.0.7", 10_003)
    found = torchrun(Placement(launcher="slurm", gpus=4, nodes=2))
    where = ["--nnodes=2", "--node-rank=1", "--rdzv-backend=static", "--master-addr=10.0.0.7", "--master-port=10003"]
    assert found == ["-m", "torch.distributed.run", *where, "--max-restarts=0", "--nproc-per-node=2"]


def test_outside_of_slurm_a_machine_is_the_first_node(monkeypatch: pytest.MonkeyPatch):
    for name in ("NODEID", "LAUNCH_NODE_IPADDR", "JOB_ID"):
        monkeypatch.delenv(f"SLURM_{name}", raising=False)
    assert this_node().index == 0
