"""Signals to a supervisor, in a process of its own: what each of them requests, and that a sleep ends with it."""

import os
import signal
import subprocess
import sys

import pytest

CODE = """
import time
from engine.launch.signals import Signals
signals = Signals()
print("ready", flush=True)
while True:
    began = time.monotonic()
    signals.sleep(60)
    print(signals.requested or "-", time.monotonic() - began < 30, flush=True)
"""


@pytest.mark.parametrize(
    ("numbers", "requested"),
    [
        ([signal.SIGTERM], "stopped"),
        ([signal.SIGINT], "stopped"),
        ([signal.SIGUSR2], "preempted"),
        ([signal.SIGUSR1], "killed"),
        ([signal.SIGUSR2, signal.SIGTERM], "preempted"),
        ([signal.SIGTERM, signal.SIGUSR1], "killed"),
        ([signal.SIGHUP, signal.SIGTERM], "stopped"),
    ],
)
def test_the_first_request_holds_unless_a_kill_follows(numbers: list[signal.Signals], requested: str):
    process = subprocess.Popen([sys.executable, "-c", CODE], stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "ready\n"
    try:
        for number in numbers:
            os.kill(process.pid, number)
            if number != signal.SIGHUP:  # which wakes nobody
                line = process.stdout.readline()
        assert line == f"{requested} True\n" and process.poll() is None
    finally:
        process.kill()
        process.communicate()
