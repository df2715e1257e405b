"""Time to accuracy: a preset trained whole by the command line, and the record's own code on the same data.

The presets take turns with the record only once each, since a run takes minutes: three seeds of ours and one run of the
record. Two clocks are shown. The wall clock counts all from the command to the result on our side, start-up, reading of
the images and probes included, and the whole of the record's `main`. The record's own clock counts training and the
last evaluation; ours, what the run's epochs took.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from bench.figures import Row, figure
from bench.terminal import COMMAND, ROOT, environment
from engine.contract.run.event_file import decode
from engine.contract.run.events import Epoch
from engine.data.archives import data_root

PRESETS: Final = {"cpu": ("cpu_94",), "cuda": ("speedrun_94",)}
"""What is compared with `airbench94_muon.py`, by type of device."""
SEEDS: Final = 3


class Whole(NamedTuple):
    """A run: its seconds by the wall clock and by the record's clock, and its test accuracies in percent."""

    wall: float
    seconds: float
    tta: float
    plain: float


def measure(checkout: Path, device: str) -> Iterator[Row]:
    """Each preset against the record.

    Args:
        device: "cpu" or "cuda".
    """
    data_dir, theirs = str(data_root()), None
    for preset in PRESETS[device]:
        with tempfile.TemporaryDirectory() as folder:
            ours = [our_run(preset, seed, data_dir, Path(folder)) for seed in range(SEEDS)]
        theirs = theirs or their_run(checkout, data_dir)
        yield row(preset, ours, theirs)


def row(preset: str, ours: list[Whole], theirs: Whole) -> Row:
    """One comparison. Ratios are of our runs' times to the time of the record's run."""
    return {
        "what": f"{preset} / airbench94_muon.py, whole runs",
        "ours s": figure([run.wall for run in ours]),
        "theirs s": figure([theirs.wall]),
        "ours / theirs": figure([run.wall / theirs.wall for run in ours]),
        "by the record's clock": figure([run.seconds / theirs.seconds for run in ours]),
        "ours TTA %": figure([run.tta for run in ours]),
        "theirs TTA %": figure([theirs.tta]),
        "ours plain %": figure([run.plain for run in ours]),
        "theirs plain %": figure([theirs.plain]),
    }


def our_run(preset: str, seed: int, data_dir: str, folder: Path) -> Whole:
    """Train a preset as a user would, in a folder of its own."""
    command = [*COMMAND, "--preset", preset, "--headless", "--json", "--seed", str(seed), "--data-dir", data_dir]
    began = time.perf_counter()
    output = subprocess.run(command, env=environment(folder), cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    wall = time.perf_counter() - began
    epochs = [event for line in output.stdout.splitlines() if isinstance(event := decode(line), Epoch)]
    last = epochs[-1]
    seconds = sum(sum(epoch.seconds.values()) for epoch in epochs)
    return Whole(wall, seconds, 100 * last.tta_accuracy, 100 * last.test_accuracy)


def their_run(checkout: Path, data_dir: str) -> Whole:
    """Train by the record's code in a process of its own."""
    command = [sys.executable, "-m", "bench.record", str(checkout), "--data-dir", data_dir]
    output = subprocess.run(command, env=os.environ, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    return Whole(**json.loads(output.stdout.splitlines()[-1]))
