"""The trainer as a child: its command line, its exit code, and what it leaves running."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from engine.contract.recipe.schema import Placement
from engine.contract.run.folder import RunFolder
from engine.contract.run.process import identify, running
from engine.launch.child import Child, Orphan, command


def wait_for(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_one_gpu_is_one_process_and_several_go_through_torchrun(tmp_path: Path):
    run = RunFolder(tmp_path)
    assert command(run, Placement()) == [sys.executable, "-m", "engine", str(tmp_path)]
    agent = ["-m", "torch.distributed.run", "--standalone", "--max-restarts=0", "--nproc-per-node=2"]
    assert command(run, Placement(gpus=2)) == [sys.executable, *agent, "-m", "engine", str(tmp_path)]


def test_a_tied_child_dies_with_its_parent(tmp_path: Path):
    pid = tmp_path / "pid"
    begin = "child = Child(['/bin/sh', '-c', 'exec sleep 600'], dict(os.environ), [], tied=True); child.release()"
    tell = f"open({str(pid)!r}, 'w').write(str(child.identity.pid)); time.sleep(600)"
    code = f"import os, time; from engine.launch.child import Child; {begin}; {tell}"
    parent = subprocess.Popen([sys.executable, "-c", code])
    wait_for(lambda: pid.exists() and pid.read_text())
    child = psutil.Process(int(pid.read_text()))
    wait_for(lambda: child.name() == "sleep")
    parent.kill()
    parent.wait()
    wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_it_does_nothing_before_its_release_and_its_exit_code_is_known(tmp_path: Path):
    child = Child(["/bin/sh", "-c", f"touch {tmp_path / 'began'}; exit 3"], dict(os.environ), [])
    assert not child.gone() and not (tmp_path / "began").exists()
    child.release()
    wait_for(child.gone)
    assert (tmp_path / "began").exists() and child.reap() == 3


def test_reaping_ends_what_it_left_running(tmp_path: Path):
    pid = tmp_path / "pid"
    child = Child(["/bin/sh", "-c", f"sleep 600 & echo $! > {pid}"], dict(os.environ), [])
    child.release()
    wait_for(lambda: child.gone() and pid.exists() and pid.read_text().strip())
    left = psutil.Process(int(pid.read_text()))
    assert child.reap() == 0
    wait_for(lambda: not left.is_running() or left.status() == psutil.STATUS_ZOMBIE)


def test_an_orphan_is_signaled_and_killed_but_has_no_exit_code(tmp_path: Path):
    ready = tmp_path / "ready"
    code = f"trap 'exit 5' TERM; touch {ready}; while :; do sleep 0.05; done"
    child = Child(["/bin/sh", "-c", code], dict(os.environ), [])
    orphan = Orphan(identify(child.identity.pid))
    child.release()
    assert running(orphan.identity) and not orphan.gone()
    wait_for(ready.exists)
    orphan.send(signal.SIGTERM)
    wait_for(orphan.gone)
    orphan.kill()
    assert orphan.reap() is None and child.reap() == 5
