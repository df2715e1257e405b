"""The names that Niwenjin/CIFAR-10 gives the tensors of its five ResNets in best.pth and last.pth.

Its networks compute what ResNet-18, 34, 50, 101 and 152 of `engine.models.resnet` compute, under other names:

    stem.0.J.*                 conv1.J.*
    stages.S.B.body.K.J.*      conv{S + 2}_x.B.residual_function.{3 K / 2 + J}.*
    stages.S.B.shortcut.J.*    conv{S + 2}_x.B.shortcut.J.*
    head.*                     fc.*

Its convolutions, batch norms and activations stand in one sequence; here each convolution is paired with its batch
norm, hence the factor of 3 / 2 for K, which counts the activations too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from engine.contract.errors import BadInput

Value = TypeVar("Value")

MODELS: Final = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")

_TO: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...]] = (
    (re.compile(r"stem\.0\.(\d)\."), lambda m: f"conv1.{m[1]}."),
    (
        re.compile(r"stages\.(\d)\.(\d+)\.body\.([024])\.(\d)\."),
        lambda m: f"conv{int(m[1]) + 2}_x.{m[2]}.residual_function.{int(m[3]) // 2 * 3 + int(m[4])}.",
    ),
    (re.compile(r"stages\.(\d)\.(\d+)\.shortcut\."), lambda m: f"conv{int(m[1]) + 2}_x.{m[2]}.shortcut."),
    (re.compile(r"head\."), lambda m: "fc."),
)
_FROM: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...]] = (
    (re.compile(r"conv1\.(\d)\."), lambda m: f"stem.0.{m[1]}."),
    (
        re.compile(r"conv([2-5])_x\.(\d+)\.residual_function\.([013467])\."),
        lambda m: f"stages.{int(m[1]) - 2}.{m[2]}.body.{int(m[3]) // 3 * 2}.{int(m[3]) % 3}.",
    ),
    (re.compile(r"conv([2-5])_x\.(\d+)\.shortcut\."), lambda m: f"stages.{int(m[1]) - 2}.{m[2]}.shortcut."),
    (re.compile(r"fc\."), lambda m: "head."),
)


def to_niwenjin(state: Mapping[str, Value]) -> dict[str, Value]:
    """A state dict of one of `MODELS` under Niwenjin's names, in the same order. BadInput for any other name."""
    return {_renamed(name, _TO): value for name, value in state.items()}


def from_niwenjin(state: Mapping[str, Value]) -> dict[str, Value]:
    """A state dict of Niwenjin's under the names of `engine.models.resnet`. BadInput for any other name."""
    return {_renamed(name, _FROM): value for name, value in state.items()}


def _renamed(name: str, rules: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...]) -> str:
    for pattern, new in rules:
        if match := pattern.match(name):
            return new(match) + name[match.end() :]
    raise BadInput(f"{name!r} is not the name of a tensor of {', '.join(MODELS)}")
