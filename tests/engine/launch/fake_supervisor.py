"""The real supervisor with quick habits and, unless $FAKE_TRAINER names another script here, the fake trainer.

With several run folders it forks into a supervisor for each, the next one when the last is in the queue: twenty
interpreters would cost more than all tests together.
"""

import os
import sys
import time
from pathlib import Path

from engine.contract.recipe.schema import Placement
from engine.contract.run.folder import RunFolder
from engine.launch import devices, supervise
from engine.launch.child import torchrun
from engine.launch.devices import Gpu
from engine.launch.waiting import Timing


def trainer(run: RunFolder, placement: Placement) -> list[str]:
    """The command line of the trainer: the real one has a process per GPU, and the fake one always a single process."""
    script = os.environ.get("FAKE_TRAINER", "fake_trainer.py")
    agent = torchrun(run, placement) if script == "real_trainer.py" else []
    return [sys.executable, *agent, str(Path(__file__).with_name(script)), str(run.path)]


def supervise_all(paths: list[str], timing: Timing) -> int:
    for path in paths:
        if os.fork() == 0:
            return supervise.main([path], trainer=trainer, timing=timing)
        while RunFolder(Path(path)).status().state != "queued":
            time.sleep(0.01)
    return 0


if __name__ == "__main__":
    if "NVML_CASE" not in os.environ:  # else the driver itself is a fake: tests/nvml
        fakes = [Gpu(i, f"GPU-{i}", "Fake", 24 << 30, 0) for i in range(int(os.environ.get("FAKE_GPUS", "0")))]
        devices.gpus = lambda: fakes
    timing = Timing(beat=0.2, poll=0.05, grace=float(os.environ.get("FAKE_GRACE", "30")))
    if len(sys.argv) > 2 and not sys.argv[2].startswith("--"):
        sys.exit(supervise_all(sys.argv[1:], timing))
    sys.exit(supervise.main(sys.argv[1:], trainer=trainer, timing=timing))
