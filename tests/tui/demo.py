"""Run folders that look like real ones, without any training: the curves follow the published log of Niwenjin/CIFAR-10's
train3 (500 epochs of ResNet-34 with CutMix or MixUp; test accuracy and losses at the epochs below, straight lines between)."""

import math
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from engine.contract.lines import LineWriter
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.changes import changes
from engine.contract.recipe.schema import Placement
from engine.contract.run import predictions
from engine.contract.run.event_file import encode
from engine.contract.run.events import (  # fmt: skip
    Checkpoint,
    Epoch,
    Event,
    Failed,
    Finished,
    Message,
    Phase,
    RunStarted,
    Step,
    System,
)
from engine.contract.run.fold import RunFold
from engine.contract.run.predictions import StoredPredictions
from engine.contract.run.records import ExitRecord, Heartbeat, Identity, ProcRecord
from engine.contract.run.store import RunFolder, Summary, create, summarize
from engine.data.arrays import Arrays, cached
from presets.loader import Edits
from presets.references import recipe_of

EPOCHS = (1, 2, 3, 5, 8, 12, 20, 30, 50, 75, 100, 150, 200, 250, 300, 350, 400, 450, 500)
TEST_ACCURACY = (
    0.5001, 0.5824, 0.6171, 0.7356, 0.7862, 0.8162, 0.8377, 0.8901, 0.9210, 0.9271, 0.9363, 0.9464, 0.9549, 0.9545, 0.9588,
    0.9605, 0.9633, 0.9635, 0.9634,
)  # fmt: skip
TEST_LOSS = (
    1.4087, 1.1702, 1.0970, 0.8693, 0.7070, 0.6619, 0.5535, 0.4627, 0.3687, 0.3479, 0.3426, 0.3135, 0.2385, 0.2642, 0.2866,
    0.2392, 0.2738, 0.2482, 0.2720,
)  # fmt: skip
TRAIN_LOSS = (
    2.0320, 1.8277, 1.6816, 1.5134, 1.3979, 1.2756, 1.2067, 1.1172, 1.0256, 0.9635, 0.9324, 0.8519, 0.8491, 0.7943, 0.7597,
    0.7164, 0.7372, 0.7374, 0.7094,
)  # fmt: skip
CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
ABOVE_MEAN = np.array([1.5, 4.1, -3.1, -9.7, 0.2, -4.8, 2.9, 2.0, 3.2, 2.8]) / 9.7
STEPS = 390
GB = 2**30


@dataclass
class Demo:
    """What the run is like; everything has a value that makes a good picture."""

    preset: str = "resnet34_cutmix"
    epochs_done: int = 111
    state: str = "running"
    seed: int = 0
    name: str = "paper v2"
    tags: tuple[str, ...] = ("paper",)
    changes: str = "-"
    gpu: bool = True
    classes: list[str] = field(default_factory=lambda: list(CLASSES))
    step: int = 187
    phase: str = "training"
    shift: float = 0.0
    seconds: float = 10.0
    edits: object = None
    step_ms: dict[str, float] = field(
        default_factory=lambda: {"data": 0.5, "forward": 3.9, "backward": 7.3, "optimizer": 0.9}
    )


def write_run(root: Path, demo: Demo | None = None, now: float | None = None) -> RunFolder:
    """A run folder with the events of its whole life up to now."""
    demo = demo or Demo()
    now = time.time() if now is None else now
    recipe = recipe_of(demo.preset, catalog(), demo.edits)
    run = create(
        root, recipe, seed=demo.seed, placement=Placement(name=demo.name, tags=demo.tags, device="auto"),
        preset=demo.preset, changes=demo.changes, command=f"cifar-tui --preset {demo.preset} --headless",
    )  # fmt: skip
    with LineWriter(run.events) as events:
        events.write(_TIME.sub(lambda found: f"{found[1]}{now + float(found[2])!r}", _life(demo, recipe.epochs)))
    _processes(run, demo, now)
    return run


