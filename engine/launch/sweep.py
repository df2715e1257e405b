"""A sweep over the learning rate: `python -m engine.lr_find` as a child process. This process does not import torch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.contract.recipe.schema import Placement
from engine.contract.run.event_file import decode
from engine.contract.run.events import Event, Failed
from engine.launch import devices, queue
from engine.launch.piped import PipedChild


@dataclass(frozen=True, slots=True)
class SweepDevice:
    """The device that a sweep will run on."""

    device: str
    """cpu, cuda or mps."""
    environment: Mapping[str, str]
    """Environment variables that make a process see only that device."""
    busy: str
    """What already runs on it, as a sentence; "" if it is idle."""


def pick_device(placement: Placement, line: Path | None = None) -> SweepDevice:
    """Pick a device for a sweep, preferably one that no run holds. A sweep does not queue and takes no lock.

    Args:
        line: the queue's folder.

    Raises:
        BadInput: this machine has no such device.
    """
    requested = devices.request(placement)
    holders = {key: ticket.run for ticket in queue.tickets(line) for key in ticket.held}
    roomy, _ = devices.usable(requested)
    keys = roomy or list(requested.candidates)
    key = next((key for key in keys if key not in holders), keys[0])
    kind = devices.kind_of(key)
    busy = f"run {holders[key]} trains on this {kind.upper() if kind != 'cuda' else 'GPU'}" if key in holders else ""
    if not busy and kind == "cuda":
        users = sorted({process.user for gpu in devices.gpus() if gpu.uuid == key for process in gpu.processes})
        busy = f"{', '.join(users)} computes on this GPU" if users else ""
    return SweepDevice(kind, devices.environment([key]), busy)


class Sweep:
    """A sweep under way.

    Args:
        request: what `engine.lr_find.read` takes.
        environment: variables that it gets besides those of this process.
    """

    def __init__(self, request: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self._child = PipedChild("engine.lr_find", request, environment)

    def events(self) -> Iterator[Event]:
        """Its events to the end; the last one is a Failed where something went wrong."""
        last: Event | None = None
        for line in self._child.lines():
            event = decode(line)
            if event is not None:
                last = event
                yield event
        code = self._child.wait()
        if code and not isinstance(last, Failed):
            message = self._child.last_error() or f"the sweep ended with exit code {code}"
            yield Failed(reason="traceback", message=message)

    def stop(self) -> None:
        """End it at once; it holds nothing that would be lost."""
        self._child.stop()
