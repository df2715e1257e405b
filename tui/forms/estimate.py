"""What a start would cost, judged by earlier runs on this machine. Nothing is shown that was not measured or read."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from engine.analysis.cost import estimate
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.schema import Recipe
from engine.contract.run.process import host_name
from engine.contract.run.store import Summary
from engine.contract.text import one_line
from engine.launch import devices
from tui.drawing.format import duration, file_size, si


@dataclass(frozen=True, slots=True)
class Machine:
    """What is known of the machine: read in a worker, since drivers may be slow. Sizes in bytes."""

    host: str = ""
    devices: tuple[str, ...] = ("auto", "cpu")
    gpus: tuple[tuple[str, int | None, int | None], ...] = ()
    """(name, free, total) of the visible GPUs that answer; None where the driver does not tell."""
    disk_free: int = 0


def look(root: Path) -> Machine:
    """What this machine has; runs go to `root`. A driver may take its time to answer."""
    found = devices.visible(devices.gpus())
    cuda = (f"cuda:{i}" for i, gpu in enumerate(found) if not gpu.problem)
    names = ["auto", "cpu", *(["mps"] if devices.has_mps() else []), *cuda]
    while not root.exists() and root != root.parent:
        root = root.parent
    return Machine(
        host=host_name(),
        devices=tuple(names),
        gpus=tuple((one_line(gpu.name), gpu.memory_free, gpu.memory_total) for gpu in found if not gpu.problem),
        disk_free=shutil.disk_usage(root).free,
    )


def kind_of(device: str, machine: Machine) -> str:
    """What kind of device a choice comes to: "cpu", "cuda" or "mps"."""
    if device == "auto":
        return "cuda" if machine.gpus else "mps" if "mps" in machine.devices else "cpu"
    return device.partition(":")[0]


def cards(device: str, machine: Machine) -> tuple[str, ...]:
    """Names of the GPUs that a choice of device allows; none where it comes to something else."""
    if kind_of(device, machine) != "cuda":
        return ()
    number = device.partition(":")[2]
    chosen = machine.gpus[int(number) :][:1] if number.isdecimal() else machine.gpus
    return tuple(name for name, _, _ in chosen)


def before_you_start(
    recipe: Recipe, seeds: int, device: str, runs: Sequence[Summary], machine: Machine, parts: Catalog, expect: str
) -> list[tuple[str, str]]:
    """(text, role) lines; estimates carry a `~` and say what they stand on."""
    meta = parts.get("model", recipe.model.name).meta
    known = f"{si(meta['params'])} parameters   {meta.get('gmacs', 0.0):.3g} GMACs" if "params" in meta else ""
    lines = [(known or "size unknown", "")]
    kind = kind_of(device, machine)
    if each := estimate(recipe, runs, machine.host, kind, cards(device, machine)):
        one = each.seconds(recipe.epochs)
        basis = f"{'scaled ' if each.scaled else ''}from {each.runs} run{'s' if each.runs > 1 else ''} here"
        lines.append((f"~{duration(each.epoch)} an epoch ({basis})", ""))
        whole = f", ~{duration(one * seeds)} for {seeds} in a row" if seeds > 1 else ""
        lines.append((f"~{duration(one)} a run{whole}", ""))
    else:
        elsewhere = any(run.model == recipe.model.name and run.epoch for run in runs)
        on = {"cpu": " on the CPU", "cuda": " on a GPU"}.get(kind, "") if elsewhere else ""
        lines.append((f"time unknown: no run of it here{on} yet", "dim"))
    lines.append(_device(device, machine, sum(run.live for run in runs)))
    sizes = [run.size_bytes for run in runs if run.model == recipe.model.name and run.status == "finished"]
    size = f"{seeds} x ~{file_size(median(sizes))}, " if sizes else ""
    lines.append((f"disk {size}{file_size(machine.disk_free)} free", ""))
    if expect:
        lines.append((expect, "ok" if expect.startswith("expect") else "dim"))
    return lines


def _device(device: str, machine: Machine, live: int) -> tuple[str, str]:
    queue = f"; {live} live run{'s' if live > 1 else ''} first" if live else ""
    if not machine.gpus or device in ("cpu", "mps"):
        name = {"mps": "on the Apple GPU", "cpu": "on the CPU"}.get(device, "no GPU here: on the CPU")
        return f"{name}{queue}", "warn" if live else ""
    name, free, total = max(machine.gpus, key=lambda gpu: gpu[1] or 0)
    memory = "free memory unknown"
    if free is not None and total is not None:
        memory = f"{file_size(free)} of {file_size(total)} free"
    return f"{name}: {memory}{queue}", "warn" if live else ""
