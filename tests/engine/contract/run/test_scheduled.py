"""The state of a run that Slurm has: while its job waits, and how it ended if it could not say so itself."""

import time

import pytest

from engine.contract.run import scheduled
from engine.contract.run.jobs import JobRecord
from engine.contract.run.process import ExitRecord, Heartbeat, Identity, ProcRecord
from engine.contract.run.squeue import SlurmJob


@pytest.fixture
def says(monkeypatch):
    """Lets Slurm say something about every job."""

    def say(state: str, reason: str = "", nodes: str = "", start: float = 0.0) -> None:
        word = SlurmJob(state, reason, nodes, start) if state else None
        monkeypatch.setattr("engine.contract.run.squeue.job", lambda number, submitted: word)

    return say


def submit(run, **changes) -> None:
    JobRecord("slurm", "12", submitted=time.time(), **changes).write(run.path)


def begin(run, age: float = 1.0) -> None:
    """An attempt under way on another machine, whose last heartbeat is so old."""
    (run.path / "attempts").mkdir(exist_ok=True)
    (run.path / "attempts" / "1").touch()
    ProcRecord("n1", "another-boot", Identity("n1", "another-boot", 4711, 1.0)).write(run.proc)
    Heartbeat(4711, "running", t=time.time() - age, beats=7).write(run.heartbeat)


def test_a_waiting_job_is_queued_with_slurms_reason_and_the_expected_start(run, says):
    submit(run)
    soon = time.time() + 3600
    says("PENDING", "Resources", start=soon)
    state = run.status()
    clock = time.strftime("%H:%M", time.localtime(soon))
    assert (state.state, state.note) == (
        "queued",
        f"Slurm job 12: Resources (no node is free), expected to start {clock}",
    )
    says("PENDING", "QOSMaxJobsPerUserLimit")
    assert run.status().note == "Slurm job 12: QOSMaxJobsPerUserLimit"
    says("PENDING", "Priority", start=time.time() + 3 * 86400)
    assert time.strftime("%d %b", time.localtime(time.time() + 3 * 86400)) in run.status().note


def test_a_job_that_has_just_started_is_starting(run, says):
    submit(run)
    says("RUNNING", nodes="n1")
    state = run.status()
    assert (state.state, state.message) == ("starting", "Slurm job 12 is running on n1")


def test_where_slurm_cannot_be_asked_the_run_stays_queued_and_says_so(run, says):
    submit(run)
    says("")
    assert (run.status().state, run.status().note) == ("queued", "Slurm job 12; Slurm cannot be asked from here")


def test_a_job_that_slurm_has_forgotten_is_lost(run, says):
    submit(run)
    says("GONE")
    assert (run.status().state, run.status().reason) == ("lost", "supervisor_lost")


def test_a_cancelled_job_stays_cancelled_whatever_slurm_remembers(run, says):
    submit(run, cancelled=True)
    says("GONE")
    assert (run.status().state, run.status().reason) == ("stopped", "cancelled")


NAMED = {
    "CANCELLED": ("stopped", "cancelled", "runs resume"),
    "TIMEOUT": ("preempted", "time_limit", "runs resume"),
    "PREEMPTED": ("preempted", "preempted", "runs resume"),
    "NODE_FAIL": ("lost", "node_failure", "runs resume"),
    "OUT_OF_MEMORY": ("failed", "out_of_memory", "--memory"),
}


@pytest.mark.parametrize("word", NAMED)
def test_each_ending_has_its_name_and_says_what_can_be_done(run, says, word):
    submit(run)
    begin(run)
    says("RUNNING")
    assert run.status().state == "running"
    says(word)
    state = run.status()
    *named, offer = NAMED[word]
    assert [state.state, state.reason] == named and offer in state.message
    assert not state.live, "though the last heartbeat is a second old"


def test_the_same_words_name_a_job_that_ended_before_it_began(run, says):
    submit(run)
    says("NODE_FAIL")
    state = run.status()
    assert (state.state, state.reason) == ("lost", "node_failure")
    assert state.message.startswith("Slurm job 12 ended before the run began")


def test_the_exit_record_comes_before_slurms_word(run, says):
    submit(run)
    begin(run)
    ExitRecord("finished", attempt=1).write(run.exit)
    says("CANCELLED")
    assert run.status().state == "finished"


def test_a_completed_job_whose_record_is_not_visible_yet_counts_as_running(run, says):
    submit(run)
    begin(run)
    says("COMPLETED")
    assert run.status().state == "running"


def test_a_silent_supervisor_whose_job_runs_is_running_and_says_since_when(run, says):
    submit(run)
    begin(run, age=600.0)
    says("RUNNING")
    state = run.status()
    assert state.state == "running"
    assert state.message == "no heartbeat from n1 for 10 min; Slurm job 12 is running"


def test_a_preempted_run_offers_to_be_resumed_and_waits_once_it_is_submitted_again(run, says):
    submit(run)
    begin(run)
    ExitRecord("preempted", "preempted", "a job with more priority preempted it", attempt=1).write(run.exit)
    says("GONE")
    assert run.status().message.endswith(scheduled.RESUME)
    submit(run, attempt=2, resubmitted=1)
    says("PENDING", "Priority")
    assert run.status().state == "queued"


def test_a_job_says_nothing_about_an_attempt_that_was_started_otherwise(run, says):
    submit(run)
    begin(run)
    (run.path / "attempts" / "2").touch()
    says("CANCELLED")
    assert run.status().state == "running"


def test_a_run_handed_over_by_a_command_waits_for_its_supervisor(run):
    JobRecord("command").write(run.path)
    assert (run.status().state, run.status().note) == ("queued", "handed over; its supervisor has not begun")
