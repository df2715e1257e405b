"""Every row of the published tables moves its learning rate, epoch by epoch, as its source did.

The oracles are torch's own schedulers, stepped where the source stepped them (until 2021-12-15 pprp/pytorch-cifar-tricks
stepped before each epoch, so a drop came one epoch early), and for two sources that had no scheduler of torch, the formula
in their code. 4uiiurz1/pytorch-ricap stepped before the epoch too, on PyTorch 0.4 or 1.0, whose schedulers began one step
earlier: there it comes to what stepping after the epoch is today.
"""

import math
import warnings
from collections.abc import Callable

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, MultiStepLR

from engine.contract.recipe.catalog import catalog
from engine.schedules import epoch_learning_rates
from presets import suites
from presets.references import row_recipe

Rates = list[float]


def stepped(
    make: Callable[[torch.optim.Optimizer], LRScheduler], lr: float, epochs: int, *, before: bool = False
) -> Rates:
    """The learning rate of each epoch under a scheduler that is stepped after it, or before it."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the order of the calls is what we are after
        scheduler = make(optimizer)
        rates = []
        for _ in range(epochs):
            if before:
                scheduler.step()
            rates.append(float(optimizer.param_groups[0]["lr"]))
            optimizer.step()
            if not before:
                scheduler.step()
    return rates


def cosine(epochs: int) -> Callable[[torch.optim.Optimizer], LRScheduler]:
    return lambda optimizer: CosineAnnealingLR(optimizer, epochs)


def steps(optimizer: torch.optim.Optimizer) -> LRScheduler:
    return MultiStepLR(optimizer, [60, 120, 160], gamma=0.2)


def gradual(lr: float = 0.1, epochs: int = 300, warmup: int = 20) -> Rates:
    """GradualWarmupScheduler in front of a cosine of all epochs, stepped before the epoch; ends at 0.0012."""
    rates = []
    for epoch in range(epochs):
        after = lr / 2 * (1 + math.cos(math.pi * (epoch - warmup) / epochs))
        rates.append(lr * (epoch + 1) / warmup if epoch < warmup else after)
    assert [round(rate, 4) for rate in (rates[0], rates[19], rates[-1])] == [0.005, 0.1, 0.0012]
    return rates


P0 = stepped(steps, 0.1, 200, before=True)

PUBLISHED: dict[str, Rates] = {
    "resnet_baselines": [0.005] * 200,
    "resnet_stages": stepped(cosine(500), 0.005, 500),
    "tricks_1_0": stepped(cosine(200), 0.1, 200),
    "tricks_3_1": stepped(steps, 0.1, 200),
    "tricks_3_2": P0,
    "tricks_3_3": P0,
    "tricks_3_4": P0,
    "tricks_3_5": P0,
    "tricks_3_6": P0,
    "tricks_3_7": stepped(cosine(300), 0.1, 300, before=True),
    "tricks_3_7_zoo": [0.1 * (1 + math.cos(math.pi * epoch / 1800)) for epoch in range(1800)],
    "tricks_3_8": gradual(),
    "tricks_3_9": P0,
    "tricks_3_10": stepped(cosine(200), 0.1, 200),
    "tricks_mnist_smoothing": [0.01] * 20,
}
"""By suite, the learning rates that all of its rows have unless `ROWS` knows better."""

ROWS: dict[tuple[str, str], Rates] = {
    ("tricks_1_0", row): stepped(cosine(200), 0.01, 200)
    for row in ("coatnet_0", "coatnet_1", "coatnet_2", "cvt", "swin_t", "swin_s")
} | {("tricks_3_6", "cosine"): stepped(cosine(200), 0.1, 200, before=True)}


def published_rows() -> list[tuple[str, suites.Row]]:
    """Every row of both projects' tables, without those that we added with a recipe of ours."""
    names = [info.name for info in suites.list_suites() if info.name.startswith(("tricks_", "resnet_"))]
    rows = [(name, row) for name in names for row in suites.load(name).rows]
    return [(name, row) for name, row in rows if not row.id.endswith("_ours")]


@pytest.mark.parametrize(("suite", "row"), published_rows(), ids=lambda value: getattr(value, "id", value))
def test_the_learning_rate_of_every_epoch_is_the_sources(suite: str, row: suites.Row) -> None:
    recipe = row_recipe(row, catalog())
    want = ROWS.get((suite, row.id), PUBLISHED[suite])
    assert recipe.schedule.options["by"] == "epoch" or recipe.schedule.name == "constant"
    assert epoch_learning_rates(recipe) == pytest.approx(want, rel=1e-6, abs=1e-12)


def test_the_rates_of_the_upstream_table_drop_at_exactly_60_120_and_160() -> None:
    for row in suites.load("tricks_3_1").rows:
        rates = epoch_learning_rates(row_recipe(row, catalog()))
        drops = [epoch for epoch in range(1, 200) if rates[epoch] < rates[epoch - 1]]
        assert drops == [60, 120, 160]
        assert row_recipe(row, catalog()).optimizer.options["weight_decay"] == 5e-4


def test_every_row_that_is_known_better_exists() -> None:
    known = {(suite, row.id) for suite, row in published_rows()}
    assert set(ROWS) <= known
    assert set(PUBLISHED) == {suite for suite, _ in known}
