"""This node of a job, and what torchrun is told of the others."""

from pathlib import Path

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Placement
from engine.contract.run.folder import RunFolder
from engine.launch.child import torchrun
from engine.launch.slurm import rendezvous
from engine.launch.slurm.node import Node, node_name, this_node


def test_each_node_starts_its_own_ranks_and_meets_the_others_at_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name, value in (("NODEID", "1"), ("LAUNCH_NODE_IPADDR", "10.0.0.7"), ("JOB_ID", "20003")):
        monkeypatch.setenv(f"SLURM_{name}", value)
    assert this_node() == Node(1, "10.0.0.7")
    run, placement = RunFolder(tmp_path), Placement(launcher="slurm", gpus=4, nodes=2)
    with pytest.raises(BadInput, match=r"rendezvous\.json does not name the port of this job"):
        torchrun(run, placement)
    rendezvous.announce(tmp_path)
    port = rendezvous.announced(tmp_path)
    where = ["--nnodes=2", "--node-rank=1", "--rdzv-backend=static", "--master-addr=10.0.0.7", f"--master-port={port}"]
    assert torchrun(run, placement) == [
        "-m", "torch.distributed.run", *where, "--max-restarts=0", "--nproc-per-node=2"
    ]  # fmt: skip


def test_outside_of_slurm_a_machine_is_the_first_node(monkeypatch: pytest.MonkeyPatch):
    for name in ("NODEID", "LAUNCH_NODE_IPADDR", "JOB_ID"):
        monkeypatch.delenv(f"SLURM_{name}", raising=False)
    assert this_node().index == 0


def test_a_node_has_the_name_that_slurm_gives_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SLURMD_NODENAME", "gpu07")
    assert node_name() == "gpu07"
    monkeypatch.delenv("SLURMD_NODENAME")
    monkeypatch.setattr("socket.gethostname", lambda: "box")
    assert node_name() == "box"
