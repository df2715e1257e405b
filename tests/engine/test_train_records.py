"""The recipes of the speed records take the steps of the records: against the `airbench` package, or their equations.

In whole trainings the nets are narrow, the batches small and the epochs few, but all other settings are those of the
preset. Ours is carried out first; the record then starts from its weights and gets its batches.
"""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import airbench
import pytest
import torch
import torch.nn.functional as F
from airbench import lib_airbench96, utils
from torch import Tensor, nn

from engine import train
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Choice, Recipe
from engine.models.build import build_model
from engine.optim.build import build_optimizer
from engine.optim.lookahead import falling
from engine.optim.param_groups import follow
from engine.schedules import plan
from presets import references
from tests.engine.models.test_airbench import RecordGroup

Batch = tuple[Tensor, Tensor]

RECORD: dict[str, dict[str, Any]] = {
    "95": {"learning_rate": 10.0, "weight_decay": 0.0153, "epochs": 15},
    "96": {"learning_rate": 9.0, "weight_decay": 0.012, "epochs": 37},
}
"""Of the scripts of the records, rate and decay for 1,024 images; what follows is the same in both."""
SAME: dict[str, Any] = {"bias_scaler": 64.0, "momentum": 0.85, "label_smoothing": 0.2, "whiten_bias_epochs": 3}
CURVE = {"95": "start=0.2, end=0.07, peak=0.23", "96": "start=0.2, end=0.0, peak=0.1"}
"""Their schedules; the package has the first for all of its nets."""


def preset(which: str) -> Recipe:
    return references.recipe_of(f"speedrun_{which}", catalog())


class Loader:
    """What the record's loop asks of its loader, with the given batches of each epoch."""

    def __init__(self, epochs: list[list[Batch]], batch_size: int) -> None:
        self.batch_size, self.epoch, self.images = batch_size, 0, torch.zeros(1)
        self._steps, self._epochs = len(epochs[0]), iter(epochs)

    def __len__(self) -> int:
        return self._steps

    def __iter__(self) -> Iterator[Batch]:
        return iter(next(self._epochs))

    def normalize(self, images: Tensor) -> Tensor:
        return images


class Clock:
    """In place of a CUDA event."""

    def __init__(self, **_: Any) -> None: ...

    def record(self) -> None: ...

    def elapsed_time(self, _: Any) -> float:
        return 0.0


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> Callable[..., nn.Module]:
    """The record's own loop on a CPU in fp32, with the settings of one of the scripts."""
    monkeypatch.setattr(torch.cuda, "Event", Clock)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(nn.Module, "cuda", lambda self: self)
    monkeypatch.setattr(nn.Module, "half", lambda self: self)
    monkeypatch.setattr(utils, "CifarLoader", lambda *_, **__: None)  # of the test images, which it does not use here
    monkeypatch.setattr(utils, "init_whitening_conv", lambda *_: None)

    def run(which: str, loader: Loader, make_net: Callable[[], nn.Module], **changes: Any) -> nn.Module:
        source, names = inspect.getsource(utils.train), dict(vars(utils))
        assert CURVE["95"] in source
        exec(source.replace(CURVE["95"], CURVE[which]), names)
        settings = SAME | RECORD[which] | changes
        for key in ("learning_rate", "weight_decay"):  # a step of a smaller batch is to be that of 1,024 images
            settings[key] *= 1024 / loader.batch_size
        net: nn.Module = names["train"](loader, make_net=make_net, tta_level=2, run=0, verbose=False, **settings)
        return net

    return run


