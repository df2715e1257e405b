"""A run without training: `python -m bench.fake_run DIR 60` writes the events of a GPU run for 60 seconds."""

from __future__ import annotations

import math
import os
import random
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.contract.recipe.catalog import catalog
from engine.contract.run import predictions
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Epoch, Finished, RunStarted, Step, System
from engine.contract.run.predictions import StoredPredictions
from engine.contract.run.process import me
from engine.contract.run.records import ExitRecord, Heartbeat, ProcRecord
from engine.contract.run.store import RunFolder, create
from presets.references import recipe_of

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
STEPS = 390
GB = 2**30


def make(root: Path) -> RunFolder:
    """A new run folder with the preset that the dashboard was designed for."""
    return create(root, recipe_of("resnet34_cutmix", catalog()), seed=0, preset="resnet34_cutmix", changes="-")


def started(t: float) -> RunStarted:
    return RunStarted(
        epochs=500, steps_per_epoch=STEPS, batch_size=128, params=21_282_122, device="cuda:0", device_name="a GPU",
        precision="bf16", classes=CLASSES, train_images=50_000, test_images=10_000, t=t,
    )  # fmt: skip


def epoch(number: int, t: float, rng: random.Random) -> Epoch:
    accuracy = 0.96 - 0.5 * math.exp(-number / 12) + rng.gauss(0, 0.003)
    per_class = [min(accuracy + rng.gauss(0, 0.02), 1.0) for _ in CLASSES]
    right = [round(1000 * share) for share in per_class]
    return Epoch(
        epoch=number, train_loss=0.7 + math.exp(-number / 30), train_mixed=True,
        test_loss=0.25 + math.exp(-number / 15),
        test_accuracy=accuracy, per_class=per_class, per_class_count=[1000] * 10,
        confused=[right[i] if i == j else (1000 - right[i]) // 9 for i in range(10) for j in range(10)],
        lr=0.005 * (1 - number / 500), images_per_second=rng.gauss(5200, 30), grad_norm=0.8, update_ratio=1e-3,
        seconds={"train": 9.6, "evaluate": 0.4}, t=t,
    )  # fmt: skip


def step(number: int, at: int, t: float, rng: random.Random) -> Step:
    return Step(number, at, 0.7 + math.exp(-number / 30) + rng.gauss(0, 0.1), 0.004, rng.gauss(5200, 30), t=t)


def system(t: float, rng: random.Random) -> System:
    card = {
        "index": 0, "uuid": "GPU-0", "name": "a GPU", "utilization": rng.uniform(0.85, 0.99), "memory_used": 11 * GB,
        "memory_total": 24 * GB, "memory_ours": 5 * GB, "memory_others": 6 * GB, "others": [], "power": 410.0,
        "power_limit": 450.0, "temperature": 58.0,
    }  # fmt: skip
    return System([card], cpu=rng.uniform(0.1, 0.2), ram_used=14 * GB, ram_total=128 * GB, ram_ours=3 * GB,
                  disk_free=200 * GB, t=t)  # fmt: skip


def finished(run: RunFolder, epochs: int, steps_kept: int, seed: int = 0) -> float:
    """Write a whole finished run at once: `epochs` epochs with `steps_kept` step events each, all in the past.

    Returns:
        The accuracy of its last epoch.
    """
    rng = random.Random(seed)
    begin = time.time() - epochs * 10 - 3600
    with EventWriter(run.events) as events:
        events.write(started(begin))
        for number in range(1, epochs + 1):
            for at in range(steps_kept):
                events.write(step(number, at * STEPS // steps_kept, begin + (number - 1 + at / steps_kept) * 10, rng))
            last = epoch(number, begin + number * 10, rng)
            events.write(last)
        events.write(Finished(epochs, 0.96, 0.961, epochs - 3, seconds=epochs * 10.0, t=begin + epochs * 10))
    ExitRecord(state="finished", ended=begin + epochs * 10).write(run.exit)
    return last.test_accuracy


def running(run: RunFolder) -> None:
    """Let this process count as the trainer of the run, so that the run is shown as running for a while."""
    this = me()
    ProcRecord(this.host, this.boot_id, this, this).write(run.proc)
    Heartbeat(os.getpid(), "running", 0, "", time.time()).write(run.heartbeat)


def predict(run: RunFolder, accuracy: float, labels: NDArray[np.int64], data: str, seed: int) -> None:
    """Predictions of a finished run for test images with these labels; hard images are wrong in most runs.

    Args:
        accuracy: of its last epoch.
        data: the fingerprint of the data set.
    """
    rng, hard = np.random.default_rng(seed), np.random.default_rng(0).random(len(labels))
    taken, right = labels.copy(), round(accuracy * len(labels))
    wrong = np.argsort(hard + 0.02 * rng.standard_normal(len(labels)))[right:]
    taken[wrong] = (labels[wrong] + rng.integers(1, len(CLASSES), len(wrong))) % len(CLASSES)
    logits = rng.normal(-7.0, 1.0, (len(labels), len(CLASSES))).astype(np.float16)
    logits[np.arange(len(labels)), taken] = 0.0
    none = np.zeros(0, np.int64)
    predictions.write(
        run.predictions,
        StoredPredictions(
            labels=labels, classes=CLASSES, last=logits, last_epoch=500, best=logits, best_epoch=500, weights="raw",
            best_weights="raw", test_index=np.arange(len(labels)), holdout=logits[:0], holdout_labels=none, data=data,
        ),
    )  # fmt: skip


def live(run: RunFolder, seconds: float) -> None:
    """Imitate a training run for `seconds`: two steps and one epoch per second, a system sample every two seconds."""
    rng = random.Random(0)
    running(run)
    with EventWriter(run.events) as events:
        begin = time.time()
        events.write(started(begin))
        number = 0
        while time.time() - begin < seconds:
            number += 1
            Heartbeat(os.getpid(), "running", 0, "", time.time()).write(run.heartbeat)
            for at in (195, 390):
                events.write(step(number, at, time.time(), rng))
                time.sleep(0.5)
            events.write(epoch(number, time.time(), rng))
            if number % 2 == 0:
                events.write(system(time.time(), rng))


if __name__ == "__main__":
    live(RunFolder(Path(sys.argv[1])), float(sys.argv[2]))