_TIME: Final = re.compile(r'("t": )([-+.e\d]+)')
_LIVES: Final[dict[str, str]] = {}
"""The lines of runs that have been written, by what the runs are like: encoding 500 epochs takes 0.2 s."""


def _life(demo: Demo, epochs: float) -> str:
    """The events of a run as lines of JSON, with times in seconds from now and the seconds worked in its one attempt."""
    key = repr((replace(demo, preset="", name="", tags=(), changes="", edits=None), epochs))
    if key not in _LIVES:
        born = _began(demo) - 8
        _LIVES[key] = "\n".join(encode(replace(event, worked=event.t - born)) for event in _events(demo, epochs))
    return _LIVES[key]


def _began(demo: Demo) -> float:
    """When the first epoch began."""
    return -demo.epochs_done * demo.seconds - demo.step / STEPS * demo.seconds - 1


def _events(demo: Demo, epochs: float) -> Iterator[Event]:
    """The events of a run whose present is at time 0."""
    if demo.phase in ("queued", "compiling", "preparing data"):
        yield Phase(demo.phase, note="max-autotune" if demo.phase == "compiling" else "", t=-12)
        return
    rng, begin = random.Random(demo.seed), _began(demo)
    yield Phase("preparing data", t=begin - 8)
    yield _start(demo, math.ceil(epochs), begin)
    for epoch in range(1, demo.epochs_done + 1):
        for step in (100, 200, 300, 390):
            yield _step(demo, epoch, step, begin + (epoch - 1 + step / STEPS) * demo.seconds, rng, epochs)
        ended = begin + epoch * demo.seconds
        yield _system(demo, ended - 1, rng)
        yield _epoch(demo, epoch, ended, rng, epochs)
        if epoch % 10 == 0:
            yield Checkpoint(epoch, 0, f"epoch-{epoch:04d}", 0.2, t=ended + 0.2)
    for step in range(5, demo.step + 1, 5) if demo.state == "running" else ():
        at = -1 - (demo.step - step) / STEPS * demo.seconds
        yield _step(demo, demo.epochs_done + 1, step, at, rng, epochs)
    yield _system(demo, -1, rng)
    yield from _end(demo, epochs)


def _start(demo: Demo, epochs: int, t: float) -> RunStarted:
    return RunStarted(
        epochs=epochs, steps_per_epoch=STEPS, batch_size=128, params=21_282_122,
        device="cuda:0" if demo.gpu else "cpu", device_name="NVIDIA GeForce RTX 4090" if demo.gpu else "AMD EPYC",
        precision="bf16", compile="default", channels_last=True, threads=2, classes=demo.classes, train_images=50_000,
        test_images=10_000, best_on="test", t=t,
    )  # fmt: skip


def _rate(epoch: float, epochs: int) -> float:
    return 0.005 * 0.5 * (1 + np.cos(np.pi * epoch / epochs))


def _step(demo: Demo, epoch: int, step: int, t: float, rng: random.Random, epochs: int) -> Step:
    at = epoch - 1 + step / STEPS
    loss = float(np.interp(at, (0, *EPOCHS), (2.6, *TRAIN_LOSS))) + rng.gauss(0, 0.12)
    return Step(epoch, step, loss, _rate(at, epochs), rng.gauss(5214, 40), t=t)