class Small(nn.Sequential):
    """The least net that the record's loop can train."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(1, 10), nn.BatchNorm1d(10)


@pytest.mark.parametrize("which", ["95", "96"])
def test_rates_decays_and_alpha_are_the_records_at_every_step(record: Any, monkeypatch: Any, which: str) -> None:
    """Of the whole training at its full length: 48 steps per epoch."""
    rates: list[list[tuple[float, float]]] = []
    kept: list[float] = []

    def step(self: torch.optim.SGD, *_: Any) -> None:
        rates.append([(float(g["lr"]), float(g["lr"]) * g["weight_decay"]) for g in self.param_groups])

    recipe = preset(which)
    steps, options = 48 * RECORD[which]["epochs"], recipe.optimizer.options
    with monkeypatch.context() as patch:
        patch.setattr(torch.optim.SGD, "step", step)
        patch.setattr(utils.LookaheadState, "update", lambda self, net, decay: kept.append(decay))
        epoch = [(torch.ones(2, 1), torch.zeros(2, dtype=torch.long))] * 48
        record(which, Loader([epoch] * RECORD[which]["epochs"], recipe.batch_size), Small)

    narrow = Choice(name=recipe.model.name, **recipe.model.options | {"width": 12})
    optimizer = build_optimizer(recipe.optimizer, build_model(narrow, num_classes=10, catalog=catalog()), steps=steps)
    others, _, biases = optimizer.param_groups
    assert biases["params"][0].ndim == 1 and len(rates) == steps
    at = plan(recipe.schedule, recipe.epochs)
    for i, theirs in enumerate(rates):
        follow(optimizer, lambda _, i=i: at(i / steps), 0.0)
        ours = [(group["lr"] / 1024, group["lr"] * group["weight_decay"]) for group in (biases, others)]
        assert ours == [pytest.approx(pair, rel=1e-4, abs=1e-9) for pair in theirs], i
    alpha = falling(options["lookahead_alpha"], options["lookahead_alpha_end"], steps)
    assert kept.pop() == 1.0, "the slow weights, after the last step"
    assert [1 - alpha(i) for i in range(options["lookahead"], steps + 1, 5)] == pytest.approx(kept, rel=1e-4, abs=1e-6)


class Ours:
    """A whole training by the recipe of a record, with its batches and the weights that it began with."""

    def __init__(self, make: Any, monkeypatch: pytest.MonkeyPatch, which: str, epochs: int, **changes: Any) -> None:
        table = preset(which).to_table()
        table["model"]["width"] = 12
        for key, options in changes.items():
            table[key] |= options
        self.batches: list[Batch] = []
        self.first: list[Tensor] = []
        names = ("model", "optimizer", "schedule", "loss", "averaging", "evaluate")
        self.trial = make(epochs=epochs, augmentation=[], **{name: table[name] for name in names})
        step = train.train_step

        def spy(setup: Any, x: Tensor, y: Tensor, **options: Any) -> Any:
            self.first = self.first or [value.clone() for value in setup.model.state_dict().values()]
            self.batches.append((x.clone(), y.argmax(1)))
            return step(setup, x, y, **options)

        with monkeypatch.context() as patch:
            patch.setattr(train, "train_step", spy)
            self.trial.go()

    def assert_ends_as(self, net: nn.Module, tol: float) -> None:
        for (name, mine), theirs in zip(self.trial.weights().items(), net.state_dict().values(), strict=True):
            if mine.is_floating_point():
                torch.testing.assert_close(mine, theirs, rtol=tol, atol=tol, msg=lambda text, name=name: name + text)

    def start(self, net: nn.Module) -> nn.Module:
        """The net with our first weights."""
        net.load_state_dict(dict(zip(net.state_dict(), self.first, strict=True)))
        return net


def record_net(which: str) -> nn.Module:
    """The record's net, with the widths of ours; see `RecordGroup` for that of 96 %."""
    if which == "95":
        return airbench.make_net95(widths={"block1": 12, "block2": 36, "block3": 36})
    return airbench.make_net96(widths={"block1": 12, "block2": 36, "block3": 48}, batchnorm_momentum=0.9)


