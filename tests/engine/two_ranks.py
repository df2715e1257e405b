"""Two processes that are the ranks of one run, on the CPU, and what tests ask of them.

Each case is a function of this module that both ranks call, with their world and the same arguments.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist

from engine.contract.recipe.schema import Placement
from engine.contract.run.events import Event
from engine.contract.run.teacher import is_distilled
from engine.distributed import ALONE, World
from engine.loop import trials
from engine.loop.setup import prepare
from engine.loop.teacher import Teacher
from engine.models.build import build_model
from engine.ranks import Ranks
from engine.train import fit, train_step
from tests.engine.conftest import CPU

RANKS = 2


class Pair:
    """Two ranks that wait for cases."""

    def __init__(self, pipes: list[Connection]) -> None:
        self._pipes = pipes

    def __call__(self, case: Callable[..., Any], *arguments: Any) -> list[Any]:
        """What the case returns in each rank. Raises AssertionError with the traceback of a rank that fails."""
        for pipe in self._pipes:
            pipe.send((case, arguments))
        answers = [pipe.recv() for pipe in self._pipes]
        failures = [text for good, text in answers if not good]
        assert not failures, "\n".join(failures)
        return [value for _, value in answers]


@contextmanager
def two_ranks(store: Path) -> Iterator[Pair]:
    """Start both ranks. `store`: a file in which they meet."""
    context = get_context("spawn")
    pairs = [context.Pipe() for _ in range(RANKS)]
    processes = [
        context.Process(target=serve, args=(rank, str(store), theirs), daemon=True)
        for rank, (_, theirs) in enumerate(pairs)
    ]
    for process in processes:
        process.start()
    try:
        yield Pair([mine for mine, _ in pairs])
    finally:
        for mine, _ in pairs:
            mine.send(None)
        for process in processes:
            process.join(20)
            process.kill()


def serve(rank: int, store: str, pipe: Connection) -> None:
    """Be one rank until None arrives."""
    torch.set_num_threads(1)
    world = Ranks(rank, RANKS, CPU, dist.FileStore(store, RANKS), timeout=timedelta(seconds=60))
    while (request := pipe.recv()) is not None:
        case, arguments = request
        try:
            pipe.send((True, case(world, *arguments)))
        except Exception:
            pipe.send((False, traceback.format_exc()))
    world.close()


def one_step(world: World, trial: Any, probe: Path, batch: int, steps: int = 1, double: bool = False) -> dict[str, Any]:
    """Take steps on the first images of the training set: loss, logits, weights and buffers, and the average's.

    With `double`, the model computes in float64, while the ranks exchange gradients in float32.
    """
    threads, kind = torch.get_num_threads(), torch.get_default_dtype()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trials, "splittable", lambda *_: False)  # the trial of parts of a batch knows float32 alone
        try:
            torch.set_default_dtype(torch.float64 if double else kind)
            return _steps(world, trial, probe, batch, steps)
        finally:
            torch.set_default_dtype(kind)
            torch.set_num_threads(threads)


def _steps(world: World, trial: Any, probe: Path, batch: int, steps: int) -> dict[str, Any]:
    options: dict[str, Any] = {"seed": 1, "device": CPU, "threads": 1, "parts": trial.parts, "world": world}
    if is_distilled(trial.recipe, trial.parts):
        torch.manual_seed(7)
        net = build_model(trial.recipe.model, num_classes=10, catalog=trial.parts)
        options["teachers"] = (Teacher(net, (trial.data.mean, trial.data.std), (trial.data.mean, trial.data.std)),)
    setup = prepare(trial.recipe, trial.data, probe, **options)
    setup.model.train()
    clip, cut = trial.recipe.optimizer.options["clip_norm"], trial.recipe.compute.accumulate
    for step in range(steps):
        images, labels = (each[step * batch :][:batch] for each in (setup.train.images, setup.train.labels))
        x, y = (each.to(torch.get_default_dtype()) for each in setup.augmented(images, labels, 0, step))
        loss, logits, norm = train_step(setup, x, y, accumulate=cut, clip_norm=clip)
        setup.averaging.update()
    setup.averaging.settle([x], setup.autocast)
    state = {f"model.{name}": value.detach().clone() for name, value in setup.model.state_dict().items()}
    state |= {f"average.{name}": value.clone() for name, value in setup.averaging.model.state_dict().items()}
    missing = sorted(name for name, parameter in setup.model.named_parameters() if parameter.grad is None)
    return {"loss": loss, "logits": logits, "norm": norm, "state": state, "missing": missing}


def whole_run(world: World, trial: Any, stop_after: int | None = None, by: int = 0, **options: Any) -> list[Event]:
    """All events of one attempt at the run; rank `by` asks to stop after so many questions."""
    left = iter(range(10**9 if stop_after is None or world.rank != by else stop_after))
    settings = {"placement": Placement(threads=1), "seed": trial.seed, "device": CPU, "parts": trial.parts}
    stopping = lambda: next(left, None) is None  # noqa: E731
    return list(fit(trial.recipe, trial.run, trial.data, stopping=stopping, world=world, **(settings | options)))


def alone(case: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """The same case in a single process."""
    return case(ALONE, *arguments, **options)
