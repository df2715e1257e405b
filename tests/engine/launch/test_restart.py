"""Resume and restart runs: after a kill, a reboot, a change, and never beside a process that is alive."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from engine.contract.errors import BadInput
from engine.contract.run import pulse
from engine.contract.run.event_file import EventReader
from engine.contract.run.events import RunStarted
from engine.contract.run.folder import RunFolder
from engine.contract.run.process import ExitRecord, alive
from engine.launch import control, local, restart

Bench = Any  # tests/engine/launch/conftest.py, which cannot be imported


@pytest.fixture
def orphan(bench: Bench) -> RunFolder:
    """A run whose supervisor has been killed with kill -9 beside a trainer at work."""
    run = bench.working()
    supervisor, _ = bench.processes(run)
    os.kill(supervisor.pid, signal.SIGKILL)
    bench.until(lambda: not alive(supervisor, run.path))
    return run


def rewrite(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_an_orphaned_run_is_not_resumed_while_its_trainer_lives(bench: Bench, orphan: RunFolder):
    with pytest.raises(BadInput, match="is running; stop or kill it first"):
        restart.resume(orphan, supervisor=bench.supervisor)
    with pytest.raises(local.StartFailed, match="is in use by another process"):
        local.start(orphan, supervisor=bench.supervisor)


def test_a_trainer_that_cannot_be_proven_alive_still_holds_its_run(bench: Bench, orphan: RunFolder):
    """The record may be lost or seen from another container: the lock that the trainer inherited does not lie."""
    orphan.proc.unlink()
    with pytest.raises(local.StartFailed, match="is in use by another process"):
        local.start(orphan, supervisor=bench.supervisor)


def test_resume_after_a_kill_makes_a_second_attempt(bench: Bench):
    run = bench.working()
    os.kill(bench.processes(run)[1].pid, signal.SIGKILL)
    first = bench.record(run)
    restart.resume(run, {"threads": 3, "data_dir": "here"}, supervisor=bench.supervisor)
    assert ExitRecord.read(run.exits / "1.json") == first
    assert not run.exit.exists()
    bench.until(lambda: sum(isinstance(event, RunStarted) for event in EventReader(run.events).poll()) == 2)
    seen = (run.path / "seen.txt").read_text()
    assert '"threads":3' in seen and f'"data_dir":"{Path("here").absolute()}"' in seen
    (run.path / "go").touch()
    second = bench.record(run)
    assert (first.state, first.attempt, second.state, second.attempt) == ("failed", 1, "finished", 2)
    assert run.log.read_text().count("--- attempt") == 2


def test_the_words_of_an_earlier_attempt_are_not_taken_for_this_one(bench: Bench):
    run = bench.working()
    control.stop(run)
    assert bench.ended(run).state == "stopped"
    (run.path / "fake.txt").write_text("refuse")
    restart.resume(run, supervisor=bench.supervisor)
    assert (bench.record(run).state, bench.record(run).reason) == ("failed", "bad_input")


def test_resume_refuses_what_is_at_work_or_finished(bench: Bench):
    run = bench.working()
    with pytest.raises(BadInput, match="is running"):
        restart.resume(run, supervisor=bench.supervisor)
    (run.path / "go").touch()
    bench.ended(run)
    with pytest.raises(BadInput, match=f"is finished; start a new one from it with --preset run:{run.id}"):
        restart.resume(run, supervisor=bench.supervisor)


def test_a_resume_right_after_the_last_word_waits_for_the_supervisor(bench: Bench):
    """A viewer reads "stopped" in the events before the supervisor has written how it ended, and gone."""
    for _ in range(3):
        run = bench.working()
        control.stop(run)
        bench.until(lambda run=run: b'"stopped"' in run.events.read_bytes())
        restart.resume(run, supervisor=bench.supervisor)
        (run.path / "go").touch()
        assert bench.record(run).state == "finished"
        assert (run.exits / "1.json").exists()


def test_a_resume_waits_for_a_trainer_that_takes_its_time_to_stop(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_GRACE", "1")
    run = bench.working("deaf")
    control.stop(run)
    bench.until(lambda: run.status().state == "stopping")
    (run.path / "fake.txt").write_text("finish")
    restart.resume(run, supervisor=bench.supervisor)
    assert bench.record(run).state == "finished"
    assert ExitRecord.read(run.exits / "1.json").state == "stopped"


def test_a_resume_does_not_wait_for_ever(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(restart, "ENDING_SECONDS", 0.3)
    run = bench.working("deaf")
    control.stop(run)
    bench.until(lambda: run.status().state == "stopping")
    with pytest.raises(BadInput, match="is stopping"):
        restart.resume(run, supervisor=bench.supervisor)


def test_resume_refuses_another_recipe(bench: Bench):
    run = bench.make()
    text = run.recipe_toml.read_text()
    run.recipe_toml.write_text(text.replace("batch_size = 8", "batch_size = 16"))
    with pytest.raises(BadInput, match=r"recipe\.toml is not the recipe that the run was created with"):
        restart.resume(run, supervisor=bench.supervisor)
    assert not run.proc.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"device": "tpu"}, "device: .*'tpu'"),
        ({"devise": "cpu"}, r"unknown key devise; did you mean device\?"),
        ({"gpus": 2}, "gpus = 2 needs GPUs, but the device is cpu"),
        ({"gpus": 2, "nodes": 2}, "nodes = 2: only launcher slurm starts a run on several nodes, not local"),
    ],
)
def test_resume_refuses_an_unfit_placement(bench: Bench, changes: dict[str, Any], message: str):
    run = bench.make()
    with pytest.raises(BadInput, match=message):
        restart.resume(run, changes, supervisor=bench.supervisor)
    assert not run.proc.exists()


def test_after_a_reboot_runs_are_started_again_in_their_order(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pulse, "WATCH_SECONDS", 0.5)
    runs = [bench.start("finish") for _ in range(3)]
    for run in runs:
        bench.ended(run)
        run.exit.unlink()
        run.events.unlink()
        rewrite(run.proc, boot_id="before")
        rewrite(run.heartbeat, t=0.0)
    assert {(run.status().state, run.status().reason) for run in runs} == {("lost", "reboot")}
    runs[1].recipe_toml.write_text("no recipe")
    said: list[str] = []
    outcome = restart.restart_lost(runs[::-1], supervisor=bench.supervisor, say=said.append)
    assert len(said) <= 1, "the first look at all of them is when the watch begins"
    assert list(outcome) == sorted(run.id for run in runs)
    assert outcome.pop(runs[1].id).startswith(f"run {runs[1].id}: recipe.toml is not valid TOML")
    assert set(outcome.values()) == {""}
    assert {bench.ended(run).state for run in (runs[0], runs[2])} == {"finished"}
