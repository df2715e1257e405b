"""A tiny data set and runs on it that take a tenth of a second: lenet, 320 images, five steps an epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
import torch

from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Placement, Recipe
from engine.contract.run.create import create
from engine.contract.run.events import Epoch, Event, Stopped
from engine.contract.run.folder import RunFolder
from engine.data.load import DataSet, Split
from engine.data.shapes import CLASSES, generate
from engine.data.split import channel_statistics
from engine.loop.checkpoint_files import load_weights
from engine.train import fit

CPU = torch.device("cpu")
OWN_PARTS = Path(__file__).with_name("own_parts.py")


def split(images: np.ndarray, labels: np.ndarray) -> Split:
    return Split(torch.from_numpy(images).permute(0, 3, 1, 2), torch.from_numpy(labels.astype(np.int64)))


def shapes_of(train: int, test: int) -> DataSet:
    """Generated shapes, so many of them."""
    arrays = generate(train=train, test=test)
    mean, std = channel_statistics(arrays.train_images)
    return DataSet(
        name="shapes",
        train=split(arrays.train_images, arrays.train_labels),
        holdout=None,
        test=split(arrays.test_images, arrays.test_labels),
        classes=CLASSES,
        mean=mean,
        std=std,
        fingerprint=arrays.fingerprint,
    )


@pytest.fixture(scope="session")
def tiny() -> DataSet:
    return shapes_of(330, 105)


@pytest.fixture(scope="session")
def tinier() -> DataSet:
    """As many steps at a batch size of 16 as `tiny` has at 64, for runs that are only compared with one another."""
    return shapes_of(90, 35)


@pytest.fixture(scope="session")
def parts() -> Catalog:
    return catalog((OWN_PARTS,))


def tiny_recipe(parts: Catalog, **changes: Any) -> Recipe:
    """A recipe of three epochs of five steps, changed as said."""
    table: dict[str, Any] = {
        "epochs": 3,
        "batch_size": 64,
        "model": "lenet",
        "augmentation": ["random_crop", "horizontal_flip"],
        "optimizer": {"name": "sgd", "lr": 0.05, "nesterov": True},
        "data": {"name": "shapes"},
        "compute": {"precision": "fp32"},
    }
    return resolve(table | changes, parts)


@dataclass
class Trial:
    """A run that can be carried out, again and again, in this process."""

    recipe: Recipe
    run: RunFolder
    data: DataSet
    parts: Catalog
    seed: int = 1
    attempts: int = 0
    events: list[Event] = field(default_factory=list)
    """Of all attempts."""

    def go(self, stop_after: int | None = None, **options: Any) -> list[Event]:
        """One attempt, to its end or until the loop has asked `stop_after` times whether to stop; its events.

        It asks once before every step, once after the last of an epoch, and before every batch of an evaluation.
        """
        return list(self.start(stop_after, **options))

    def start(self, stop_after: int | None = None, **options: Any) -> Iterator[Event]:
        """The same, event by event."""
        self.attempts += 1
        left = count() if stop_after is None else iter(range(stop_after))
        settings = {"placement": Placement(threads=1), "attempt": self.attempts, "seed": self.seed, "device": CPU}
        settings |= {"parts": self.parts, "stopping": lambda: next(left, None) is None}
        stream = fit(self.recipe, self.run, self.data, **(settings | options))
        for event in stream:
            self.events.append(event)
            yield event

    def stop_at(self, epoch: int, step: int) -> None:
        """One attempt from the start that is stopped after so many steps of an epoch; 0 is the first epoch."""
        ended = asked = 0

        def stopping() -> bool:
            """After the event of an epoch, the loop next asks before the first step of the following one."""
            nonlocal asked
            asked += 1
            return ended == epoch and asked > step

        for event in self.start(stopping=stopping):
            if isinstance(event, Epoch):
                ended, asked = ended + 1, 0
        last = self.events[-1]
        assert isinstance(last, Stopped) and (last.epoch, last.step) == (epoch, step)

    def weights(self, which: str = "last") -> dict[str, torch.Tensor]:
        return load_weights(self.run.checkpoints, which)["model"]

    def ends_as(self, other: Trial, which: str = "last") -> bool:
        """Whether both have ended with the same bits."""
        mine, theirs = self.weights(which), other.weights(which)
        return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)

    def epochs(self) -> list[dict[str, Any]]:
        """What every epoch's event said, without times; an epoch told twice counts once."""
        told = {event.epoch: event for event in self.events if isinstance(event, Epoch)}
        timing = ("t", "seconds", "images_per_second", "step_ms")
        names = [name for name in Epoch.__dataclass_fields__ if name not in timing]
        return [{name: repr(getattr(told[epoch], name)) for name in names} for epoch in sorted(told)]


