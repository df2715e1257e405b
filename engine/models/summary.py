"""What a model consists of, counted without data: stages, multiply-adds, and what training keeps.

`python -m engine.models.summary NAME` prints the summary as JSON, for programs that must not import torch themselves.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Choice
from engine.models.build import build_model
from engine.models.memory import TensorMemory, count_memory

PRECISIONS = ("fp32", "bf16")
LISTS = (nn.Sequential, nn.ModuleList)
KINDS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Stage:
    """Neighboring modules that work at the same resolution."""

    name: str
    """Their place in the model: `stem`, `stages.2`, `features.4-7`."""
    kind: str
    """Their classes: `4 BasicBlock`, `Conv2d, BatchNorm2d, ReLU`."""
    shape: tuple[int, ...]
    """Output shape of the last module for one image, (C, H, W) for maps; empty if it is never called itself."""
    params: int
    macs: int
    """Multiply-adds per image."""


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """A model at one batch and image size."""

    batch: int
    channels: int
    size: int
    params: int
    macs: int
    """Multiply-adds per image in evaluation."""
    stages: tuple[Stage, ...]
    memory: dict[str, TensorMemory]
    """By precision: fp32, bf16."""

    def table(self) -> dict[str, object]:
        """The summary as a JSON object."""
        memory = {name: {**asdict(held), "total": held.total} for name, held in self.memory.items()}
        return asdict(self) | {"memory": memory}


def summarize(model: nn.Module, channels: int = 3, size: int = 32, batch: int = 128) -> ModelSummary:
    """Summarize a model, preferably on the meta device; a real model computes one image.

    Args:
        channels, size: of the images, (batch, channels, size, size).
        batch: images per training step.
    """
    stages = find_stages(model, channels, size)
    return ModelSummary(
        batch=batch,
        channels=channels,
        size=size,
        params=sum(p.numel() for p in model.parameters()),
        macs=sum(stage.macs for stage in stages),
        stages=tuple(stages),
        memory={name: count_memory(model, (batch, channels, size, size), bf16=name == "bf16") for name in PRECISIONS},
    )


@dataclass(slots=True)
class _Call:
    """What was observed of a module while it computed one image."""

    shape: tuple[int, ...] = ()
    macs: int = 0
    begun: list[int] = field(default_factory=list)


def find_stages(model: nn.Module, channels: int = 3, size: int = 32) -> list[Stage]:
    """The stages of the model in the order of their definition; parameters and multiply-adds add up to the totals.

    Lists of blocks are split where the resolution changes inside them, and neighbors at the same resolution are merged.
    """
    calls, total = _watch(model, channels, size)
    seen: set[nn.Parameter] = set()
    stages = _open(model, "", calls, seen)
    elsewhere = total - sum(stage.macs for stage in stages)
    if elsewhere:
        stages.append(Stage("(between)", type(model).__name__, (), 0, elsewhere))
    return stages


def _watch(model: nn.Module, channels: int, size: int) -> tuple[dict[nn.Module, _Call], int]:
    """Evaluate one image: the output of each module, and the multiply-adds of each module and of the whole model."""
    calls: dict[nn.Module, _Call] = {module: _Call() for module in model.modules()}
    training, device = model.training, next(model.parameters()).device
    with torch.no_grad(), FlopCounterMode(display=False) as counter:

        def before(module: nn.Module, _: object) -> None:
            calls[module].begun.append(counter.get_total_flops())

        def after(module: nn.Module, _: object, out: object) -> None:
            call = calls[module]
            call.macs += (counter.get_total_flops() - call.begun.pop()) // 2
            if isinstance(out, Tensor):
                call.shape = tuple(out.shape[1:])

        hooks = [hook for m in calls for hook in (m.register_forward_pre_hook(before), m.register_forward_hook(after))]
        try:
            model.eval()(torch.zeros(1, channels, size, size, device=device))
        finally:
            model.train(training)
            for hook in hooks:
                hook.remove()
    return calls, counter.get_total_flops() // 2


def _open(module: nn.Module, name: str, calls: dict[nn.Module, _Call], seen: set[nn.Parameter]) -> list[Stage]:
    """The stages inside a module; parameters of its own come first."""
    stages = []
    if own := _new(module.parameters(recurse=False), seen):
        stages.append(Stage(name or "(own)", "Parameter", (), own, 0))
    children = list(module.named_children())
    for key, child in children:
        path = f"{name}.{key}" if name else key
        only = len(children) == 1 and any(child.children()) and not isinstance(module, LISTS)
        if only or _opens(child, calls):
            stages += _open(child, path, calls, seen)
        else:
            call = calls[child]
            stages.append(Stage(path, _kind([child]), call.shape, _new(child.parameters(), seen), call.macs))
    return _merged(stages, name, dict(children)) if isinstance(module, LISTS) else stages


def _opens(module: nn.Module, calls: dict[nn.Module, _Call]) -> bool:
    """Whether to look inside a module: a list that changes the resolution, or one that is never called as a whole."""
    if not any(module.children()):
        return False
    if not calls[module].shape:
        return True
    return type(module) is nn.Sequential and len({_resolution(calls[child].shape) for child in module}) > 1


def _resolution(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[1:] if len(shape) == 3 else shape


def _merged(stages: list[Stage], name: str, children: dict[str, nn.Module]) -> list[Stage]:
    """Merge neighbors in one list that work at the same resolution."""
    merged = []
    prefix = f"{name}." if name else ""
    whole = {f"{prefix}{key}": child for key, child in children.items()}
    for (closed, _), group in groupby(stages, key=lambda stage: (stage.name in whole, _resolution(stage.shape))):
        run = list(group)
        if not closed or len(run) == 1:
            merged += run
            continue
        ends = run[0].name, run[-1].name.removeprefix(prefix)
        params, macs = sum(stage.params for stage in run), sum(stage.macs for stage in run)
        kind = _kind([whole[stage.name] for stage in run])
        merged.append(replace(run[-1], name="-".join(ends), kind=kind, params=params, macs=macs))
    return merged


def _kind(modules: list[nn.Module]) -> str:
    """The classes of the modules, each with its count: `4 BasicBlock`."""
    counted = Counter(type(module).__name__ for module in _flat(modules))
    kinds = [f"{n} {kind}" if n > 1 else kind for kind, n in counted.items()]
    return ", ".join(kinds[:KINDS_SHOWN] + ["..."] * (len(kinds) > KINDS_SHOWN))


def _flat(modules: list[nn.Module]) -> Iterator[nn.Module]:
    for module in modules:
        members = list(module.children())
        if type(module) in LISTS and members:
            yield from _flat(members)
        else:
            yield module


def _new(parameters: Iterator[nn.Parameter], seen: set[nn.Parameter]) -> int:
    """The number of values in those parameters that no earlier stage had."""
    new = set(parameters) - seen
    seen |= new
    return sum(p.numel() for p in new)


def main() -> None:
    """Print the summary of one model of the catalog as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m engine.models.summary", description=__doc__.partition("\n")[0])
    parser.add_argument("name")
    parser.add_argument("--options", type=json.loads, default={}, help="the model's options as a JSON object")
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--size", type=int, default=32, help="side of the images, px")
    parser.add_argument("--batch", type=int, default=128, help="images a training step")
    asked = parser.parse_args()
    choice = Choice(name=asked.name, **asked.options)
    facts = {"num_classes": asked.classes, "in_channels": asked.channels, "image_size": asked.size}
    try:
        with torch.device("meta"):
            model = build_model(choice, **facts, catalog=catalog())
    except BadInput as error:
        parser.exit(2, f"{error}\n")
    summary = summarize(model, asked.channels, asked.size, asked.batch)
    sys.stdout.write(json.dumps({"name": asked.name, "classes": asked.classes, **summary.table()}) + "\n")


if __name__ == "__main__":
    main()
