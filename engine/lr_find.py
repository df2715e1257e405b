"""`python -m engine.lr_find`: sweep the learning rate over a fresh model of a recipe. Keeps nothing and touches no run.

It reads one JSON object from stdin (see `read`) and writes events as JSON lines to stdout: phases and messages while it
prepares, a Step for every rate, and at the end a Message that says why it ended, or a Failed event.

Exit code 0: swept, 1: failed, 2: bad input.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.analysis.lr_curve import Watch
from engine.contract.catalog import Catalog, catalog
from engine.contract.create import create
from engine.contract.events import Event, Failed, Message, Phase, Step, encode
from engine.contract.recipe import Recipe
from engine.data.load import DataSet, load
from engine.data.split import epoch_order
from engine.failures import describe
from engine.launch import package
from engine.optim.param_groups import set_lr
from engine.probe import choose_device
from engine.setup import Setup, prepare
from engine.teacher import load_teachers
from engine.train import train_step


@dataclass(frozen=True, slots=True)
class Request:
    """What to sweep, and where."""

    recipe: Recipe
    parts: Catalog
    low: float
    high: float
    steps: int
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
    return Request(recipe=Recipe.resolve(table.pop("recipe"), parts), parts=parts, **table)


def sweep(asked: Request, data: DataSet, device: torch.device) -> Iterator[Event]:
    """Train with a learning rate that rises by the same factor every step, until the loss explodes or all are tried.

    A Step's loss is that of the batch after the step that was taken with its rate, so it shows what the rate did.
    Schedule and averaging play no part; compiling is left out, as it would take longer than the sweep.

    Raises:
        BadInput: fewer training images than a batch, a part that refuses its options, or a teacher that is gone.
        torch.OutOfMemoryError: on a GPU.
    """
    recipe, watch = asked.recipe, Watch()
    eager = recipe.model_copy(update={"compute": recipe.compute.model_copy(update={"compile": "off"})})
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
    yield Phase(name="training", note=f"{setup.decisions.precision}, {asked.steps} steps of {recipe.batch_size} images")
    setup.model.train()
    factor = (asked.high / asked.low) ** (1.0 / (asked.steps - 1))
    clip_norm = recipe.optimizer.options["clip_norm"]
    for step, (x, y) in enumerate(batches(setup, recipe, asked.seed)):
        rate = asked.low * factor**step
        set_lr(setup.optimizer, rate / setup.peak_lr)
        loss = float(train_step(setup, x, y, recipe.compute.accumulate, clip_norm)[0])
        if step:
            yield Step(epoch=1, step=step, loss=loss, lr=rate / factor)
            why = watch.ended(loss)
            if why or step == asked.steps:
                yield Message(text=f"ended at step {step}: {why}" if why else "all rates were tried")
                return


def batches(setup: Setup, recipe: Recipe, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Augmented batches as the loop draws them, epoch after epoch."""
    epoch = 0
    while True:
        order = epoch_order(seed, epoch, len(setup.train))
        found = setup.train.batches(order, recipe.batch_size, recipe.last_batch)
        for step, (images, labels) in enumerate(found):
            chosen = order[step * recipe.batch_size :][: len(images)]
            yield setup.augmented(images, labels, epoch, step, chosen)
        epoch += 1


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
