"""What a supervisor in a job asks of Slurm at its end, with stand-ins for the commands of Slurm."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.contract.run.jobs import JobRecord
from engine.contract.run.process import ExitRecord
from engine.launch.reasons import Ending
from engine.launch.slurm.resubmit import submit_again, why_ended

STOPPED = Ending("stopped", message="stopped in epoch 3")
AT_WORK = "JobId=77 JobState=RUNNING Reason=None PreemptTime=None EndTime=Unknown\n"
PREEMPTED = "JobId=77 JobState=RUNNING Reason=None PreemptTime=2026-11-28T05:10:23 EndTime=Unknown\n"
CANCELLED = "JobId=77 JobState=COMPLETING Reason=None PreemptTime=None EndTime=2026-11-28T05:09:55\n"
"""As Slurm 22.05.8 prints them while it sends SIGTERM."""


@pytest.mark.parametrize(
    ("shown", "requested", "state", "reason"),
    [
        (AT_WORK, "preempted", "preempted", "time_limit"),
        (PREEMPTED, "stopped", "preempted", "preempted"),
        (PREEMPTED, "preempted", "preempted", "preempted"),
        (CANCELLED, "stopped", "stopped", "cancelled"),
        ("", "stopped", "stopped", "cancelled"),
        ("", "preempted", "preempted", "time_limit"),
    ],
)
def test_the_same_signal_has_the_reason_that_slurm_gives(fake_slurm, shown, requested, state, reason):
    fake_slurm.answer("scontrol", shown)
    told = why_ended(STOPPED, requested)
    assert (told.state, told.reason) == (state, reason)
    assert told.message.endswith("; stopped in epoch 3")


@pytest.mark.parametrize("ending", [Ending("finished"), Ending("failed", "diverged", "the loss is nan")])
def test_a_run_that_ended_by_itself_keeps_its_own_reason(fake_slurm, ending):
    assert why_ended(ending, "preempted") == ending


KILLED = Ending(
    "failed", "killed", "another rank of this run ended without giving a reason, as after kill -9; see the log"
)
HUNG = Ending("failed", "hung", "rank 1 hangs: no sign of life from its process for 180 s")
DEAF = Ending("stopped", "", "did not stop within 25 s and was killed; work after the last checkpoint is lost")
DOWN, SILENT, WELL = "n1 allocated\nn2 down*\nn2 down*\n", "n1 mixed\nn2 allocated*\n", "n1 allocated\nn2 allocated\n"


@pytest.mark.parametrize(
    ("ending", "requested", "nodes", "failed"),
    [
        (DEAF, "stopped", DOWN, True),  # Slurm ends the job because of the node
        (KILLED, "", DOWN, True),  # the ranks noticed it first
        (HUNG, "", SILENT, True),  # and Slurm has not given the node up yet
        (HUNG, "", WELL, False),
        (HUNG, "", "", False),
        (DEAF, "stopped", SILENT, False),  # a busy node may be late to answer while a user cancels the job
    ],
)
def test_a_node_that_has_failed_is_the_reason_whoever_noticed_it(
    fake_slurm, monkeypatch, ending, requested, nodes, failed
):
    monkeypatch.setenv("SLURM_JOB_NODELIST", "n[1-2]")
    fake_slurm.answer("sinfo", nodes)
    told = why_ended(ending, requested)
    assert fake_slurm.calls("sinfo") == ["-h -N -n n[1-2] -o %N %T"]
    assert (told.state == "lost" and told.reason == "node_failure") is failed
    assert not failed or told.message == f"node n2 failed; {ending.message}"


@pytest.mark.parametrize("ending", [Ending("finished"), Ending("failed", "diverged"), Ending("stopped", "killed")])
def test_slurm_is_not_asked_about_nodes_where_none_can_have_failed(fake_slurm, ending):
    assert why_ended(ending, "") == ending
    assert fake_slurm.calls("sinfo") == []


@pytest.fixture
def ended(bench):
    run = bench.make(launcher="slurm")
    ExitRecord("preempted", "time_limit", attempt=1).write(run.exit)
    JobRecord("slurm", "77", attempt=1).write(run.path)
    (run.path / "job.sh").write_text("#!/bin/sh\n")
    return run


TIMED_OUT = Ending("preempted", "time_limit")


def test_the_stored_script_is_submitted_again_and_counted(fake_slurm, ended, monkeypatch):
    fake_slurm.answer("sbatch", "78\n")
    lines: list[str] = []
    submit_again(ended, TIMED_OUT, 2, lines.append)
    assert fake_slurm.calls("sbatch") == [f"--parsable {ended.path}/job.sh"]
    job = JobRecord.read(ended.path)
    assert (job.job, job.attempt, job.resubmitted) == ("78", 2, 1)
    assert lines == ["submitted again as job 78 (1 of 2)"]
    ExitRecord("preempted", "time_limit", attempt=2).write(ended.exit)
    submit_again(ended, TIMED_OUT, 2, lines.append)
    ExitRecord("preempted", "time_limit", attempt=3).write(ended.exit)
    submit_again(ended, TIMED_OUT, 2, lines.append)
    assert len(fake_slurm.calls("sbatch")) == 2 and "2 times are allowed" in lines[-1]
    assert JobRecord.read(ended.path).attempt == 3, "no job is to carry out the fourth attempt"


@pytest.mark.parametrize(
    "ending", [Ending("stopped", "cancelled"), Ending("finished"), Ending("failed", "diverged"), Ending("preempted")]
)
def test_nothing_else_is_submitted_again(fake_slurm, ended, ending):
    submit_again(ended, ending, 3, print)
    assert fake_slurm.calls("sbatch") == fake_slurm.calls("scontrol") == []
    assert JobRecord.read(ended.path).resubmitted == 0


def test_the_command_that_requeues_its_own_job_survives_slurms_signal(fake_slurm, ended, monkeypatch):
    """Slurm ends all processes of the job, and the command may still be among them."""
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    fake_slurm.answer("sbatch", "", "sbatch: error: Access/permission denied\n", 1)
    scontrol = fake_slurm.folder / "scontrol"
    scontrol.write_text("#!/bin/sh\nkill -TERM $$\n")
    lines: list[str] = []
    submit_again(ended, TIMED_OUT, 3, lines.append)
    assert lines[-1] == "job 77 is back in the queue (1 of 3)"
    assert JobRecord.read(ended.path).attempt == 2
    assert signal.getsignal(signal.SIGTERM) != signal.SIG_IGN


def test_a_node_that_may_not_submit_puts_its_job_back_into_the_queue(fake_slurm, ended, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    fake_slurm.answer("sbatch", "", "sbatch: error: Access/permission denied\n", 1)
    lines: list[str] = []
    submit_again(ended, TIMED_OUT, 3, lines.append)
    assert fake_slurm.calls("scontrol") == ["update JobId=77 Requeue=1", "requeue 77"]
    job = JobRecord.read(ended.path)
    assert (job.job, job.attempt, job.resubmitted) == ("77", 2, 1)


def test_where_both_are_refused_the_run_stays_preempted_and_offers_to_be_resumed(fake_slurm, ended, monkeypatch):
    fake_slurm.answer("sbatch", "", "sbatch: error: Access/permission denied\n", 1)
    fake_slurm.answer("scontrol", "", "scontrol: error: Access/permission denied\n", 1)
    lines: list[str] = []
    submit_again(ended, TIMED_OUT, 3, lines.append)
    state = ended.status()
    assert (state.state, state.reason) == ("preempted", "time_limit")
    assert "`runs resume` submits it again" in state.message
    assert "Access/permission denied" in lines[-1]


def test_a_job_does_not_pass_its_own_settings_on_to_the_next(fake_slurm, ended, monkeypatch):
    for name in ("SLURM_CPUS_PER_TASK", "SRUN_DEBUG", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("SLURM_CONF", "/etc/slurm.conf")
    (fake_slurm.folder / "sbatch").write_text(f"#!/bin/sh\nenv >{fake_slurm.folder}/env\necho 79\n")
    submit_again(ended, TIMED_OUT, 3, lambda text: None)
    names = {line.partition("=")[0] for line in (fake_slurm.folder / "env").read_text().splitlines()}
    assert "SLURM_CONF" in names and not names & {"SLURM_CPUS_PER_TASK", "SRUN_DEBUG", "CUDA_VISIBLE_DEVICES"}


TRAINER = """
import os, signal, sys
sys.argv = ["engine", "/nowhere"]
import builtins
real = builtins.__import__
def watch(name, *args, **kwargs):
    if name.split(".")[0] == "torch":
        raise AssertionError("torch came first")
    return real(name, *args, **kwargs)
builtins.__import__ = watch
from engine import __main__ as trainer
trainer.main(["/nowhere"])
for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):
    os.kill(os.getpid(), number)
print("alive")
"""


def test_a_trainer_ignores_the_schedulers_signals_before_it_imports_torch():
    done = subprocess.run([sys.executable, "-c", TRAINER], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "alive\n", done.stderr


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP])
def test_a_trainer_at_its_gate_ignores_them_too(number):
    gate = Path(__file__).resolve().parents[4] / "engine" / "launch" / "gate.py"
    read, write = os.pipe()
    script = f"import signal; print(signal.getsignal({int(number)}) == signal.SIG_IGN)"
    waiting = subprocess.Popen(
        [sys.executable, "-I", "-S", str(gate), str(read), "0", sys.executable, "-c", script],
        pass_fds=(read,), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.write(write, b"\n")
    out, _ = waiting.communicate(timeout=60)
    os.close(read)
    os.close(write)
    assert out == "True\n"
