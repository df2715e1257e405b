"""A process is ours only if boot, namespace, id, start, folder and command line all say so."""

import dataclasses
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from engine.contract.home import folder_key
from engine.contract.run import process
from engine.contract.run.process import (
    Heartbeat,
    Identity,
    ProcRecord,
    alive,
    identify,
    me,
    presence,
    same_machine,
)


def test_a_worker_of_the_run_is_alive(worker, tmp_path):
    assert alive(worker(tmp_path), tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"pid": 0},
        {"pid": -1},
        {"pid": 1},
        {"pid": 2**31},
        {"pid": 2**80},
        pytest.param({"pid": os.getpid()}, id="the pid of this process"),
        {"start_ticks": 1},
        {"start_ticks": 2**80},
        {"create_time": 1.0, "start_ticks": 0},
        {"create_time": float("nan"), "start_ticks": 0},
        {"create_time": float("inf"), "start_ticks": 0},
        {"boot_id": "another-boot"},
        {"boot_id": ""},
        {"pid_namespace": "pid:[1]"},
        {"host": "another-host", "pid_namespace": ""},
        {"folder": "1:1"},
    ],
    ids=str,
)
def test_one_wrong_mark_makes_it_a_stranger(worker, tmp_path, change):
    assert not alive(dataclasses.replace(worker(tmp_path), **change), tmp_path)


@pytest.mark.parametrize("step", [-1e9, -3600.0, 3.0, 90.0, 1e6])
def test_a_step_of_the_clock_changes_nothing(worker, tmp_path, step):
    """The creation time is boot time plus ticks, and the boot time is what a step of the clock moves."""
    identity = worker(tmp_path)
    assert alive(dataclasses.replace(identity, create_time=identity.create_time + step), tmp_path)


def test_the_machine_is_known_by_its_boot_and_process_namespace_and_not_by_its_name(worker, tmp_path):
    identity = worker(tmp_path)
    assert alive(dataclasses.replace(identity, host="renamed-since"), tmp_path)
    assert not same_machine(dataclasses.replace(identity, pid_namespace="pid:[1]"))
    assert not same_machine(dataclasses.replace(identity, boot_id="another-boot"))


def test_ticks_are_those_of_the_kernel(worker, tmp_path):
    identity = worker(tmp_path)
    ticks = (identity.create_time - psutil.boot_time()) * os.sysconf("SC_CLK_TCK")
    assert identity.start_ticks == pytest.approx(ticks, abs=1)
    assert process.start_ticks(2**22 + 1) == 0


def test_the_name_of_a_process_cannot_forge_its_start(tmp_path):
    code = "import sys; open('/proc/self/comm', 'w').write(') S 1 1 1'); print(flush=True); sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.stdout.readline()
        before = (psutil.Process(child.pid).create_time() - psutil.boot_time()) * os.sysconf("SC_CLK_TCK")
        assert process.start_ticks(child.pid) == pytest.approx(before, abs=1)
    finally:
        child.communicate(b"")


OLDER = """{"host": "%s", "boot_id": "%s", "supervisor": {"pid": %d, "create_time": %r}, "trainer": null}"""


def test_a_run_that_was_live_before_an_upgrade_stays_live(worker, tmp_path):
    """The record as earlier versions wrote it: without ticks, namespace and folder."""
    now = worker(tmp_path)
    path = tmp_path / "proc.json"
    for create_time, expected in ((now.create_time, True), (now.create_time + 3, False)):
        path.write_text(OLDER % (now.host, now.boot_id, now.pid, create_time))
        record = ProcRecord.read(path)
        assert (record.supervisor.start_ticks, record.supervisor.pid_namespace, record.supervisor.folder) == (0, "", "")
        assert alive(record.supervisor, tmp_path) is expected


def test_without_ticks_here_the_creation_time_decides_as_on_macos(worker, tmp_path, monkeypatch):
    identity = worker(tmp_path)
    monkeypatch.setattr(process, "start_ticks", lambda pid: 0)
    monkeypatch.setattr(process, "pid_namespace", lambda: "")
    assert alive(identity, tmp_path)
    assert not alive(dataclasses.replace(identity, create_time=identity.create_time + 3), tmp_path)
    assert not same_machine(dataclasses.replace(identity, host="another-host"))