@pytest.fixture(autouse=True)
def torch_as_it_was() -> Iterator[None]:
    """A run sets torch's global switches; the next test gets them back."""
    threads, tf32 = torch.get_num_threads(), torch.backends.cudnn.allow_tf32
    yield
    torch.set_num_threads(threads)
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.benchmark = torch.backends.cudnn.deterministic = False
    if torch.are_deterministic_algorithms_enabled():  # the call imports the compiler, which takes a second
        torch.use_deterministic_algorithms(False)


class Make(Protocol):
    def __call__(self, images: DataSet = ..., seed: int = ..., own: bool = ..., **changes: Any) -> Trial: ...


@pytest.fixture
def make(tmp_path: Path, tiny: DataSet, parts: Catalog) -> Make:
    def make(images: DataSet = tiny, seed: int = 1, own: bool = False, **changes: Any) -> Trial:
        """`own`: the run takes its copy of the own parts along."""
        recipe = tiny_recipe(parts, **changes)
        placement = Placement(parts=(str(OWN_PARTS),) if own else ())
        return Trial(recipe, create(tmp_path / "runs", recipe, seed=seed, placement=placement), images, parts, seed)

    return make


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny: DataSet, parts: Catalog) -> Callable[..., Trial]:
    """`finished(**changes)`: a run like those of `make` that has gone to its end, the same one for all who only read it."""
    root, trials = tmp_path_factory.mktemp("finished"), {}

    def finished(images: DataSet = tiny, **changes: Any) -> Trial:
        recipe = tiny_recipe(parts, **changes)
        key = (id(images), repr(recipe))
        if key not in trials:
            trial = Trial(recipe, create(root, recipe, seed=1, placement=Placement()), images, parts)
            trial.go()
            trials[key] = trial
        return trials[key]

    return finished


@pytest.fixture
def twice(make: Make, finished: Callable[..., Trial], tinier: DataSet) -> Callable[..., tuple[Trial, Trial]]:
    """`twice(**changes)`: a small run that has finished undisturbed, and the same one not yet begun."""

    def twice(**changes: Any) -> tuple[Trial, Trial]:
        changes = {"images": tinier, "batch_size": 16} | changes
        return finished(**changes), make(**changes)

    return twice


@pytest.fixture
def new(tmp_path: Path, make: Make) -> Callable[..., RunFolder]:
    """Makes run folders that a trainer can carry out by itself, with the smallest part of `shapes`."""

    def new(placement: Placement | None = None, **changes: Any) -> RunFolder:
        changes = {"data": {"name": "shapes", "fraction": 0.02}, "epochs": 2} | changes
        recipe = make(**changes).recipe
        return create(tmp_path / "own", recipe, seed=3, placement=placement or Placement(threads=1))

    return new


class AtOnce:
    """An executor that has carried out a task by the time it is submitted."""

    def __init__(self, **_: Any) -> None: ...

    def submit(self, task: Callable[..., Any], *args: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(task(*args))
        return done

    def shutdown(self, wait: bool) -> None: ...


@pytest.fixture
def written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints are on disk before the next step, however slow the disk: an interval of 0 saves after every step."""
    monkeypatch.setattr("engine.loop.checkpoint.ThreadPoolExecutor", AtOnce)


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two processes that are the ranks of a run on the CPU; all cases of a worker share them."""
    from tests.engine.two_ranks import two_ranks  # which imports this module

    with two_ranks(tmp_path_factory.mktemp("ranks") / "store") as ranks:
        yield ranks
