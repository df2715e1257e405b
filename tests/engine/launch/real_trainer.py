"""The real trainer, saving whenever its writer is idle (or every $FAKE_INTERVAL seconds) instead of once a minute.

While RUN_DIR/hold exists it goes no further than the first checkpoint inside the second epoch of each attempt, so that
a test can interrupt it there however slow the machine is. It waits for each checkpoint to be written then: a slow writer
would have none before the end of the epoch.

$FAKE_PATIENCE, "silent busy", are the seconds that ranks wait for each other.

The rank whose number is in RUN_DIR/fail fails as it starts to train.

With $FAKE_CARDS, each node has a GPU to sample, which uses 100 W, though the run computes on the CPU.

While RUN_DIR/pause exists it goes no further than three steps into the second epoch; RUN_DIR/paused appears once it is
there.
"""
# ruff: noqa: E402

import gc
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial, partialmethod
from types import SimpleNamespace
from typing import Any

gc.disable()  # as `python -m engine` does before it imports torch, and `main` turns it on again

import engine.attempt
from engine.__main__ import main
from engine.contract.recipe.schema import Recipe
from engine.contract.run.events import Checkpoint, Epoch, Event
from engine.contract.run.folder import RunFolder
from engine.launch import nvml
from engine.loop.checkpoint import Checkpoints
from engine.loop.roll_call import Patience
from engine.train import fit


def held_fit(recipe: Recipe, run: RunFolder, *given: Any, stopping: Callable[[], bool], **more: Any) -> Iterator[Event]:
    epochs = asked = 0
    fail = run.path / "fail"
    if fail.exists() and fail.read_text() == os.environ["RANK"]:
        raise MemoryError("as the test wants it")
    if (run.path / "hold").exists():
        Checkpoints.written = partialmethod(Checkpoints.written, wait=True)  # type: ignore[method-assign]

    def patient() -> bool:
        """Asked before every step: the fourth time in the second epoch there are three behind it."""
        nonlocal asked
        asked += epochs
        while asked == 4 and (run.path / "pause").exists() and not stopping():
            (run.path / "paused").touch()
            time.sleep(0.01)
        return stopping()

    for event in fit(
        recipe, run, *given, stopping=patient, interval=float(os.environ.get("FAKE_INTERVAL", "0")), **more
    ):
        epochs += isinstance(event, Epoch)
        yield event
        inside = isinstance(event, Checkpoint) and event.epoch == 1 and event.step > 0
        while inside and (run.path / "hold").exists() and not stopping():
            time.sleep(0.01)


class Cards:
    """A driver with one GPU."""

    problem = refusal = ""

    def ask(self, function: str, *arguments: Any) -> Any:
        return {
            "nvmlDeviceGetHandleByUUID": 1,
            "nvmlDeviceGetMemoryInfo": SimpleNamespace(used=2 << 30, total=8 << 30),
            "nvmlDeviceGetName": "Fake",
            "nvmlDeviceGetPowerUsage": 100_000,
        }.get(function)


if __name__ == "__main__":
    engine.attempt.fit = held_fit
    if "FAKE_CARDS" in os.environ:
        nvml.Driver = Cards
        engine.attempt.gpu_uuids = lambda device, all_visible=False: [f"GPU-{os.environ['SLURMD_NODENAME']}"]
    if given := os.environ.get("FAKE_PATIENCE"):
        engine.attempt.Meeting = partial(engine.attempt.Meeting, Patience(*map(float, given.split())))
    sys.exit(main(sys.argv[1:]))
