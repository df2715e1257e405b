"""What the command line says of runs that work on another machine, and of runs whose folder was moved."""

import dataclasses
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from engine.contract.home import folder_key
from engine.contract.recipe.catalog import catalog
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import RunStarted
from engine.contract.run.process import host_name, identify
from engine.contract.run.records import Heartbeat, Identity, ProcRecord
from engine.contract.run.store import RunFolder, create, runs_root
from presets import references


@pytest.fixture
def working() -> Callable[..., RunFolder]:
    """A run that works on gpubox, whose supervisor gave a sign so many seconds ago."""

    def make(age: float, **record: str) -> RunFolder:
        run = create(runs_root(), references.recipe_of("quickstart", catalog()), seed=0)
        there = Identity(**{"host": "gpubox", "boot_id": "there", "pid": 4242, "create_time": 1.0} | record)
        ProcRecord(there.host, there.boot_id, there).write(run.proc)
        Heartbeat(4242, "running", t=time.time() - age, beats=7).write(run.heartbeat)
        with EventWriter(run.events) as events:
            events.write(RunStarted(epochs=3))
        return run

    return make


def test_the_list_says_when_a_run_elsewhere_was_last_seen(cli, working):
    for age, said in ((14, "running, last seen 14 s ago"), (-90, "running, last seen just now")):
        run = working(age)
        (row,) = (line for line in cli("runs", "list").out.splitlines() if run.id in line)
        assert said in row.replace("15 s", "14 s")


def test_show_says_where_it_was_seen_and_never_a_negative_age(cli, working):
    run = working(-90)
    shown = cli("runs", "show", run.id).out.splitlines()[0]
    assert shown.startswith("status    running: last seen just now on gpubox, whose clock is ")
    assert shown.endswith(" s ahead") and "-" not in shown


def test_stop_leaves_a_request(cli, working):
    run = working(1)
    stopped = cli("runs", "stop", run.id)
    assert (stopped.code, stopped.err) == (0, "")
    assert (
        stopped.out
        == f"{run.id} was asked to stop: its supervisor on gpubox will see the request at its next heartbeat\n"
    )
    assert len(list((run.path / "requests").iterdir())) == 1


def test_a_supervisor_of_an_earlier_version_reads_no_requests(cli, working):
    run = working(1)
    run.heartbeat.write_text(json.dumps({"pid": 4242, "state": "running", "t": time.time()}))
    for act in (("stop",), ("kill", "--yes")):
        refused = cli("runs", *act, run.id)
        assert refused.code == 2
        assert (
            f"run {run.id} runs on gpubox under an earlier version, which reads no requests: give the command on that machine"
            in refused.err
        )
    assert not (run.path / "requests").exists()


def test_after_a_reboot_a_run_that_was_seen_lately_is_named_and_not_started(cli, working):
    run = working(20, host=host_name())
    answer = cli("runs", "resume", "@lost")
    assert answer.code == 0 and run.id in answer.err and "retry in two minutes" in answer.err
    assert not run.log.exists()


@pytest.fixture
def moved() -> Iterator[RunFolder]:
    """A run that was moved while a process worked on it."""
    run = create(runs_root(), references.recipe_of("quickstart", catalog()), seed=0)
    process = subprocess.Popen(["/bin/sh", "-c", "read line; :", "worker", str(run.path)], stdin=subprocess.PIPE)
    while not psutil.Process(process.pid).cmdline():
        pass
    identity = dataclasses.replace(identify(process.pid), folder=folder_key(run.path))
    ProcRecord(identity.host, identity.boot_id, identity).write(run.proc)
    there = RunFolder(run.path.parent.with_name("moved") / run.id)
    there.path.parent.mkdir()
    run.path.rename(there.path)
    yield there
    process.kill()
    process.communicate()


def test_in_a_moved_folder_show_and_stop_say_that_it_is_ending(cli, moved, monkeypatch):
    root = ("--runs-dir", str(moved.path.parent))
    with monkeypatch.context() as patch:
        for name in ("kill", "killpg", "pidfd_open"):
            patch.setattr(os, name, lambda *arguments: pytest.fail(f"signalled {arguments}"))
        shown = cli("runs", "show", moved.id, *root)
        assert shown.out.splitlines()[0] == "status    stopping (moved): ending because its folder was moved"
        for act in ("stop", "kill"):
            more = ("--yes",) if act == "kill" else ()
            said = cli("runs", act, moved.id, *more, *root)
            assert (said.code, said.out) == (0, f"{moved.id} is ending because its folder was moved\n")
        refused = cli("runs", "rm", "--yes", moved.id, *root)
        assert refused.code == 2 and moved.path.exists()
