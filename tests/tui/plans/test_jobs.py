"""Jobs of planned runs: what a dry run shows, and arrays."""

import pytest

from engine.contract.errors import BadInput, StartFailed
from engine.contract.run.jobs import JobRecord
from engine.contract.run.store import RunFolder, runs_root
from engine.launch.slurm import submit
from tui.plans.batch import ARRAY_ABOVE, carry_out
from tui.plans.draft import from_flags
from tui.plans.jobs import script_of

SLURM = {"preset": "quickstart", "launcher": "slurm", "device": "cpu", "partition": "gpu"}


@pytest.fixture
def sbatch(monkeypatch):
    """Scripts that were submitted; Slurm accepts everything, and 40 runs in an array."""
    taken = []

    def accept(path, what, environment=None):
        taken.append(path)
        return str(100 + len(taken)), ""

    monkeypatch.setattr(submit, "sbatch", accept)
    monkeypatch.setattr(submit, "limits", lambda: {"MaxArraySize": 41})
    monkeypatch.setattr(submit, "_refusal", lambda text: "")
    return taken


def test_a_dry_run_shows_the_script_of_a_run_that_does_not_exist(sbatch):
    text = script_of(from_flags(SLURM), runs_root())
    assert text.startswith("#!/bin/sh\n") and f"#SBATCH --comment={runs_root()}/RUN\n" in text
    assert sbatch == [] and not runs_root().exists()
    assert script_of(from_flags({"preset": "quickstart"}), runs_root()) == ""


def test_a_bad_setting_is_refused_as_everywhere():
    with pytest.raises(BadInput, match="time"):
        script_of(from_flags({**SLURM, "time": "soon"}), runs_root())


def test_few_runs_are_jobs_of_their_own(item, ready, sbatch):
    batch = ready(item("a", **SLURM), seeds=range(3))
    done = list(carry_out(batch, {}))
    assert [path.name for path in sbatch] == ["job.sh"] * 3
    assert [JobRecord.read(runs_root() / one.run).job for one in done] == ["101", "102", "103"]


def test_many_runs_are_arrays_of_the_size_that_the_cluster_takes(item, ready, sbatch):
    batch = ready(item("a", **SLURM), seeds=range(ARRAY_ABOVE + 1))
    seen: list[int] = []
    done = list(carry_out(batch, {}, prepared=seen.append))
    assert seen == list(range(1, 52))
    assert [path.parent.name for path in sbatch] == [".jobs"] * 2
    jobs = [JobRecord.read(runs_root() / one.run).job for one in done]
    assert jobs == [f"101_{i}" for i in range(40)] + [f"102_{i}" for i in range(11)]
    assert [one.job.seed for one in done] == list(range(51)) and not any(one.error for one in done)
    assert {RunFolder(runs_root() / one.run).status().state for one in done} == {"queued"}


def test_an_array_that_slurm_refuses_is_reported_for_each_of_its_runs(item, ready, sbatch, monkeypatch):
    def refuse(path, what, environment=None):
        if sbatch:
            raise StartFailed(f"{what} could not be submitted: Job violates accounting/QOS policy")
        sbatch.append(path)
        return "101", ""

    monkeypatch.setattr(submit, "sbatch", refuse)
    done = list(carry_out(ready(item("a", **SLURM), seeds=range(51)), {}))
    assert [bool(one.error) for one in done] == [False] * 40 + [True] * 11
    assert done[-1].error == "an array of 11 runs could not be submitted: Job violates accounting/QOS policy"


def test_waiting_in_slurm_takes_no_memory_of_this_machine(item, ready, sbatch, monkeypatch):
    monkeypatch.setattr("tui.plans.batch.WAITING_BYTES", 1 << 60)
    ready(item("a", **SLURM), seeds=range(3))
    with pytest.raises(BadInput, match="of memory"):
        ready(item("a"), seeds=range(3))
