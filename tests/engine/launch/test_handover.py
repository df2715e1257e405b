"""Runs handed over by a command of the user's own."""

from pathlib import Path

import pytest

from engine.contract.errors import BadInput, StartFailed
from engine.contract.recipe.schema import Placement
from engine.contract.run.jobs import JobRecord
from engine.launch import control, handover, job_script, restart, start

RUN = Path("/runs/20261128-101530-k3f9")
FAKE = Path(__file__).with_name("fake_supervisor.py")


def words(template: str, run: Path = RUN, **placement: object) -> list[str]:
    return handover.words(Placement(launcher="command", template=template, **placement), run)


def test_the_run_is_its_job_script_as_two_words_or_as_one_text():
    assert words("ssh gpubox {run}") == ["ssh", "gpubox", "/bin/sh", f"{RUN}/job.sh"]
    assert words("bash -lc 'cd /tmp; {run}'") == ["bash", "-lc", f"cd /tmp; /bin/sh {RUN}/job.sh"]


def test_the_other_fields_stand_anywhere_in_a_word():
    found = words("bsub -J {name} -n {cpus} -gpu num={gpus} {run}", cpus=4)
    assert found == ["bsub", "-J", "cifar-tui-k3f9", "-n", "4", "-gpu", "num=1", "/bin/sh", f"{RUN}/job.sh"]
    assert words("x {gpus} {cpus} {run}", device="cpu")[1:3] == ["0", "1"]


def test_a_path_with_spaces_is_quoted_for_the_shell_at_the_other_end():
    assert words("ssh box {run}", Path("/my runs/x"))[-1] == "'/my runs/x/job.sh'"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("", "needs {run}"),
        ("ssh gpubox", "needs {run}"),
        ("ssh 'gpubox {run}", "no closing quotation"),
        ("ssh {host} {run}", "{host} is not a field; choose from run, gpus, cpus, name"),
    ],
)
def test_a_template_that_cannot_work_is_refused_in_one_line(template, said):
    with pytest.raises(BadInput) as refused:
        words(template)
    (problem,) = refused.value.problems
    assert said in problem


@pytest.fixture
def quick(monkeypatch):
    real = job_script.supervise

    def supervise(run, changes, *options):
        python, _, _, *rest = real(run, changes, *options)
        return [python, str(FAKE), *rest]

    monkeypatch.setattr(job_script, "supervise", supervise)


@pytest.mark.usefixtures("quick")
def test_a_run_is_executed_wherever_the_command_takes_it_and_resumed_the_same_way(bench, tmp_path):
    run = bench.make(
        "work", launcher="command", template="env PLACE=there {run}", setup=f'echo "$PLACE" >{tmp_path}/at'
    )
    handover.start(run, timeout=0.5)  # the command lasts as long as the run, as ssh does
    bench.until(lambda: run.events.exists() and b'"step"' in run.events.read_bytes())
    assert (tmp_path / "at").read_text() == "there\n"
    job = JobRecord.read(run.path)
    assert (job.launcher, job.attempt) == ("command", 1)
    control.stop(run)
    assert bench.ended(run).state == "stopped"
    (run.path / "go").touch()
    restart.resume(run)
    assert bench.ended(run).state == "finished" and bench.record(run).attempt == 2


def test_a_command_that_only_submits_leaves_the_run_queued(bench):
    run = bench.make(launcher="command", template="echo accepted {run}")
    start.start(run)
    assert run.log.read_text() == f"accepted /bin/sh {run.path}/job.sh\n"
    assert (run.status().state, run.status().note) == ("queued", "handed over; its supervisor has not begun")


def test_a_run_that_waits_elsewhere_cannot_be_stopped_from_here_but_started_again(bench):
    run = bench.make(launcher="command", template="echo accepted {run}")
    start.start(run)
    with pytest.raises(BadInput, match="has not begun; cancel it where its command has submitted it"):
        control.stop(run)
    restart.resume(run)
    assert run.log.read_text().count("accepted") == 2


@pytest.mark.usefixtures("quick")
def test_a_job_that_comes_too_late_leaves_a_finished_run_alone(bench):
    run = bench.make("finish", launcher="command", template="env {run}")
    start.start(run)
    assert bench.ended(run).state == "finished"
    with pytest.raises(StartFailed, match="is finished"):
        start.start(run)
    assert run.status().state == "finished"


def test_a_command_that_fails_is_reported_with_its_last_line(bench):
    run = bench.make(launcher="command", template="sh -c 'echo no such queue >&2; exit 3' {run}")
    with pytest.raises(StartFailed, match="could not be handed over: sh: no such queue"):
        start.start(run)
