"""What is decided on the machine rather than in the recipe: precision, threads, compiling, CUDA graphs.

It is decided once, before the first step, and kept in the run's probe.json. A resumed run reads it from there, so that
it computes what an uninterrupted run would have computed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from engine.contract.files import read_json, write_atomic
from engine.contract.home import Home
from engine.contract.recipe.schema import ComputeConfig
from engine.contract.values import build
from engine.loop.compiling import compile_problem, pays
from engine.loop.hardware import cpu_name, device_name, usable_cores
from engine.loop.trials import try_out
from engine.loop.workload import Workload

REMARKS: Final = ("why", "probe")
"""Fields of `Decisions` that only explain the others."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """How the arithmetic is done and on which hardware: with recipe and seed, all that determines the result's bits."""

    device: str
    device_name: str
    cpu: str
    threads: int
    torch: str
    precision: str
    compile: str
    channels_last: bool
    deterministic: bool
    why: str = ""
    """Why this precision was chosen, with the measurements."""
    graph: bool = False
    """Whether a training step is one CUDA graph. Version 0.1.0 had no graphs and did not record this."""
    micro_batch: int = 0
    """Images of the parts that a batch is trained on in, one after the other, for the caches of a CPU; 0 for whole
    batches, or for as many parts as the recipe says. Chosen only where parts compute the same, up to rounding."""
    gpus: int = 1
    """The number of ranks that share each batch. Version 0.1.0 had one and did not record it."""
    probe: dict[str, Any] = field(default_factory=dict)
    """What trials took and measured on a CPU; empty if nothing had to be tried.

    `seconds` is the time of all of them, `run_seconds` the estimated time of the training, and `milliseconds` that of a
    step on `images` images by what was tried. `threads_age`, `precision_age` and `micro_batch_age` are the seconds
    since an earlier run tried what is reused, and `micro_batch_gain` is how many times faster the best parts of a batch
    were than whole batches.
    """

    def differences(self, other: Mapping[str, Any]) -> list[str]:
        """What differs from an earlier attempt, as text; empty if nothing is known that would change the bits.

        Args:
            other: the decisions of the earlier attempt as it recorded them. A different version may have recorded
                more fields, or fewer.
        """
        found = []
        for item in fields(self):
            now = getattr(self, item.name)
            before = other.get(item.name, item.default)
            if item.name in REMARKS:
                continue
            if before is MISSING:
                found.append(f"{item.name} was not recorded and is now {now}")
            elif before != now and item.name == "gpus":
                found.append(f"gpus {before} is now {now}")
            elif before != now:
                found.append(f"{item.name} changed from {before} to {now}")
        known = {item.name for item in fields(self)}
        unknown = [f"{name} {value} is unknown to this version" for name, value in other.items() if name not in known]
        return found + unknown

    def promise(self) -> str:
        """Why a resumed run may not be bit-identical even on the same machine; "" if it will be."""
        if self.device == "mps":
            return "MPS kernels are not deterministic"
        if self.compile != "off":
            return "compiled kernels may be tuned differently"
        if self.device == "cuda" and not self.deterministic:
            return "the GPU runs without compute.deterministic"
        return ""


def decide(
    path: Path,
    compute: ComputeConfig,
    threads: int,
    device: torch.device,
    model: nn.Module,
    work: Workload,
    gpus: int = 1,
) -> tuple[Decisions, list[str]]:
    """Read the decisions of an earlier attempt on the same hardware, or make them now and record them.

    Sets torch's number of threads. The model and torch's random state are unchanged.

    Args:
        path: probe.json of the run.
        threads: of the placement; 0 uses the recorded number, otherwise all cores that this process may use, or fewer
            if other programs keep them busy.
        gpus: the number of ranks that train the run. Steps of several ranks are not recorded as CUDA graphs.

    Returns:
        The decisions, and warnings about what could not be done as requested or expected.
    """
    home = Home(path.parent)  # deciding takes a while, during which the folder may be moved
    earlier = read_decisions(path)
    hardware = (device.type, device_name(device), cpu_name())
    if earlier is not None and (earlier.device, earlier.device_name, earlier.cpu) == hardware:
        torch.set_num_threads(threads or earlier.threads)
        graph = earlier.graph and gpus == 1
        now = replace(earlier, threads=torch.get_num_threads(), torch=torch.__version__, gpus=gpus, graph=graph)
        return now, []
    torch.set_num_threads(threads or usable_cores())
    found = try_out(compute.precision, threads, device, model, work)
    graph = work.graph and device.type == "cuda" and gpus == 1
    compile = compute.compile
    if compile == "auto":
        bf16 = found.precision == "bf16"
        compile = "default" if graph and pays(model, work.batch(), work.steps, bf16=bf16) else "off"
    problem = compile_problem(device) if compile != "off" else ""
    decisions = Decisions(
        *hardware,
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        precision=found.precision,
        compile="off" if problem else compile,
        channels_last=compute.channels_last,
        deterministic=compute.deterministic,
        why=found.why,
        graph=graph,
        micro_batch=found.micro_batch,
        gpus=gpus,
        probe=found.figures,
    )
    home.write(lambda folder: write_atomic(folder / path.name, json.dumps(asdict(decisions), indent=1).encode()))
    eager = f"torch.compile does not work here, running eagerly: {problem}" if problem else ""
    return decisions, [warning for warning in (found.note, eager) if warning]


def read_decisions(path: Path) -> Decisions | None:
    """The decisions in a probe.json; None if there are none, or none that this version can read."""
    table = read_json(path)
    try:
        return None if table is None else build(Decisions, table)
    except TypeError:  # another version recorded fewer fields, or the content is something else
        return None
