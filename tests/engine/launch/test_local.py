"""Starting: out of the terminal's reach, with the right package, once, and with a reason where it fails."""

import os
import pty
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.contract.errors import StartFailed
from engine.contract.run.folder import RunFolder
from engine.launch import local, package

Bench = Any  # tests/engine/launch/conftest.py, which cannot be imported

LAUNCHER = """
import os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
os.open(os.ttyname(0), os.O_RDWR)  # the first terminal that a session opens becomes its own
from engine.contract.run.folder import RunFolder
from engine.launch import local
local.start(RunFolder(sys.argv[1]), supervisor=(sys.argv[2],), timeout=60)
print("started", flush=True)
signal.pause()
"""


def test_a_terminal_that_hangs_up_does_not_end_the_run(bench: Bench):
    run = bench.make()
    master, slave = pty.openpty()
    argv = [sys.executable, "-c", LAUNCHER, str(run.path), *bench.supervisor]
    environment = package.environment()
    launcher = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, env=environment)
    os.close(slave)
    said = b""
    while b"started" not in said:
        said += os.read(master, 1024)
    bench.until(lambda: run.events.exists() and b'"step"' in run.events.read_bytes())
    os.close(master)
    assert launcher.wait(timeout=60) == -signal.SIGHUP
    before = run.events.stat().st_size
    bench.until(lambda: run.events.stat().st_size > before)
    assert run.status().state == "running"
    (run.path / "go").touch()
    assert bench.ended(run).state == "finished"


def test_a_folder_called_engine_is_never_imported(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "engine").mkdir()
    trap = "raise SystemExit('the wrong engine was imported')"
    (tmp_path / "engine" / "__init__.py").write_text(trap)
    (tmp_path / "json.py").write_text(trap)
    monkeypatch.chdir(tmp_path)
    run = bench.make("finish")
    local.start(run, supervisor=bench.supervisor)
    assert bench.ended(run).state == "finished"
    child = subprocess.run(
        [sys.executable, "-c", "import engine; print(engine.__file__)"],
        capture_output=True, text=True, env=package.environment(), check=True,
    )  # fmt: skip
    assert Path(child.stdout.strip()) == Path(package.own())


def test_an_installed_package_is_not_put_in_front_of_the_standard_library(monkeypatch: pytest.MonkeyPatch):
    root = str(Path(package.own()).parents[1])
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    assert package.environment()["PYTHONPATH"] == os.pathsep.join([root, "/somewhere"])
    monkeypatch.setattr("site.getsitepackages", lambda: [root])
    assert package.environment()["PYTHONPATH"] == "/somewhere"
    monkeypatch.delenv("PYTHONPATH")
    assert "PYTHONPATH" not in package.environment()


