"""Runs on two real Slurm nodes of this machine, from the submission to the end: needs Slurm, and root to start nodes."""

import json
import os
import signal
from typing import Any

import pytest
import torch

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Placement
from engine.contract.run.jobs import JobRecord
from engine.contract.run.process import ExitRecord, ProcRecord
from engine.contract.run.store import RunFolder
from engine.launch import control, restart, start
from engine.launch.slurm import submit
from tests.engine.launch.slurm.cluster import RECIPE

pytestmark = [pytest.mark.slurm, pytest.mark.usefixtures("real_slurm", "quick_supervisor"), pytest.mark.timeout(600)]


def begun(bench: Any, act: str = "work", **placement: Any) -> RunFolder:
    """A run whose trainer is at work in a job."""
    run = bench.make(act, launcher="slurm", **placement)
    start.start(run)
    bench.until(lambda: run.events.exists() and b'"step"' in run.events.read_bytes())
    return run


def test_a_run_waits_runs_and_finishes(bench, real_slurm):
    with real_slurm.closed():
        run = bench.make("finish", launcher="slurm")
        start.start(run)
        bench.until(lambda: run.status().note.startswith(f"Slurm job {JobRecord.read(run.path).job}: PartitionDown"))
        assert run.status().state == "queued"
    assert bench.ended(run).state == "finished"
    assert ProcRecord.read(run.proc) is not None and run.log.read_text().startswith("--- attempt 1 on cpu")


def test_an_unknown_partition_is_refused_in_slurms_own_words():
    with pytest.raises(BadInput) as refused:
        submit.check(Placement(launcher="slurm", partition="nope"))
    assert refused.value.problems == ["--launcher slurm: allocation failure: Invalid partition name specified"]


def test_a_stop_goes_through_the_run_folder_and_is_not_submitted_again(bench):
    run = begun(bench)
    assert "was asked to stop" in control.stop(run)
    assert (bench.ended(run).state, bench.record(run).reason) == ("stopped", "")
    assert JobRecord.read(run.path).resubmitted == 0


def test_scancel_saves_a_checkpoint_and_is_not_submitted_again(bench, real_slurm):
    run = begun(bench)
    real_slurm.ask("scancel", JobRecord.read(run.path).job)
    record = bench.record(run)
    assert (record.state, record.reason) == ("stopped", "cancelled"), record
    assert JobRecord.read(run.path).resubmitted == 0


def test_scancel_of_a_job_whose_trainer_is_deaf_leaves_a_record_within_slurms_patience(bench, real_slurm, monkeypatch):
    monkeypatch.setenv("FAKE_GRACE", f"{submit.grace_seconds():g}")
    run = begun(bench, "deaf")
    real_slurm.ask("scancel", JobRecord.read(run.path).job)
    assert (bench.record(run).state, bench.record(run).reason) == ("stopped", "cancelled")


def test_a_preempted_run_saves_and_comes_back(bench, real_slurm):
    run = begun(bench, cpus=4)
    other = real_slurm.ask(
        "sbatch", "--parsable", "-p", "urgent", "-N2", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 1"
    )
    bench.until(lambda: JobRecord.read(run.path).resubmitted == 1)
    exits = [ExitRecord.read(path) for path in (run.exit, run.exits / "1.json")]
    record = next(found for found in exits if found is not None and found.attempt == 1)
    assert (record.state, record.reason) == ("preempted", "preempted")
    (run.path / "go").touch()
    state = bench.ended(run)
    assert state.state == "finished", (state, run.log.read_text())
    assert JobRecord.read(run.path).job not in ("", other)


def test_a_run_out_of_time_saves_at_the_warning_and_comes_back(bench):
    run = begun(bench, time="1")
    bench.until(lambda: JobRecord.read(run.path).resubmitted == 1)
    bench.until(lambda: "submitted again as job" in run.log.read_text())
    (run.path / "go").touch()
    assert bench.ended(run).state == "finished"


