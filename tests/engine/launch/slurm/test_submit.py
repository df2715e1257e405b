"""Submitting and cancelling, with stand-ins for the commands of Slurm."""

import json
import stat

import pytest

from engine.contract.errors import BadInput, StartFailed
from engine.contract.recipe.schema import Placement
from engine.contract.run.jobs import JobRecord
from engine.contract.run.process import ExitRecord
from engine.launch import control, restart, start
from engine.launch.slurm import submit


def test_a_run_is_submitted_with_its_own_script_and_remembers_its_job(bench, fake_slurm):
    run = bench.make(launcher="slurm", partition="gpu", cpus=2)
    start.start(run, approved={"/parts/a.py": "abc"})
    assert fake_slurm.calls("sbatch") == [f"--parsable {run.path}/job.sh"]
    text = (run.path / "job.sh").read_text()
    assert "#SBATCH --partition=gpu\n" in text and str(run.path) in text and "/parts/a.py" in text
    assert """--placement '{"threads": 2}' --slurm""" in text
    job = JobRecord.read(run.path)
    assert (job.launcher, job.job, job.attempt, job.resubmitted) == ("slurm", "77", 1, 0)
    assert stat.S_IMODE(run.log.stat().st_mode) == 0o600, "sbatch would create the log for all to read"


def test_the_cores_of_a_node_are_divided_among_its_ranks(bench, fake_slurm):
    run = bench.make(launcher="slurm", cpus=8, gpus=4, nodes=2)
    start.start(run)
    assert """--placement '{"threads": 4}' --slurm""" in (run.path / "job.sh").read_text()


def test_the_cluster_that_sbatch_names_is_kept(bench, fake_slurm):
    fake_slurm.answer("sbatch", "78;alps\n")
    run = bench.make(launcher="slurm")
    start.start(run)
    assert (JobRecord.read(run.path).job, JobRecord.read(run.path).cluster) == ("78", "alps")


def test_slurms_own_line_is_passed_on(bench, fake_slurm):
    lines = "sbatch: error: invalid partition specified: nope\nsbatch: error: Batch job submission failed: Invalid partition name specified\n"
    fake_slurm.answer("sbatch", "", lines, 1)
    run = bench.make(launcher="slurm")
    with pytest.raises(StartFailed, match="Batch job submission failed: Invalid partition name specified"):
        start.start(run)
    assert JobRecord.read(run.path) is None
    with pytest.raises(BadInput) as refused:
        submit.check(Placement(launcher="slurm", partition="nope"))
    assert refused.value.problems == ["--launcher slurm: Batch job submission failed: Invalid partition name specified"]


def test_settings_are_judged_once_for_all_runs_that_have_them(fake_slurm):
    for _ in range(3):
        submit.check(Placement(launcher="slurm", partition="gpu"))
    assert fake_slurm.calls("sbatch") == ["--test-only /dev/stdin"]
    submit.check(Placement(launcher="slurm", partition="long"))
    assert len(fake_slurm.calls("sbatch")) == 2


def test_without_slurm_one_line_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput) as refused:
        submit.check(Placement(launcher="slurm"))
    assert refused.value.problems == ["--launcher slurm: this machine has no sinfo"]


def test_a_controller_that_is_down_is_reported_in_its_words(fake_slurm):
    fake_slurm.answer("sinfo", "", "slurm_load_partitions: Unable to contact slurm controller\n", 1)
    with pytest.raises(BadInput, match="^--launcher slurm: Unable to contact slurm controller$"):
        submit.check(Placement(launcher="slurm"))


def test_the_trainer_has_less_time_to_stop_than_slurm_gives(fake_slurm):
    assert submit.grace_seconds() == 25.0, "if Slurm does not say"
    submit.limits.cache_clear()
    fake_slurm.answer("scontrol", "KillWait                = 60 sec\nMaxArraySize            = 301\nName = x\n")
    assert (submit.grace_seconds(), submit.array_size()) == (55.0, 300)


def test_an_array_has_one_line_for_each_run_and_each_run_knows_its_element(bench, fake_slurm):
    runs = [bench.make(launcher="slurm") for _ in range(3)]
    for run in runs:
        submit.prepare(run, {}, {})
    submit.start_array(runs, Placement(launcher="slurm", partition="gpu"))
    assert [JobRecord.read(run.path).job for run in runs] == ["77_0", "77_1", "77_2"]
    (call,) = fake_slurm.calls("sbatch")
    script = call.removeprefix("--parsable ")
    scripts = script.removesuffix(".sh") + ".txt"
    with open(scripts) as file:  # noqa: PTH123
        assert file.read().splitlines() == [f"{run.path}/job.sh" for run in runs]


def test_a_waiting_job_is_cancelled_by_a_stop_and_can_be_resumed(bench, fake_slurm):
    run = bench.make(launcher="slurm")
    start.start(run)
    fake_slurm.answer("squeue", "77|PENDING|Priority|0:00|1:00||N/A|2026-11-28T05:10:24|x\n")
    assert run.status().state == "queued"
    assert control.stop(run) == "was taken out of Slurm's queue (job 77)"
    assert fake_slurm.calls("scancel") == ["77"]
    assert (run.status().state, run.status().reason) == ("stopped", "cancelled")
    fake_slurm.answer("sbatch", "78\n")
    restart.resume(run, {"time": "2:00:00"})
    assert JobRecord.read(run.path).job == "78"
    text = (run.path / "job.sh").read_text()
    assert "#SBATCH --time=2:00:00\n" in text and json.dumps({"time": "2:00:00"}) in text


def test_a_run_that_waits_in_slurm_is_not_submitted_twice(bench, fake_slurm):
    run = bench.make(launcher="slurm")
    start.start(run)
    fake_slurm.answer("squeue", "77|PENDING|Priority|0:00|1:00||N/A|2026-11-28T05:10:24|x\n")
    with pytest.raises(BadInput, match="is queued"):
        restart.resume(run)
    with pytest.raises(BadInput, match="waits in Slurm as job 77"):
        submit.start(run)
    assert len([call for call in fake_slurm.calls("sbatch") if "parsable" in call]) == 1


def test_a_run_of_slurm_can_go_on_without_it(bench, fake_slurm):
    run = bench.make("finish", launcher="slurm")
    start.start(run)
    ExitRecord("stopped", attempt=1).write(run.exit)
    restart.resume(run, {"launcher": "local"}, supervisor=bench.supervisor)
    assert bench.ended(run).state == "finished"


def test_a_silent_supervisor_is_ended_with_scancel(bench, fake_slurm):
    run = bench.working("deaf", launcher="slurm")
    bench.processes(run)
    JobRecord("slurm", "77", attempt=1).write(run.path)
    proc = json.loads(run.proc.read_text())
    bench.end()
    run.proc.write_text(json.dumps(proc | {"host": "n1", "boot_id": "another"}))
    beat = json.loads(run.heartbeat.read_text())
    run.heartbeat.write_text(json.dumps(beat | {"t": beat["t"] - 1000}))
    fake_slurm.answer("squeue", "77|RUNNING|None|0:10|1:00|n1|N/A|2026-11-28T05:10:24|x\n")
    assert control.stop(run) == "was ended with scancel (job 77), since its supervisor is silent"
    assert fake_slurm.calls("scancel") == ["77"]