def test_creation_times_may_differ_by_rounding_but_not_more(worker, tmp_path):
    identity = dataclasses.replace(worker(tmp_path), start_ticks=0)
    for shift, expected in ((1.9, True), (-1.9, True), (2.2, False), (-2.2, False)):
        shifted = dataclasses.replace(identity, create_time=identity.create_time + shift)
        assert alive(shifted, tmp_path) is expected, shift


def test_a_process_without_the_run_folder_on_its_command_line_is_a_stranger(worker, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one-more").mkdir()
    assert not alive(worker(tmp_path / "one"), tmp_path / "one-more")
    assert not alive(worker(tmp_path / "one" / "log.txt"), tmp_path / "one")
    assert not alive(me(), tmp_path / "one")


def test_the_run_folder_counts_however_it_is_spelled(worker, tmp_path):
    (tmp_path / "real" / "run").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    assert alive(worker(f"{tmp_path}/link/run/"), tmp_path / "real" / "run")
    assert alive(worker(tmp_path / "real" / "run"), tmp_path / "link" / "run")


def test_a_copy_of_a_run_folder_has_no_process(worker, tmp_path):
    (tmp_path / "copies" / "run").mkdir(parents=True)
    (tmp_path / "run").mkdir()
    assert not alive(worker(tmp_path / "run"), tmp_path / "copies" / "run")


def test_a_dead_process_and_a_zombie_are_dead(worker, tmp_path):
    identity = worker(tmp_path)
    os.kill(identity.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while psutil.Process(identity.pid).status() != psutil.STATUS_ZOMBIE:  # nobody has waited for it yet
        assert time.monotonic() < deadline
    assert not alive(identity, tmp_path)
    os.waitpid(identity.pid, 0)
    assert not alive(identity, tmp_path)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (0, True),
        (90, True),
        (119, True),
        (122, False),
        (-90, True),
        (-118, True),
        (-122, False),
        (-1e9, False),
        (1e9, False),
    ],
)
def test_on_another_host_the_heartbeat_decides(tmp_path, age, expected):
    identity = Identity("another-host", "another-boot", 4242, 1.0)
    assert not alive(identity, tmp_path)  # none at all
    Heartbeat(4242, "running", t=time.time() - age).write(tmp_path / "heartbeat.json")
    assert alive(identity, tmp_path) is expected


def test_a_process_that_may_not_be_looked_at_is_trusted_by_its_time(worker, tmp_path, monkeypatch):
    def refuse(self: psutil.Process) -> list[str]:
        raise psutil.AccessDenied(self.pid)

    identity = worker(tmp_path)
    monkeypatch.setattr(psutil.Process, "cmdline", refuse)
    assert alive(identity, tmp_path)
    assert not alive(dataclasses.replace(identity, create_time=1.0, start_ticks=0), tmp_path)


def test_a_moved_folder_is_told_from_a_copy_and_from_one_in_its_place(worker, tmp_path):
    old, new, copy = tmp_path / "a" / "run", tmp_path / "b" / "another-name", tmp_path / "c" / "run"
    old.mkdir(parents=True)
    copy.mkdir(parents=True)
    new.parent.mkdir()
    identity = dataclasses.replace(worker(old), folder=folder_key(old))
    assert alive(identity, old) and presence(identity, old) != "moved" and presence(identity, copy) != "moved"
    old.rename(new)
    assert presence(identity, new) == "moved" and not alive(identity, new)
    assert not alive(identity, old) and not alive(identity, copy)
    old.mkdir()  # somebody puts another folder where the run was: nothing may be signalled through it
    assert presence(identity, new) == "moved" and not alive(identity, old) and presence(identity, old) != "moved"


def test_a_folder_moved_to_another_disk_or_recorded_by_an_earlier_version_is_moved_too(worker, tmp_path):
    old, new = tmp_path / "a" / "run", tmp_path / "b" / "run"
    old.mkdir(parents=True)
    new.parent.mkdir()
    identity = worker(old)
    old.rename(new)
    assert presence(identity, new) == "moved"
    assert presence(dataclasses.replace(identity, folder="1:1"), new) == "moved"
    os.kill(identity.pid, signal.SIGKILL)
    os.waitpid(identity.pid, 0)
    assert presence(identity, new) != "moved"


def test_identities_agree_with_psutil():
    assert me() == identify(os.getpid())
    assert me().create_time == psutil.Process().create_time()
    assert me().boot_id == process.boot_id() != ""
