"""The port on which the nodes of a job meet: free, and known to all of them."""

import json
import socket
from pathlib import Path

import pytest

from engine.contract.errors import BadInput
from engine.launch.slurm import rendezvous
from engine.launch.slurm.rendezvous import announce, announced


@pytest.fixture(autouse=True)
def job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "31234")
    monkeypatch.delenv("SLURM_RESTART_COUNT", raising=False)


def test_the_port_follows_from_the_number_of_the_job(tmp_path: Path):
    assert announced(tmp_path) is None
    announce(tmp_path)
    assert 21_234 <= announced(tmp_path) < 21_334, "but for ports that other programs have taken"


@pytest.mark.parametrize("address", ["", "127.0.0.1", "::1"])
def test_where_it_is_taken_the_next_free_one_is_chosen(tmp_path: Path, address: str):
    announce(tmp_path)
    first = announced(tmp_path)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, first), family=family):
        announce(tmp_path)
    assert announced(tmp_path) > first


def test_a_port_of_another_job_or_of_the_same_one_before_it_was_requeued_is_not_taken(tmp_path: Path, monkeypatch):
    announce(tmp_path)
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert announced(tmp_path) is None
    announce(tmp_path)
    assert announced(tmp_path) is not None
    monkeypatch.setenv("SLURM_JOB_ID", "31235")
    assert announced(tmp_path) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "7", json.dumps({"job": "31234.0"}), json.dumps({"job": "31234.0", "port": "x"})]
)
def test_a_damaged_file_names_no_port(tmp_path: Path, text: str):
    (tmp_path / rendezvous.FILE).write_text(text)
    assert announced(tmp_path) is None


def test_where_no_port_is_free_the_run_fails_with_a_line(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(rendezvous, "_is_free", lambda port: False)
    with pytest.raises(BadInput, match="no free port on this node for its agent, of 1,000 that were tried"):
        announce(tmp_path)
