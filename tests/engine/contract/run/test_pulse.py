"""A run of another machine lives while its counter moves, whatever the clocks say."""

import time
from types import SimpleNamespace

import pytest

from engine.contract.run import pulse
from engine.contract.run.process import Heartbeat, Identity, ProcRecord, boot_id, host_name, pid_namespace
from engine.contract.run.records import ExitRecord

THERE = Identity("gpubox", "another-boot", 4242, 1.0)
SAME_HOST_REBOOTED = Identity(host_name(), "an-earlier-boot", 4242, 1.0)
CONTAINER = Identity(host_name(), boot_id(), 4242, 1.0, 5, "pid:[1]")


class Clock:
    """A clock that only moves when it is told to, or slept on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(pulse, "time", SimpleNamespace(monotonic=clock.monotonic, sleep=clock.sleep, time=time.time))
    return clock


def occupy(run, identity: Identity) -> None:
    ProcRecord(identity.host, identity.boot_id, identity).write(run.proc)


def beat(run, beats: int, age: float = 0.0, state: str = "running") -> None:
    Heartbeat(4242, state, t=time.time() - age, beats=beats).write(run.heartbeat)


@pytest.mark.parametrize("identity", [THERE, SAME_HOST_REBOOTED, CONTAINER], ids=["host", "boot", "container"])
@pytest.mark.parametrize("age", [0, 14, 110, -90, -110])
def test_who_looks_once_accepts_two_minutes_in_either_direction(run, identity, age):
    occupy(run, identity)
    beat(run, 5, age)
    status = run.status()
    assert (status.state, status.reason) == ("running", "")
    assert status.message.startswith("last seen")
    assert identity.host in status.message and "-" not in status.message.replace(identity.host, "")


def test_a_clock_that_is_ahead_is_named_and_no_age_is_negative(run):
    occupy(run, THERE)
    beat(run, 5, -90)
    assert run.status().message == "last seen just now on gpubox, whose clock is 90 s ahead"
    beat(run, 5, -5000)
    assert pulse.read_pulse(run.path).age == 0.0


@pytest.mark.parametrize("shift", [-1e9, -5000.0, 0.0, 5000.0, 1e9, float("nan"), float("inf")])
def test_who_looks_on_sees_the_counter_move_and_needs_no_clock(run, clock, shift):
    occupy(run, THERE)
    beat(run, 1, shift)
    run.status()
    for beats in range(2, 5):
        clock.now += 2
        beat(run, beats, shift)
        status = run.status()
        assert (status.state, status.message) == ("running", "")
    clock.now += pulse.WATCH_SECONDS - 1
    assert run.status().state == "running"
    assert run.status().message == "no heartbeat from gpubox for 89 s"
    clock.now += 2
    status = run.status()
    assert (status.state, status.reason) == ("lost", "supervisor_lost")
    assert status.message.startswith("no heartbeat from gpubox for 91 s")
    beat(run, 9, shift)
    assert run.status().state == "running"


def test_a_counter_that_never_moves_belongs_to_the_dead_however_fresh_its_time_looks(run, clock):
    occupy(run, THERE)
    beat(run, 1, -100)
    assert run.status().state == "running"
    clock.now += pulse.WATCH_SECONDS + 1
    assert run.status().state == "lost"


def test_a_beat_without_a_counter_as_earlier_versions_wrote_it_moves_by_its_time(run, clock):
    occupy(run, THERE)
    for second in (0, 2, 4):
        run.heartbeat.write_text(f'{{"pid": 4242, "state": "running", "t": {second}.5}}')
        status = run.status()
    assert (status.state, status.message) == ("running", "")


def test_a_heartbeat_that_cannot_be_read_for_a_moment_is_no_news(run, clock):
    occupy(run, THERE)
    beat(run, 1, 5000)
    assert run.status().state == "lost"
    text = run.heartbeat.read_text()
    run.heartbeat.unlink()
    assert run.status().state == "lost"
    run.heartbeat.write_text(text)
    assert run.status().state == "lost", "the same beat as before"


@pytest.mark.parametrize(("age", "reason"), [(130, "reboot"), (1e6, "reboot"), (-5000, "supervisor_lost")])
def test_a_reboot_is_claimed_only_of_a_beat_that_can_be_from_before_it(run, age, reason):
    occupy(run, SAME_HOST_REBOOTED)
    beat(run, 5, age)
    assert (run.status().state, run.status().reason) == ("lost", reason)


def test_a_reboot_is_not_claimed_of_a_heart_that_was_seen_to_beat(run, clock):
    occupy(run, SAME_HOST_REBOOTED)
    for beats in (1, 2):
        beat(run, beats, 5000)
        run.status()
    assert run.status().state == "running"
    clock.now += pulse.WATCH_SECONDS + 1
    assert (run.status().state, run.status().reason) == ("lost", "supervisor_lost")


def test_elsewhere_the_exit_record_comes_before_the_heartbeat(run):
    occupy(run, THERE)
    beat(run, 5)
    ExitRecord("stopped").write(run.exit)
    assert run.status().state == "stopped"


def test_a_container_with_the_name_of_this_host_is_another_machine(run):
    assert CONTAINER.pid_namespace != pid_namespace()
    occupy(run, CONTAINER)
    beat(run, 5, 500)
    assert (run.status().state, run.status().reason) == ("lost", "supervisor_lost")
    assert "another container or boot of" in run.status().message


def test_a_watch_takes_90_seconds_of_stillness_and_counts_earlier_looks(run, clock):
    beat(run, 1, 5000)
    waits = []
    started = clock.now
    assert not pulse.watch(run.path, lambda: waits.append(clock.now))
    assert clock.now - started == pytest.approx(90.0) and waits == [started]
    assert not pulse.watch(run.path, lambda: waits.append(clock.now))
    assert clock.now - started == pytest.approx(90.0) and len(waits) == 1


def test_a_watch_ends_with_the_first_beat(run, clock):
    beat(run, 1, 5000)
    sleep = pulse.time.sleep

    def beating(seconds: float) -> None:
        sleep(seconds)
        if clock.now > 1010:
            beat(run, 2, 5000)

    pulse.time.sleep = beating
    assert pulse.watch(run.path)
    assert clock.now <= 1012
