"""What a start would cost, estimated from earlier runs here. Shows only what was measured or read from the machine."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.analysis.cost import estimate, size_on_disk
from engine.analysis.memory import Card, PeakMemory
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.schema import Recipe
from engine.contract.run.process import host_name
from engine.contract.run.store import Summary
from engine.launch import devices
from tui.drawing.format import duration, file_size, si
from tui.drawing.memory import amount
from tui.plans.memory import cards_here


@dataclass(frozen=True, slots=True)
class Hardware:
    """The hardware, as far as it is known. Sizes are in bytes."""

    host: str = ""
    devices: tuple[str, ...] = ("auto", "cpu")
    gpus: tuple[Card, ...] = ()
    """The visible GPUs that respond."""
    disk_free: int = 0


def inspect_machine(root: Path) -> Hardware:
    """Look at this machine. Call it in a worker: drivers can be slow.

    Args:
        root: the folder that runs go to.
    """
    cuda = (f"cuda:{i}" for i, gpu in enumerate(devices.visible(devices.gpus())) if not gpu.problem)
    names = ["auto", "cpu", *(["mps"] if devices.has_mps() else []), *cuda]
    while not root.exists() and root != root.parent:
        root = root.parent
    return Hardware(
        host=host_name(),
        devices=tuple(names),
        gpus=cards_here(),
        disk_free=shutil.disk_usage(root).free,
    )


def kind_of(device: str, machine: Hardware) -> str:
    """The kind of device that a choice leads to: "cpu", "cuda" or "mps"."""
    if device == "auto":
        return "cuda" if machine.gpus else "mps" if "mps" in machine.devices else "cpu"
    return device.partition(":")[0]


def cards(device: str, machine: Hardware) -> tuple[str, ...]:
    """The names of the GPUs that a choice of device allows; none where it leads to another kind of device."""
    if kind_of(device, machine) != "cuda":
        return ()
    number = device.partition(":")[2]
    chosen = machine.gpus[int(number) :][:1] if number.isdecimal() else machine.gpus
    return tuple(name for name, _, _ in chosen)


def before_you_start(
    recipe: Recipe,
    seeds: int,
    device: str,
    runs: Sequence[Summary],
    machine: Hardware,
    parts: Catalog,
    expect: str,
    memory: PeakMemory | None = None,
) -> list[tuple[str, str]]:
    """Lines of text with their roles. Estimates begin with `~` and say what they are based on.

    Args:
        seeds: number of runs.
        runs: the earlier runs.
        expect: what the preset promises, as text; "" for nothing.
        memory: the GPU memory that a run takes, estimated; None if unknown.
    """
    meta = parts.get("model", recipe.model.name).meta
    known = f"{si(meta['params'])} parameters   {meta.get('gmacs', 0.0):.3g} GMACs" if "params" in meta else ""
    lines = [(known or "size unknown", "")]
    kind = kind_of(device, machine)
    if each := estimate(recipe, runs, machine.host, kind, cards(device, machine)):
        one = each.seconds(recipe.epochs)
        basis = f"{'scaled ' if each.scaled else ''}from {each.runs} run{'s' if each.runs > 1 else ''} here"
        lines.append((f"~{duration(each.epoch)} per epoch ({basis})", ""))
        whole = f", ~{duration(one * seeds)} for {seeds} in sequence" if seeds > 1 else ""
        lines.append((f"~{duration(one)} per run{whole}", ""))
    else:
        elsewhere = any(run.model == recipe.model.name and run.epoch for run in runs)
        on = {"cpu": " on the CPU", "cuda": " on a GPU"}.get(kind, "") if elsewhere else ""
        lines.append((f"time unknown: no earlier run here{on}", "dim"))
    lines.append(_device(device, machine, sum(run.live for run in runs), memory))
    size = size_on_disk(recipe.model.name, runs)
    needed = f"{seeds} x ~{file_size(size)}, " if math.isfinite(size) else ""
    lines.append((f"disk {needed}{file_size(machine.disk_free)} free", ""))
    if expect:
        lines.append((expect, "ok" if expect.startswith("expect") else "dim"))
    return lines


def _device(device: str, machine: Hardware, live: int, need: PeakMemory | None) -> tuple[str, str]:
    queue = f"; {live} live run{'s' if live > 1 else ''} ahead" if live else ""
    if not machine.gpus or device in ("cpu", "mps"):
        name = {"mps": "on the Apple GPU", "cpu": "on the CPU"}.get(device, "no GPU: on the CPU")
        return f"{name}{queue}", "warn" if live else ""
    name, free, total = max(machine.gpus, key=lambda gpu: gpu[1] or 0)
    if free is None or not total:
        return f"{name}: free memory unknown{queue}", "warn" if live else ""
    if need is None:
        return f"{name}: {file_size(free)} of {file_size(total)} free{queue}", "warn" if live else ""
    short = free < need.total
    of_free = f"{amount(need)} of {file_size(free)} free{': too little' if short else ''}"
    return f"{name}: {of_free}{queue}", "bad" if short else "warn" if live else ""