def _epoch(demo: Demo, epoch: int, t: float, rng: random.Random, epochs: int) -> Epoch:
    wobble = 0.006 * np.exp(-epoch / 20) + 0.0015
    accuracy = float(np.interp(epoch, EPOCHS, TEST_ACCURACY)) + demo.shift + rng.gauss(0, wobble)
    n = len(demo.classes)
    spread = ABOVE_MEAN if n == 10 else np.sin(np.arange(n) * 12.9898)
    per_class = np.clip(accuracy + (1 - accuracy) * 1.3 * spread * (0.9 + 0.05 * rng.gauss(0, 1)), 0.02, 1.0)
    return Epoch(
        epoch=epoch,
        train_loss=float(np.interp(epoch, EPOCHS, TRAIN_LOSS)) + rng.gauss(0, 0.015),
        train_accuracy=float("nan"),
        train_mixed=True,
        test_loss=float(np.interp(epoch, EPOCHS, TEST_LOSS)) + rng.gauss(0, 0.01),
        test_accuracy=round(float(per_class.mean()), 4),
        per_class=[round(float(v), 4) for v in per_class],
        per_class_count=[10_000 // n] * n,
        confused=_confusion(per_class, 10_000 // n) if n <= 20 else [],
        lr=_rate(epoch, epochs),
        images_per_second=rng.gauss(5214, 40),
        grad_norm=0.84 + rng.gauss(0, 0.05),
        update_ratio=0.0011 + rng.gauss(0, 1e-4),
        step_ms=demo.step_ms,
        seconds={"train": demo.seconds * 0.95, "evaluate": demo.seconds * 0.04, "save": demo.seconds * 0.01},
        t=t,
    )


def _confusion(per_class: np.ndarray, count: int) -> list[int]:
    """Mistakes of a class go mostly to its look-alike."""
    alike = {0: 8, 1: 9, 2: 6, 3: 5, 4: 7, 5: 3, 6: 3, 7: 4, 8: 0, 9: 1}
    n = len(per_class)
    table = np.zeros((n, n), dtype=int)
    for i, right in enumerate(per_class):
        table[i, i] = round(right * count)
        wrong = count - table[i, i]
        table[i, alike[i] if n == 10 else (i + 1) % n] += wrong * 4 // 10
        rest = wrong - wrong * 4 // 10
        for k in range(rest):
            j = (i + 1 + k * 3) % n
            table[i, j if j != i else (i + 1) % n] += 1
    return table.ravel().tolist()


def _system(demo: Demo, t: float, rng: random.Random) -> System:
    host = {"cpu": 0.12, "ram_used": 14 * GB, "ram_total": 128 * GB, "ram_ours": 3 * GB, "disk_free": 212 * GB}
    if not demo.gpu:
        return System(cpu=0.97, gpu_note="NVML is not there", ram_used=5 * GB, ram_total=8 * GB, ram_ours=1.3 * GB,
                      disk_free=11 * GB, t=t)  # fmt: skip
    card = {
        "index": 0, "uuid": "GPU-1", "name": "NVIDIA GeForce RTX 4090", "utilization": min(rng.gauss(0.93, 0.03), 1.0),
        "memory_used": 10.6 * GB, "memory_total": 24 * GB, "memory_ours": rng.choice((4.6, 4.6, 4.9)) * GB,
        "memory_others": 6.0 * GB, "others": [{"user": "u17", "name": "python", "bytes": 6.0 * GB}],
        "power": 412.0, "power_limit": 450.0, "temperature": 58.0,
    }  # fmt: skip
    return System([card], **host, t=t)


def _end(demo: Demo, epochs: int) -> Iterator[Event]:
    if demo.state == "finished":
        total = epochs * demo.seconds
        yield Finished(epochs, 0.9626 + demo.shift, 0.9651 + demo.shift, epochs - 45, seconds=total, t=0)
    elif demo.state == "failed":
        yield Message("warning", "gpu memory is nearly full", t=-1)
        detail = 'Traceback (most recent call last):\n  File "train.py", line 120, in fit\ntorch.OutOfMemoryError: CUDA out of memory'
        message = "needed 2.1 GB more: ours 21.3 GB, u17 2.4 GB of 24; batch 64 would fit"
        yield Failed("gpu_memory", message, detail, t=0)


def _processes(run: RunFolder, demo: Demo, now: float) -> None:
    """The supervisor's files. A living run is said to live on another host, where its heartbeat is all that counts."""
    away = Identity("gpubox", "boot", 4242, now - 9000)
    ProcRecord("gpubox", "boot", away, away).write(run.proc)
    if demo.state in ("finished", "failed", "stopped", "preempted"):
        reason = {"failed": "gpu_memory"}.get(demo.state, "")
        message = "needed 2.1 GB more: ours 21.3 GB, u17 2.4 GB of 24; batch 64 would fit" if reason else ""
        ExitRecord(state=demo.state, reason=reason, message=message, ended=now).write(run.exit)
    else:
        place = 2 if demo.state == "queued" else 0
        Heartbeat(4242, demo.state, place, "", now).write(run.heartbeat)


def predict(run: RunFolder, accuracy: float, images: int = 10_000) -> None:
    """Predictions of a finished run with exactly this accuracy. Runs mostly agree on which images are difficult."""
    easy = np.random.default_rng(0)
    labels, difficulty = easy.integers(0, len(CLASSES), images), easy.random(images)
    own = np.random.default_rng(list(run.id.encode()))
    wrong = np.argsort(difficulty + 0.05 * own.standard_normal(images))[round(accuracy * images) :]
    taken = labels.copy()
    taken[wrong] = (labels[wrong] + own.integers(1, len(CLASSES), len(wrong))) % len(CLASSES)
    logits = np.full((images, len(CLASSES)), -6.0, np.float16)
    logits[np.arange(images), taken] = 0.0
    nothing = np.zeros(0, np.int64)
    predictions.write(
        run.predictions,
        StoredPredictions(
            labels=labels, classes=CLASSES, last=logits, last_epoch=1, best=logits, best_epoch=1, weights="raw",
            best_weights="raw", test_index=np.arange(images), holdout=logits[:0], holdout_labels=nothing, data="f" * 64,
        ),
    )  # fmt: skip


GALLERY: Final = (  # preset, changes, seeds, shift of the accuracy, name, tags
    ("resnet34_cutmix", (), (0, 1, 2), 0.0, "paper v2", ("paper",)),
    ("resnet34_cutmix", ("averaging=ema",), (0, 1, 2), 0.006, "paper v2 ema", ("paper",)),
    ("resnet34_cutmix", ("optimizer.lr=0.01",), (0, 1), -0.0015, "", ()),
    ("resnet34_cutmix", ("optimizer.weight_decay=0.0005",), (0, 1), 0.003, "", ()),
    ("wrn28_10_ricap", (), (0, 1), 0.0095, "", ()),
    ("resnet34_cutmix", ("model.name=resnet18",), (0, 1), -0.006, "", ()),
    ("resnet34_jitter", (), (2,), -0.026, "old one", ("old",)),
    ("resnet34_cutmix", ("batch_size=256",), (0,), -0.0016, "", ()),
    ("resnet34_cutmix", ("batch_size=64",), (0,), 0.0005, "", ()),
    ("resnet34_cutmix", ("loss.label_smoothing=0.1",), (0,), -0.0006, "label smoothing", ()),
)  # fmt: skip


def gallery(root: Path, epochs: int = 500) -> list[RunFolder]:
    """Runs for pictures of Results: finished recipes with several seeds, two that train, two that wait, one failed."""
    now, found = time.time(), []
    hours = 3.0
    for preset, sets, seeds, shift, name, tags in GALLERY:
        for seed in seeds:
            hours *= 1.4
            demo = Demo(
                preset=preset, epochs_done=epochs, state="finished", seed=seed, name=name, tags=tags, shift=shift,
                edits=Edits(sets=sets), seconds=hours * 7,
            )  # fmt: skip
            recipe = recipe_of(preset, catalog(), Edits(sets=sets))
            demo.epochs_done = min(epochs, int(recipe.epochs))
            demo.changes = changes(recipe_of(preset, catalog()), recipe, catalog())
            run = write_run(root, demo, now - hours * 3600)
            if demo.epochs_done == recipe.epochs:
                predict(run, summarize(run).last_accuracy or 0.0)
            found.append(run)
    return found


def summary(**values: Any) -> Summary:
    """A row of Results that needs no folder."""
    base = Summary(
        id="20261122-101530-k3f9", status="finished", preset="resnet34_cutmix", model="resnet34", changes="-", seed=2,
        epoch=500, epochs=500, last_accuracy=0.9626, best_accuracy=0.9651, seconds=5000, started=time.time() - 7200,
        folder="/nowhere/20261122-101530-k3f9",
    )  # fmt: skip
    return replace(base, **values)


class ManyRuns:
    """An index over rows that need no folders."""

    def __init__(self, count: int) -> None:
        self.all = [
            summary(
                id=f"20261122-{i:06d}-{i:04x}", seed=i, last_accuracy=i / 20000, started=1e9 + i, folder=f"/nowhere/{i}"
            )
            for i in range(count)
        ]

    def rows(self, roots):
        return list(self.all)


def predict_as_confused(run: RunFolder, labels: np.ndarray, fingerprint: str, seed: int = 0) -> None:
    """Predictions of a finished run for these test labels that agree with the confusion matrix of its last epoch.

    All but the few images by which the matrix differs from the accuracy, whose figures are rounded apart.
    """
    last = next(epoch for epoch in reversed(read_epochs(run)) if epoch.confused)
    number = len(last.per_class)
    rng = np.random.default_rng(seed)
    hard = np.random.default_rng(0).random(len(labels))  # the same images for all runs
    table = np.asarray(last.confused).reshape(number, number)
    taken = labels.astype(np.int64)
    for label in range(number):
        mine = np.flatnonzero(labels == label)
        mine = mine[np.argsort(hard[mine] + 0.1 * rng.random(len(mine)))][::-1]
        others = np.repeat(np.delete(np.arange(number), label), np.delete(table[label], label))
        taken[mine[: len(others)]] = others
    more = round(last.test_accuracy * len(labels)) - int((taken == labels).sum())
    some = np.flatnonzero((taken != labels) if more > 0 else (taken == labels))[: abs(more)]
    taken[some] = labels[some] if more > 0 else (labels[some] + 1) % number
    logits = rng.normal(-7.0, 1.0, (len(labels), number))
    second = rng.integers(1, number, len(labels))
    logits[np.arange(len(labels)), (taken + second) % number] = -np.abs(rng.normal(2.5, 1.0, len(labels))) - 0.05
    logits[np.arange(len(labels)), taken] = 0.0
    exact = logits.astype(np.float16)
    nothing = np.zeros(0, np.int64)
    predictions.write(
        run.predictions,
        StoredPredictions(
            labels=labels.astype(np.int64), classes=CLASSES, last=exact, last_epoch=last.epoch, best=exact,
            best_epoch=last.epoch, weights="raw", best_weights="raw", test_index=np.arange(len(labels)),
            holdout=exact[:0], holdout_labels=nothing, data=fingerprint,
        ),
    )  # fmt: skip


def read_epochs(run: RunFolder) -> list[Epoch]:
    """The epochs of a run."""
    return RunFold(run.events).poll().course.epochs


def pictures(name: str = "cifar10", images: int = 10_000) -> Arrays:
    """Put a data set of striped pictures, each class in a color of its own, into the cache of the user."""
    labels = (np.arange(images) % len(CLASSES)).astype(np.uint8)
    colors = np.random.default_rng(1).integers(40, 220, (len(CLASSES), 3))
    stripes = 12 * (np.arange(32) // 4 % 2)
    rows = colors[labels][:, None, None, :] + stripes[None, :, None, None]
    test = np.broadcast_to(rows, (images, 32, 32, 3)).astype(np.uint8)
    made = Arrays(test[:10], labels[:10], test, labels, tuple(CLASSES))
    return cached(name, "pictures", lambda: made, lambda phase, note: None)