@pytest.mark.parametrize("which", ["95", "96"])
def test_a_training_ends_with_the_records_weights_and_statistics(
    record: Any, make: Any, monkeypatch: Any, which: str
) -> None:
    """Both train at a fiftieth of the rate, or differences of rounding would grow without end.

    The learning rate of the whitening's bias follows the others' here, which it does in the record and not in ours.
    """
    monkeypatch.setattr(
        train, "follow", lambda optimizer, scheduled, low: follow(optimizer, lambda _: scheduled(1.0), low)
    )
    monkeypatch.setattr(lib_airbench96, "ConvGroup", RecordGroup)
    warmup = {"95": 1.0, "96": 0.4}[which]  # int(0.23 * 25) and int(0.1 * 25) of 25 steps
    groups = [{"match": "whiten.bias", "until": 0.2}, {"match": "features.*.bias", "lr": 64.0}]
    lr = preset(which).optimizer.options["lr"]
    ours = Ours(make, monkeypatch, which, 5, schedule={"warmup": warmup}, optimizer={"lr": lr / 50, "groups": groups})
    epochs = [ours.batches[i : i + 5] for i in range(0, 25, 5)]
    changes = {"epochs": 5, "whiten_bias_epochs": 1, "learning_rate": RECORD[which]["learning_rate"] / 50}
    theirs = record(which, Loader(epochs, 64), lambda: ours.start(record_net(which)), **changes)
    ours.assert_ends_as(theirs, 1e-5)


def newton_schulz(matrix: Tensor, steps: int) -> Tensor:
    """The record's orthogonalization of one matrix, in fp32 here: a x + (b x x^T + c (x x^T)^2) x, from x / |x|."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


def train_by_equations(net: nn.Module, batches: list[Batch], *, factor: float, whiten_steps: int) -> None:
    """Train a net by the equations of `airbench94_muon.py`, whose classes are not in the package.

    Args:
        factor: on all learning rates.
        whiten_steps: for how many steps the bias of the whitening is trained.
    """
    wd, bias_lr, head_lr = 2e-6 * 2000, 0.053 * factor, 0.67 * factor
    named = [(name, p) for name, p in net.named_parameters() if p.requires_grad]
    filters = [p for _, p in named if p.ndim == 4]
    biases = [p for name, p in named if p.ndim == 1 and not name.startswith("whiten")]
    (head,) = (p for _, p in named if p.ndim == 2)
    whiten = net.whiten.bias
    pairs = [([whiten], bias_lr), (biases, bias_lr), ([head], head_lr)]
    configs = [{"params": params, "lr": lr, "weight_decay": wd / lr} for params, lr in pairs]
    sgd = torch.optim.SGD(configs, momentum=0.85, nesterov=True)
    velocities = [torch.zeros_like(p) for p in filters]
    scale = 2000 / len(batches[0][0])  # the sum over a batch is to be that of 2,000 images
    net.train()
    for step, (x, y) in enumerate(batches):
        whiten.requires_grad_(step < whiten_steps)
        (scale * F.cross_entropy(net(x), y, label_smoothing=0.2, reduction="sum")).backward()
        for group, (_, lr), end in zip(
            sgd.param_groups, pairs, (whiten_steps, len(batches), len(batches)), strict=True
        ):
            group["lr"] = lr * (1 - step / end)
        sgd.step()
        with torch.no_grad():
            for p, velocity in zip(filters, velocities, strict=True):
                velocity.mul_(0.6).add_(p.grad)
                update = newton_schulz((p.grad + 0.6 * velocity).flatten(1), 3).view_as(p)
                p.mul_(len(p) ** 0.5 / p.norm())
                p.sub_(0.24 * factor * (1 - step / len(batches)) * update)
        net.zero_grad()


def test_the_recipe_with_muon_ends_with_the_weights_of_the_records_equations(make: Any, monkeypatch: Any) -> None:
    """Eight epochs, of which the whitening's bias is trained for three, at a fiftieth of the rates."""
    options = preset("94").optimizer.options
    slow = {"lr": options["lr"] / 50, "other_lr": options["other_lr"] / 50, "precision": "fp32"}
    ours = Ours(make, monkeypatch, "94", 8, optimizer=slow)
    net = build_model(ours.trial.recipe.model, num_classes=10, catalog=catalog())
    train_by_equations(ours.start(net), ours.batches, factor=1 / 50, whiten_steps=15)
    ours.assert_ends_as(net, 1e-4)
