"""A sweep over the learning rate, `python -m engine.lr_find`, as a child behind pipes. No torch in this process."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.contract.recipe.schema import Placement
from engine.contract.run.events import Event, Failed, decode
from engine.launch import devices, package, queue


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sweep will run."""

    device: str
    """As the trainer names it: cpu, cuda or mps."""
    environment: Mapping[str, str]
    """Variables that make a process see only that device."""
    busy: str
    """Who computes there already, in words; "" where nobody does."""


def place(placement: Placement, line: Path | None = None) -> Place:
    """The device for a sweep: one that no run holds if there is one. A sweep joins no queue and holds no lock.

    Args:
        line: the queue's folder.

    Raises:
        BadInput: this machine has no such device.
    """
    wanted = devices.want(placement)
    holders = {key: ticket.run for ticket in queue.tickets(line) for key in ticket.held}
    roomy, _ = devices.usable(wanted)
    keys = roomy or list(wanted.candidates)
    key = next((key for key in keys if key not in holders), keys[0])
    kind = devices.kind_of(key)
    busy = f"run {holders[key]} trains on this {kind.upper() if kind != 'cuda' else 'GPU'}" if key in holders else ""
    if not busy and kind == "cuda":
        users = sorted({process.user for gpu in devices.gpus() if gpu.uuid == key for process in gpu.processes})
        busy = f"{', '.join(users)} computes on this GPU" if users else ""
    return Place(kind, devices.environment([key]), busy)


class Sweep:
    """A sweep under way. It ends by itself when nobody reads it any more."""

    def __init__(self, request: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        """Start it.

        Args:
            request: what `engine.lr_find.read` takes.
            environment: further variables for it.
        """
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "engine.lr_find"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd="/",
            env={**package.environment(), **environment},
            start_new_session=True,  # Ctrl-C in the terminal is for whoever started it
        )
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it could not start, which its end will say
            self._process.stdin.write(json.dumps(request).encode())
            self._process.stdin.close()

    def events(self) -> Iterator[Event]:
        """What it says, to its end; the last one is a Failed where something went wrong."""
        assert self._process.stdout is not None
        last: Event | None = None
        for line in self._process.stdout:
            event = decode(line)
            if event is not None:
                last = event
                yield event
        code = self._process.wait()
        if code and not isinstance(last, Failed):
            yield Failed(reason="traceback", message=self._last_words() or f"the sweep ended with exit code {code}")

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def stop(self) -> None:
        """End it and all that it started, at once: it holds nothing that would be lost."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
