"""Every row of the published tables starts from weights like its source's, or its note says that it does not.

What each source does was read in its code: pprp/pytorch-cifar-tricks at c6e3861 (tables 3.2 to 3.9), 551e7bb (1.0) and
a78a2ec (3.10), 4uiiurz1/pytorch-ricap at 108ec04 (3.1), BIGBALLON/CIFAR-ZOO (3.7, 1800 epochs) and Niwenjin/CIFAR-10 at
5535706. The oracle of a start is torch itself: the same layers, drawn anew by the calls that the source makes.
"""

import copy
import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from engine.contract.recipe.catalog import catalog
from engine.models.build import build_model
from presets import suites
from presets.references import row_recipe

Draw = Callable[[nn.Module], None]


def torchs_own(layer: nn.Module) -> None:
    layer.reset_parameters()


def fan_in(layer: nn.Module) -> None:
    """Convolutions by kaiming_normal_, linear layers left alone."""
    layer.reset_parameters()
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight)


def fan_in_everywhere(layer: nn.Module) -> None:
    layer.reset_parameters()
    nn.init.kaiming_normal_(layer.weight)


def shake_shake(layer: nn.Module) -> None:
    fan_in(layer)
    if isinstance(layer, nn.Linear):
        nn.init.zeros_(layer.bias)


def fan_out(layer: nn.Module) -> None:
    layer.reset_parameters()
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")


def xavier(layer: nn.Module) -> None:
    nn.init.xavier_uniform_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


SUITES: dict[str, Draw] = {
    "resnet_baselines": torchs_own,
    "resnet_stages": torchs_own,
    "tricks_3_1": fan_out,
    "tricks_3_2": xavier,
    "tricks_3_3": torchs_own,
    "tricks_3_4": torchs_own,
    "tricks_3_5": shake_shake,
    "tricks_3_6": shake_shake,
    "tricks_3_7": shake_shake,
    "tricks_3_7_zoo": shake_shake,
    "tricks_3_8": fan_out,
    "tricks_3_9": shake_shake,
    "tricks_3_10": fan_in,
    "tricks_mnist_smoothing": torchs_own,
}
"""By suite, how the source starts; that of the transformers (1.0) is told in `tests/engine/models`, by their own names."""

ROWS: dict[tuple[str, str], Draw] = {
    ("tricks_3_3", "wideresnet"): xavier,
    ("tricks_3_3", "resnet20"): fan_in_everywhere,
    ("tricks_3_3", "shake_resnet26_2x32d"): shake_shake,
    ("tricks_3_3", "shake_resnet26_2x64d"): shake_shake,
    ("tricks_3_3", "rir"): fan_in,
    ("tricks_3_3", "ge_resnext29_8x64d"): fan_in,
}


def nets() -> list[object]:
    """One row for each net and source, and of the two deepest ResNets none: they are built as the others are."""
    found: dict[tuple[object, Draw], object] = {}
    for name, usual in SUITES.items():
        for row in suites.load(name).rows:
            draw = ROWS.get((name, row.id), usual)
            model = row_recipe(row, catalog()).model
            large = catalog().get("model", model.name).meta["params"] > 6e6
            mark = pytest.mark.slow if large else ()
            if model.name not in ("resnet101", "resnet152"):
                found.setdefault((model, draw), pytest.param(row, draw, id=f"{name}-{row.id}", marks=mark))
    return list(found.values())


@torch.no_grad()
def starts_alike(layer: nn.Module, draw: Draw) -> bool:
    """Whether the weights could be drawn so, their spread within what chance allows; and a classifier's bias.

    The bias of a convolution does not count: a batch norm stands behind all that have one, and takes it away again.
    """
    twin = copy.deepcopy(layer)
    draw(twin)
    ours, theirs = layer.weight, twin.weight
    if isinstance(layer, nn.Linear) and bool((layer.bias == 0).all()) != bool((twin.bias == 0).all()):
        return False
    if ours.numel() < 500:
        return True
    uniform = [float(weight.abs().max() / weight.std()) < 2 for weight in (ours, theirs)]
    return abs(math.log(ours.std() / theirs.std())) < 6 / math.sqrt(ours.numel()) and uniform[0] == uniform[1]


def says_otherwise(row: suites.Row) -> bool:
    """Whether the note of a row says that our weights are initialized differently from the source's."""
    return (
        "Initialized as in He et al.; the source" in row.note or "by fan-out here, by fan-in in the source" in row.note
    )


@pytest.mark.parametrize(("row", "draw"), nets())
def test_a_row_starts_as_its_source_does_or_says_that_it_does_not(row: suites.Row, draw: Draw) -> None:
    torch.manual_seed(0)
    model = build_model(row_recipe(row, catalog()).model, num_classes=10, catalog=catalog())
    layers = {name: module for name, module in model.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)}
    other = [name for name, layer in layers.items() if not starts_alike(layer, draw)]
    assert bool(other) == says_otherwise(row), other


@pytest.mark.parametrize("name", SUITES)
def test_rows_of_one_net_say_the_same_of_its_start(name: str) -> None:
    said: dict[tuple[object, Draw], set[bool]] = {}
    for row in suites.load(name).rows:
        key = (row_recipe(row, catalog()).model, ROWS.get((name, row.id), SUITES[name]))
        said.setdefault(key, set()).add(says_otherwise(row))
    assert all(len(answers) == 1 for answers in said.values())
