"""Runs that no signal reaches: asked through their folder, judged by their heartbeat, and never started twice.

Another machine is another boot or another process namespace. Where the kernel allows it, a real namespace plays that
part; elsewhere the record of the run is made to name another boot.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.contract.errors import BadInput
from engine.contract.run import pulse
from engine.contract.run.folder import RunFolder
from engine.contract.run.process import ProcRecord
from engine.launch import control, elsewhere, local, restart

Bench = Any  # tests/engine/launch/conftest.py, which cannot be imported

CLI = [sys.executable, "-c", "from tui.cli import main; main()"]
NAMESPACE = ["unshare", "--pid", "--fork", "--mount-proc"]


def put_elsewhere(run: RunFolder, **changes: Any) -> None:
    """Let the record of a run at work say that it works under another boot of another host."""
    table = json.loads(run.proc.read_text())
    run.proc.write_text(json.dumps(table | {"host": "gpubox", "boot_id": "another"} | changes))


@pytest.fixture
def no_signals(bench: Bench) -> Iterator[None]:
    """This process signals nobody, until the bench clears up."""

    def refuse(*arguments: object) -> None:
        raise AssertionError(f"signalled {arguments}")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("kill", "killpg", "pidfd_open"):
            patch.setattr(os, name, refuse)
        yield


@pytest.mark.usefixtures("no_signals")
@pytest.mark.parametrize(
    ("act", "said", "state", "reason"),
    [
        (
            control.stop,
            "was asked to stop: its supervisor on gpubox will see the request at its next heartbeat",
            "stopped",
            "",
        ),
        (lambda run: control.stop(run, preempt=True), None, "preempted", ""),
        (control.kill, "was killed", "stopped", "killed"),
    ],
    ids=["stop", "preempt", "kill"],
)
def test_a_run_elsewhere_is_asked_through_its_folder(bench: Bench, act: Any, said: str | None, state: str, reason: str):
    run = bench.working()
    put_elsewhere(run)
    words = act(run)
    assert said in (None, words)
    record = bench.record(run)
    assert (record.state, record.reason) == (state, reason)
    assert list((run.path / "requests").iterdir()) == []


@pytest.mark.usefixtures("no_signals")
def test_a_kill_that_is_not_obeyed_in_time_says_that_it_was_asked_for(bench: Bench):
    run = bench.working()
    put_elsewhere(run)
    words = control.kill(run, patience=0.0)
    assert words == "was asked to end at once: its supervisor on gpubox will see the request at its next heartbeat"
    assert bench.record(run).reason == "killed"


@pytest.mark.usefixtures("no_signals")
def test_a_waiting_run_elsewhere_leaves_the_queue_on_request(bench: Bench):
    bench.working()
    waiting = bench.start()
    bench.until(lambda: waiting.status().state == "queued")
    put_elsewhere(waiting)
    control.cancel(waiting)
    assert bench.ended(waiting).state == "stopped"


def test_a_request_is_as_private_as_the_run_and_says_who_asks(bench: Bench):
    for share, closed in (("private", 0o077), ("group", 0o007)):
        run = bench.make(share=share)
        elsewhere.ask(run, "stop")
        (request,) = (run.path / "requests").iterdir()
        assert request.parent.stat().st_mode & closed == 0 and request.stat().st_mode & closed == 0
        assert elsewhere.NAME.fullmatch(request.name)
        assert json.loads(request.read_text())["act"] == "stop"


def test_what_was_asked_of_an_earlier_attempt_does_not_stop_the_next_one(bench: Bench):
    run = bench.make("finish")
    elsewhere.ask(run, "kill")
    local.start(run, supervisor=bench.supervisor, timeout=60)
    assert bench.record(run).state == "finished"


def test_what_is_no_request_is_not_obeyed(bench: Bench, tmp_path: Path):
    run = bench.working()
    folder = run.path / "requests"
    folder.mkdir()
    name = "0123456789abcde"
    for number, text in enumerate(
        ['{"act": "format"}', "[]", '{"act": ["stop"]}', "{", '{"act": null}', '"stop"', "[" * 100_000]
    ):
        (folder / f"{name}{number}.json").write_text(text)
    (folder / "stop.json").write_text('{"act": "stop"}')
    (folder / ".0123456789abcdef.json").write_text('{"act": "stop"}')
    outside = tmp_path / "stop.json"
    outside.write_text('{"act": "stop"}')
    (folder / f"{name}a.json").symlink_to(outside)
    os.mkfifo(folder / f"{name}b.json")
    (folder / f"{name}c.json").mkdir()
    bench.until(lambda: not (folder / f"{name}0.json").exists())
    before = run.heartbeat.read_bytes()
    bench.until(lambda: run.heartbeat.read_bytes() != before)
    assert run.status().state == "running"
    assert outside.exists()


def test_requests_through_a_link_are_neither_read_nor_written(bench: Bench, tmp_path: Path):
    run = bench.working()
    (run.path / "requests").symlink_to(tmp_path)
    put_elsewhere(run)
    with pytest.raises(BadInput, match=f"cannot write to run {run.id}: requests is a link to"):
        control.stop(run)
    (tmp_path / "0123456789abcdef.json").write_text('{"act": "stop"}')
    before = run.heartbeat.read_bytes()
    bench.until(lambda: run.heartbeat.read_bytes() != before)
    assert run.status().state == "running"
    assert (tmp_path / "0123456789abcdef.json").exists()


# --- a second trainer -----------------------------------------------------------------------------------------


@pytest.fixture
def short_watch(monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr(pulse, "WATCH_SECONDS", 2.0)
    monkeypatch.setattr(pulse, "LISTED_SECONDS", 0.0)
    monkeypatch.setattr(pulse, "POLL_SECONDS", 0.1)
    return 2.0


def test_a_run_that_only_seems_to_be_dead_is_not_started_again(bench: Bench, short_watch: float):
    run = bench.working()
    put_elsewhere(run)
    assert run.status().state == "lost", "as with a clock that is far off, and one look"
    said: list[str] = []
    with pytest.raises(BadInput, match=r"is active on gpubox: its heartbeat is advancing|is running"):
        restart.resume(run, supervisor=bench.supervisor, say=said.append)


def test_a_run_that_is_dead_elsewhere_is_started_again_after_it_was_watched(bench: Bench, short_watch: float):
    run = bench.working()
    for process in bench.processes(run):
        os.kill(process.pid, 9)
    bench.until(lambda: not bench.alive())
    put_elsewhere(run)
    said: list[str] = []
    started = time.monotonic()
    restart.resume(run, supervisor=bench.supervisor, say=said.append)
    assert time.monotonic() - started >= short_watch
    assert said == [f"run {run.id} may still be active on gpubox: watching its heartbeat for 2 s"]
    (run.path / "go").touch()
    assert bench.ended(run).state == "finished"


def test_a_run_that_has_an_exit_record_is_started_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    run = bench.working()
    control.stop(run)
    bench.ended(run)
    bench.until(lambda: not bench.alive())
    put_elsewhere(run)
    monkeypatch.setattr(pulse, "watch", lambda *_: pytest.fail("it was watched"))
    restart.resume(run, supervisor=bench.supervisor)
    (run.path / "go").touch()
    assert bench.ended(run).state == "finished"


def test_a_supervisor_that_is_started_by_hand_watches_too(bench: Bench, tmp_path: Path):
    """As a cluster does that runs a lost job again."""
    run = bench.working()
    put_elsewhere(run)
    script = tmp_path / "by_hand.py"
    script.write_text(
        "import sys\nfrom engine.contract.run import pulse\nfrom engine.launch import supervise\n"
        "pulse.WATCH_SECONDS, pulse.POLL_SECONDS = 20.0, 0.1\nsys.exit(supervise.main(sys.argv[1:]))"
    )
    asked = subprocess.run([sys.executable, script, run.path], capture_output=True, text=True, check=False)
    assert asked.returncode == 1
    assert asked.stderr == f"error: run {run.id} is active on gpubox: its heartbeat is advancing\n"
    assert ProcRecord.read(run.proc).host == "gpubox", "nothing was changed"


# --- a real process namespace ---------------------------------------------------------------------------------


def in_another_namespace(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*NAMESPACE, *CLI, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def namespaces() -> None:
    try:
        subprocess.run([*NAMESPACE, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a process namespace needs more rights")


@pytest.mark.usefixtures("namespaces")
def test_in_a_container_with_the_same_host_name_a_run_is_seen_stopped_and_waited_for(bench: Bench):
    run = bench.working()
    shown = in_another_namespace("runs", "show", run.id)
    assert shown.returncode == 0
    assert shown.stdout.split()[:4] == ["status", "running:", "last", "seen"]
    stopped = in_another_namespace("runs", "stop", run.id)
    assert (stopped.returncode, stopped.stderr) == (0, "")
    assert stopped.stdout.startswith(f"{run.id} was asked to stop: its supervisor on ")
    waited = in_another_namespace("runs", "wait", run.id)
    assert waited.returncode == 130 and "stopped" in waited.stdout
    assert bench.record(run).state == "stopped"


@pytest.mark.usefixtures("namespaces")
def test_in_a_container_a_run_at_work_is_not_resumed(bench: Bench):
    run = bench.working()
    refused = in_another_namespace("runs", "resume", run.id)
    assert refused.returncode == 2
    assert f"run {run.id} is running" in refused.stderr