def test_folders_in_the_environment_mean_the_same_to_a_child_that_works_elsewhere(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIFAR_TUI_DATA", "data")
    assert package.environment()["CIFAR_TUI_DATA"] == str(Path("data").absolute())
    monkeypatch.setenv("CIFAR_TUI_DATA", "")
    assert package.environment()["CIFAR_TUI_DATA"] == ""


def test_a_supervisor_of_another_copy_of_the_package_refuses(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    run = bench.make()
    monkeypatch.setattr(package, "own", lambda: "/opt/other/engine/__init__.py")
    monkeypatch.setenv("PYTHONPATH", str(Path(local.__file__).parents[2]))
    with pytest.raises(local.StartFailed, match="was started from /opt/other/engine/__init__.py"):
        local.start(run, supervisor=bench.supervisor)


def test_a_second_start_is_refused_and_leaves_the_first_alone(bench: Bench):
    run = bench.working()
    before = run.proc.read_bytes()
    with pytest.raises(local.StartFailed, match=f"run {run.id} is in use by another process"):
        local.start(run, supervisor=bench.supervisor)
    assert run.proc.read_bytes() == before
    assert run.status().state == "running"


def test_of_many_starts_at_once_one_succeeds(bench: Bench):
    run = bench.make()
    argv = [sys.executable, *bench.supervisor, str(run.path)]
    starts = [
        subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
        for _ in range(4)
    ]
    bench.until(lambda: sum(start.poll() is not None for start in starts) == 3)
    bench.until(lambda: run.status().state == "running")
    (run.path / "go").touch()
    outputs = [start.communicate(timeout=60)[0] for start in starts]
    assert sorted(start.returncode for start in starts) == [0, 1, 1, 1]
    assert sum("is in use by another process" in output for output in outputs) == 3
    assert not list(run.exits.iterdir())


def test_a_start_that_fails_says_the_last_line_of_the_log(bench: Bench, tmp_path: Path):
    broken = tmp_path / "broken.py"
    broken.write_text("print('first')\nraise RuntimeError('no luck today')\n")
    run = bench.make()
    run.log.write_text("RuntimeError: of an earlier attempt\n")
    with pytest.raises(local.StartFailed) as caught:
        local.start(run, supervisor=(str(broken),))
    assert str(caught.value) == f"run {run.id} did not start: RuntimeError: no luck today (log: {run.log})"


def test_a_supervisor_that_keeps_silent_is_ended(bench: Bench, tmp_path: Path):
    silent = tmp_path / "silent.py"
    silent.write_text("import time\ntime.sleep(600)\n")
    with pytest.raises(local.StartFailed, match=r"did not start within 0\.5 s"):
        local.start(bench.make(), supervisor=(str(silent),), timeout=0.5)
    assert not bench.alive()


def test_a_folder_that_is_no_run_does_not_start(bench: Bench, tmp_path: Path):
    with pytest.raises(local.StartFailed, match=r"run\.json is missing"):
        local.start(RunFolder(tmp_path), supervisor=bench.supervisor)
    with pytest.raises(local.StartFailed, match="No such file"):
        local.start(RunFolder(tmp_path / "nowhere"), supervisor=bench.supervisor)


def test_the_supervisor_is_no_zombie_when_it_has_ended(bench: Bench):
    run = bench.start("finish")
    pid = bench.processes(run)[0].pid
    bench.until(lambda: not Path(f"/proc/{pid}").exists())


@pytest.mark.parametrize(("share", "folder", "file"), [("private", 0o700, 0o600), ("group", 0o2770, 0o660)])
def test_what_is_written_is_as_private_as_the_folder_and_all_else_is_private(
    bench: Bench, share: str, folder: int, file: int, private_folders: Path, monkeypatch: pytest.MonkeyPatch
):
    state = private_folders / "state"
    monkeypatch.setenv("CIFAR_TUI_QUEUE", str(state / "deep" / "queue"))  # made by the supervisor, parents and all
    before = os.umask(0o002)  # of a user whose files are open to the group anyway
    try:
        run = bench.start("finish", share=share)
        bench.record(run)
    finally:
        os.umask(before)
    seen = run.path / "seen.txt"  # the fake trainer's own, made without a word about its mode
    assert stat.S_IMODE(seen.stat().st_mode) == 0o600
    ours = {path for path in run.path.rglob("*") if path.name not in ("seen.txt", "fake.txt")}
    assert {run.log, run.proc, run.heartbeat, run.exit, run.events, run.lock, run.exits} <= ours
    assert {stat.S_IMODE(path.stat().st_mode) for path in ours if path.is_file()} == {file}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (run.path, *ours) if path.is_dir()} == {folder}
    outside = list(state.rglob("*"))
    assert len(outside) > 4 and not [path for path in outside if path.stat().st_mode & 0o077]


@pytest.mark.parametrize("kind", ["folder", "fifo", "link"])
def test_a_log_that_is_no_file_refuses_the_start_at_once(bench: Bench, tmp_path, kind):
    run = bench.make("finish")
    target = tmp_path / "precious"
    target.write_text("precious")
    match kind:
        case "folder":
            run.log.mkdir()
        case "fifo":
            os.mkfifo(run.log)
        case "link":
            run.log.symlink_to(target)
    with pytest.raises(StartFailed, match="a folder|not a regular file|a symbolic link"):
        local.start(run, supervisor=bench.supervisor)
    assert target.read_text() == "precious"
