"""`python -m engine.lr_find`: sweep the learning rate over a fresh model of a recipe. Keeps nothing and touches no run.

It reads one JSON object from stdin (see `read`) and writes events as JSON lines to stdout: phases while it prepares, a
RunStarted with the number of steps that are to come, a Step for every rate, and at the end a Message that says why it
ended, or a Failed event.

Exit code 0: swept, 1: failed, 2: bad input.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from engine.analysis.lr_curve import Watch
from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Recipe
from engine.contract.run.create import create
from engine.contract.run.events import Event, Failed, Message, Phase, RunStarted, Step, encode
from engine.data.device import training_batches
from engine.data.load import DataSet, load
from engine.launch import package
from engine.loop.failures import describe
from engine.loop.probe import choose_device
from engine.loop.setup import Setup, prepare
from engine.loop.teacher import load_teachers
from engine.optim.param_groups import set_lr
from engine.train import train_step

SECONDS: Final = 45.0
"""What a sweep may take where nobody says how many steps it has: with what it prepares, a minute."""
FEWEST: Final = 200
"""Steps at least. With half of them no rate is found where a net takes long to begin: quickstart on two cores."""
MOST: Final = 1000
TRIAL: Final = 4
"""Steps at the smallest rate whose time is taken, the first left out."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to sweep, and where."""

    recipe: Recipe
    parts: Catalog
    low: float
    high: float
    steps: int
    """0: as many as `SECONDS` allow."""
    seed: int
    device: str
    threads: int
    data_dir: str
    teacher: dict[str, Any] = field(default_factory=dict)
    """Of a distilled recipe, as `with_teacher` has it."""


def read(text: str) -> Request:
    """The request: a JSON object with the fields of `Request`, the recipe as a table and parts as a list of files.

    Raises:
        BadInput: the recipe does not resolve.
    """
    table: dict[str, Any] = json.loads(text)
    parts = catalog(tuple(map(Path, table.pop("parts"))))
    return Request(recipe=resolve(table.pop("recipe"), parts), parts=parts, **table)


def sweep(asked: Request, data: DataSet, device: torch.device) -> Iterator[Event]:
    """Train with a learning rate that rises by the same factor every step, until the loss explodes or all are tried.

    A Step's loss is that of the batch after the step that was taken with its rate, so it shows what the rate did.
    Schedule and averaging play no part; compiling and the CUDA graph are left out, as they take longer than the sweep.

    Raises:
        BadInput: fewer training images than a batch, a part that refuses its options, or a teacher that is gone.
        torch.OutOfMemoryError: on a GPU.
    """
    recipe, watch = asked.recipe, Watch()
    plainly = recipe.compute.model_copy(update={"compile": "off", "graph": "off"})
    eager = recipe.model_copy(update={"compute": plainly})
    with tempfile.TemporaryDirectory(prefix="cifar-tui-lr-") as folder:  # what a run would keep, gone at once
        run = create(Path(folder), eager, seed=asked.seed, teacher=asked.teacher)
        setup = prepare(
            eager,
            data,
            run.path / "probe.json",
            seed=asked.seed,
            device=device,
            threads=asked.threads,
            parts=asked.parts,
            teachers=load_teachers(eager, run, data, data_dir=asked.data_dir, device=device, parts=asked.parts),
        )
    setup.model.train()
    stream = batches(setup, recipe, asked.seed)
    yield Phase(name="training", note="the first steps")
    each = trial(setup, recipe, stream, asked.low) if not asked.steps else 0.0
    steps = asked.steps or max(FEWEST, min(int(SECONDS / max(each, 1e-9)), MOST))
    yield RunStarted(epochs=1, steps_per_epoch=steps, batch_size=recipe.batch_size, device=device.type)
    left = f", about {math.ceil(each * steps / 60)} min" if each * steps > 2 * SECONDS else ""
    note = f"{setup.decisions.precision}, {steps} steps of {recipe.batch_size} images{left}"
    yield Phase(name="training", note=note)
    factor = (asked.high / asked.low) ** (1.0 / (steps - 1))
    for step, (x, y) in enumerate(stream):
        rate = asked.low * factor**step
        loss = stepped(setup, recipe, x, y, rate)
        if step:
            yield Step(epoch=1, step=step, loss=loss, lr=rate / factor)
            why = watch.ended(loss)
            if why or step == steps:
                yield Message(text=f"ended at step {step}: {why}" if why else "all rates were tried")
                return


def trial(setup: Setup, recipe: Recipe, stream: Iterator[tuple[Tensor, Tensor]], rate: float) -> float:
    """Seconds of a step: a few are taken at the smallest rate, fewer where one takes so long that they say enough."""
    times = [time.perf_counter()]
    for x, y in islice(stream, TRIAL):
        stepped(setup, recipe, x, y, rate)
        times.append(time.perf_counter())
        if len(times) > 2 and times[-1] - times[1] > SECONDS / FEWEST * TRIAL:
            break
    return (times[-1] - times[1]) / (len(times) - 2)


def stepped(setup: Setup, recipe: Recipe, x: Tensor, y: Tensor, rate: float) -> float:
    """Take a step with a learning rate; the loss before it. Waits for the device."""
    set_lr(setup.optimizer, rate / setup.peak_lr)
    return float(train_step(setup, x, y, recipe.compute.accumulate, recipe.optimizer.options["clip_norm"])[0])


def batches(setup: Setup, recipe: Recipe, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Augmented batches as the loop draws them, epoch after epoch."""
    for epoch in count():
        yield from training_batches(
            setup.train,
            setup.augmented,
            seed=seed,
            epoch=epoch,
            batch_size=recipe.batch_size,
            last_batch=recipe.last_batch,
        )


def carry_out(text: str, tell: Callable[[Event], None]) -> int:
    """Sweep what the request asks for and tell everything; the exit code."""
    recipe: Recipe | None = None
    try:
        asked = read(text)
        recipe = asked.recipe
        device = choose_device(asked.device)
        data = load(recipe.data, asked.data_dir, lambda name, note: tell(Phase(name=name, note=note)), asked.parts)
        for event in sweep(asked, data, device):
            tell(event)
    except BrokenPipeError:  # nobody reads any more
        return 1
    except Exception as error:  # the top of the process: every end is told
        failed = describe(error, recipe, None)
        sys.stderr.write(failed.detail)
        tell(failed)
        return 2 if failed.reason == "bad_input" else 1
    return 0


def main() -> int:
    """Answer the request on stdin; the exit code."""

    def tell(event: Event) -> None:
        sys.stdout.write(f"{encode(event)}\n")
        sys.stdout.flush()

    if problem := package.problem():
        tell(Failed(reason="bad_input", message=problem))
        return 2
    return carry_out(sys.stdin.read(), tell)


if __name__ == "__main__":
    sys.exit(main())
