"""`python -m engine.lr_find`: a learning-rate range test on a fresh model of a recipe. It changes no run.

Reads one JSON object from stdin (see `read`) and writes events as JSON lines to stdout: phases while it prepares, a
RunStarted with the number of steps, a Step for every learning rate, and finally a Message that says why the sweep
ended, or a Failed event.

Exit code 0: success, 1: failed, 2: bad input.
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
from engine.contract.run.event_file import encode
from engine.contract.run.events import Event, Failed, Message, Phase, RunStarted, Step
from engine.data.device import training_batches
from engine.data.load import DataSet, load
from engine.launch import package
from engine.loop.failures import describe
from engine.loop.hardware import choose_device
from engine.loop.initial import load_initial
from engine.loop.setup import Setup, prepare
from engine.loop.teacher import load_teachers
from engine.optim.param_groups import set_lr
from engine.train import train_step

SECONDS: Final = 45.0
"""Time for the steps of a sweep whose number of steps is not given; with the preparation it takes about a minute."""
FEWEST: Final = 200
"""Minimum number of steps. Half as many find no rate if a model starts to learn slowly (quickstart on two cores)."""
MOST: Final = 1000
TRIAL: Final = 4
"""Steps at the smallest rate that are timed, not counting the first."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to sweep, and on which device."""

    recipe: Recipe
    parts: Catalog
    low: float
    high: float
    steps: int
    """0 means as many as `SECONDS` allow."""
    seed: int
    device: str
    threads: int
    data_dir: str
    teacher: dict[str, Any] = field(default_factory=dict)
    """The teacher of a distilled recipe, as returned by `with_teacher`."""
    initial: dict[str, Any] = field(default_factory=dict)
    """The initial weights, as returned by `with_initial`."""


def read(text: str) -> Request:
    """Parse a request: a JSON object with the fields of `Request`, the recipe as a table, the parts as a list of files.

    Raises:
        BadInput: the recipe does not resolve.
    """
    table: dict[str, Any] = json.loads(text)
    parts = catalog(tuple(map(Path, table.pop("parts"))))
    return Request(recipe=resolve(table.pop("recipe"), parts), parts=parts, **table)


def sweep(request: Request, data: DataSet, device: torch.device) -> Iterator[Event]:
    """Train with a learning rate that grows by a constant factor per step, until the loss explodes or the range ends.

    The loss of a Step event is that of the next batch, measured after the step with that rate, so that it shows the
    effect of the rate. Schedule and averaging are not used. Compiling and the CUDA graph are turned off, since they
    would take longer than the sweep.

    Raises:
        BadInput: fewer training images than a batch, a part that rejects its options, or a missing teacher.
        torch.OutOfMemoryError: the GPU has too little memory.
    """
    recipe, watch = request.recipe, Watch()
    setup = prepare_eagerly(request, data, device)
    setup.model.train()
    stream = batches(setup, recipe, request.seed)
    yield Phase(name="training", note="timing the first steps")
    each = time_steps(setup, recipe, stream, request.low) if not request.steps else 0.0
    steps = request.steps or max(FEWEST, min(int(SECONDS / max(each, 1e-9)), MOST))
    yield RunStarted(epochs=1, steps_per_epoch=steps, batch_size=recipe.batch_size, device=device.type)
    left = f", about {math.ceil(each * steps / 60)} min" if each * steps > 2 * SECONDS else ""
    note = f"{setup.decisions.precision}, {steps} steps of {recipe.batch_size} images{left}"
    yield Phase(name="training", note=note)
    factor = (request.high / request.low) ** (1.0 / (steps - 1))
    for step, (x, y) in enumerate(stream):
        rate = request.low * factor**step
        loss = take_step(setup, recipe, x, y, rate)
        if step:
            yield Step(epoch=1, step=step, loss=loss, lr=rate / factor)
            why = watch.ended(loss)
            if why or step == steps:
                yield Message(text=f"ended at step {step}: {why}" if why else "all rates were tried")
                return


def prepare_eagerly(request: Request, data: DataSet, device: torch.device) -> Setup:
    """The parts of the request's recipe, without compiling and without a CUDA graph."""
    compute = request.recipe.compute.model_copy(update={"compile": "off", "graph": "off"})
    recipe = request.recipe.model_copy(update={"compute": compute})
    parts = request.parts
    with tempfile.TemporaryDirectory(prefix="cifar-tui-lr-") as folder:  # for files that only a run would keep
        run = create(Path(folder), recipe, seed=request.seed, teacher=request.teacher, initial=request.initial)
        return prepare(
            recipe,
            data,
            run.path / "probe.json",
            seed=request.seed,
            device=device,
            threads=request.threads,
            parts=parts,
            teachers=load_teachers(recipe, run, data, data_dir=request.data_dir, device=device, parts=parts),
            start_from=load_initial(recipe, run),
        )


def time_steps(setup: Setup, recipe: Recipe, stream: Iterator[tuple[Tensor, Tensor]], rate: float) -> float:
    """Seconds per step, measured over a few steps at the smallest rate, or over fewer if they are slow."""
    times = [time.perf_counter()]
    for x, y in islice(stream, TRIAL):
        take_step(setup, recipe, x, y, rate)
        times.append(time.perf_counter())
        if len(times) > 2 and times[-1] - times[1] > SECONDS / FEWEST * TRIAL:
            break
    return (times[-1] - times[1]) / (len(times) - 2)


def take_step(setup: Setup, recipe: Recipe, x: Tensor, y: Tensor, rate: float) -> float:
    """Take a step with the given learning rate and return the loss before it. Waits for the device."""
    set_lr(setup.optimizer, rate / setup.peak_lr)
    return float(train_step(setup, x, y, recipe.compute.accumulate, recipe.optimizer.options["clip_norm"])[0])


def batches(setup: Setup, recipe: Recipe, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The augmented batches of the training loop, epoch after epoch, without end."""
    for epoch in count():
        yield from training_batches(
            setup.train,
            setup.augmented,
            seed=seed,
            epoch=epoch,
            batch_size=recipe.batch_size,
            last_batch=recipe.last_batch,
        )


def carry_out(text: str, emit: Callable[[Event], None]) -> int:
    """Carry out the sweep that the request in `text` describes, emitting every event; returns the exit code."""
    recipe: Recipe | None = None
    try:
        request = read(text)
        recipe = request.recipe
        device = choose_device(request.device)

        def report(name: str, note: str) -> None:
            emit(Phase(name=name, note=note))

        data = load(recipe.data, request.data_dir, report, request.parts)
        for event in sweep(request, data, device):
            emit(event)
    except BrokenPipeError:  # the reader has exited
        return 1
    except Exception as error:  # the top of the process: every failure becomes an event
        failed = describe(error, recipe, None)
        sys.stderr.write(failed.detail)
        emit(failed)
        return 2 if failed.reason == "bad_input" else 1
    return 0


def main() -> int:
    """Answer the request on stdin and return the exit code."""

    def emit(event: Event) -> None:
        sys.stdout.write(f"{encode(event)}\n")
        sys.stdout.flush()

    if problem := package.problem():
        emit(Failed(reason="bad_input", message=problem))
        return 2
    return carry_out(sys.stdin.read(), emit)


if __name__ == "__main__":
    sys.exit(main())
