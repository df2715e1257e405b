"""What signals do to a command that follows runs; the handlers are called by real signals in this process."""

import os
import signal
from types import SimpleNamespace

import pytest

from engine.contract.errors import BadInput
from tui.commands.interrupts import PREEMPTED, STOPPED, Interrupts

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class FakeRun:
    def __init__(self, live=True):
        self.live = live

    def status(self):
        return SimpleNamespace(live=self.live)


@pytest.fixture
def done(monkeypatch):
    """What was done to which run."""
    found = []
    for name in ("stop", "kill"):
        monkeypatch.setattr(f"engine.launch.control.{name}", lambda run, name=name: found.append((name, run)))
    return found


def send(number):
    os.kill(os.getpid(), number)


def test_ctrl_c_stops_the_live_runs_and_the_second_kills_them(done, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: False))
    live, ended = FakeRun(), FakeRun(live=False)
    with Interrupts([live, ended]) as interrupts:
        assert interrupts.code == 0
        send(signal.SIGINT)
        assert done == [("stop", live)] and interrupts.code == STOPPED
        send(signal.SIGINT)
    assert done == [("stop", live), ("kill", live)]
    assert "press Ctrl-C again to kill" in capsys.readouterr().err


@pytest.mark.parametrize(("answer", "kills"), [("y", 1), ("Yes", 1), ("n", 0), ("", 0)])
def test_on_a_terminal_killing_takes_a_yes(done, monkeypatch, answer, kills):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True, readline=lambda: f"{answer}\n"))
    with Interrupts([FakeRun()]):
        send(signal.SIGINT)
        send(signal.SIGINT)
    assert [name for name, _ in done].count("kill") == kills


def test_a_termination_is_passed_on_and_a_hang_up_ends_only_the_viewer(done):
    run = FakeRun()
    with Interrupts([run]) as interrupts:
        send(signal.SIGTERM)
        assert done == [("stop", run)] and interrupts.code == PREEMPTED
        with pytest.raises(SystemExit) as end:
            send(signal.SIGHUP)
        assert end.value.code == 0 and len(done) == 1


def test_a_run_that_ends_just_now_is_no_error(monkeypatch):
    def refuse(run):
        raise BadInput("it has ended")

    monkeypatch.setattr("engine.launch.control.stop", refuse)
    with Interrupts([FakeRun()]) as interrupts:
        send(signal.SIGINT)
    assert interrupts.code == STOPPED


def test_the_handlers_of_before_come_back():
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interrupts([]):
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before