@pytest.mark.usefixtures("shapes_ready")
def test_a_run_that_was_warned_ends_with_the_undisturbed_result(bench, real_slurm, monkeypatch):
    """The warning before the time limit is a USR2 to every process of the step, as `scancel --signal` sends it."""
    monkeypatch.setenv("FAKE_TRAINER", "real_trainer.py")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    whole = bench.undisturbed(RECIPE)
    run = bench.make(recipe=RECIPE, threads=1, launcher="slurm")
    (run.path / "pause").touch()
    start.start(run)
    bench.until(lambda: (run.path / "paused").exists())
    real_slurm.ask("scancel", "--signal=USR2", JobRecord.read(run.path).job)
    bench.until(
        lambda: b'"preempted"' in run.log.read_bytes() or run.exit.exists() or (run.path / "exits/1.json").exists()
    )
    (run.path / "pause").unlink()
    assert bench.ended(run).state == "finished"
    assert JobRecord.read(run.path).resubmitted == 1
    first, second = (
        torch.load(next(one.checkpoints.glob("epoch-0002/weights.pt")), weights_only=True) for one in (whole, run)
    )
    assert all(torch.equal(first["model"][name], second["model"][name]) for name in first["model"])


def test_where_a_node_may_not_submit_the_job_goes_back_into_the_queue(bench, real_slurm, tmp_path, monkeypatch):
    refusing = tmp_path / "refusing"
    refusing.mkdir()
    (refusing / "sbatch").write_text("#!/bin/sh\necho 'sbatch: error: Access/permission denied' >&2\nexit 1\n")
    (refusing / "sbatch").chmod(0o755)
    run = begun(bench, setup=f"export PATH={refusing}:$PATH")
    number = JobRecord.read(run.path).job
    real_slurm.ask("scancel", "--signal=USR2", number)
    bench.until(lambda: "is back in the queue" in run.log.read_text())
    bench.until(lambda: run.status().state == "queued")
    assert JobRecord.read(run.path).job == number
    # Slurm starts a job that went back two minutes later; at once, its node may still be ending the first start,
    # and then ends the second one with code 1 before its script has begun
    real_slurm.ask("scontrol", "update", f"JobId={number}", "StartTime=now+5")
    (run.path / "go").touch()
    assert bench.ended(run).state == "finished"


def test_a_node_that_fails_is_named(bench, real_slurm, monkeypatch):
    run = begun(bench)
    supervisor, trainer = bench.processes(run)
    node = real_slurm.ask("squeue", "-h", "-j", JobRecord.read(run.path).job, "-o", "%N")
    for process in (supervisor, trainer):  # they stand still before Slurm hears of it, or the job would merely fail
        os.kill(process.pid, signal.SIGSTOP)
    real_slurm.kill_node(node)
    real_slurm.ask("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")
    number = JobRecord.read(run.path).job
    bench.until(lambda: real_slurm.ask("squeue", "-h", "-t", "all", "-j", number, "-o", "%T") == "NODE_FAIL")
    for process in (supervisor, trainer):
        os.kill(process.pid, signal.SIGKILL)
    proc = json.loads(run.proc.read_text())
    run.proc.write_text(json.dumps(proc | {"host": node, "boot_id": "another"}))  # else this machine would know better
    bench.until(lambda: run.status().reason == "node_failure")
    assert (run.status().state, run.status().live) == ("lost", False)


def test_runs_of_an_array_find_their_own_folders(bench):
    runs = [bench.make("finish", launcher="slurm") for _ in range(3)]
    for run in runs:
        submit.prepare(run, {}, {})
    submit.start_array(runs, Placement(launcher="slurm", device="cpu"))
    assert [bench.ended(run).state for run in runs] == ["finished"] * 3


def test_a_cancelled_job_is_resumed_through_sbatch(bench):
    run = begun(bench)
    control.kill(run, patience=30.0)
    assert bench.ended(run).reason == "killed"
    (run.path / "go").touch()
    restart.resume(run)
    assert bench.ended(run).state == "finished"
    assert bench.record(run).attempt == 2
