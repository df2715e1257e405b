"""What is decided on the machine and not in the recipe: precision, threads, whether compiling works.

Decided once, before the first step, and kept in the run's probe.json: a resume takes everything from there, so that it
computes what an uninterrupted run would have computed.
"""

from __future__ import annotations

import copy
import json
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.contract.errors import BadInput
from engine.contract.files import read_json, write_atomic
from engine.contract.home import Home
from engine.contract.recipe.schema import ComputeConfig
from engine.contract.values import build
from engine.loop.compiling import compile_problem, pays

WORTH_IT = 1.1  # how much faster bf16 must be on a CPU to be worth its rounding
WILD = 10.0  # how many times the gradient of fp32 that of bf16 may be; rounding does not get near it
PROBE_SECONDS = 2.0
CROWDED = 1.25  # how much faster fewer threads must be than all cores to be taken instead
CROWD_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Decisions:
    """How and on what the arithmetic is done: all that decides bits besides recipe and seed."""

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
    """How precision was chosen, with the figures."""
    graph: bool = False
    """Whether a training step is one CUDA graph; version 0.1.0 had none and did not say."""

    def differences(self, other: Mapping[str, Any]) -> list[str]:
        """What is not the same there, in words; empty where bits will be equal as far as anyone can promise.

        Args:
            other: the decisions of an earlier attempt as it wrote them down: another version may have known more of
                them, or fewer.
        """
        told = []
        for field in fields(self):
            now = getattr(self, field.name)
            then = other.get(field.name, field.default)
            if then is MISSING:
                told.append(f"{field.name} was not written down, and is now {now}")
            elif then != now and field.name != "why":
                told.append(f"{field.name} {then} is now {now}")
        known = [field.name for field in fields(self)]
        return told + [f"{name} {then} is unknown to this version" for name, then in other.items() if name not in known]

    def promise(self) -> str:
        """Why equal bits cannot be promised even on the same machine; "" where they can."""
        if self.device == "mps":
            return "MPS kernels are not deterministic"
        if self.compile != "off":
            return "compiled kernels may be tuned differently"
        if self.device == "cuda" and not self.deterministic:
            return "the GPU runs without compute.deterministic"
        return ""


@dataclass(frozen=True, slots=True)
class Work:
    """What a run has to do, as far as it matters for how the arithmetic is done."""

    few: Tensor
    """Normalised images (B, C, H, W) on the device, to try threads and precisions on."""
    batch: Callable[[], Tensor]
    """Makes as many of them as a step takes."""
    steps: int
    """Of the whole run."""
    graph: bool = False
    """Whether a training step is to be one CUDA graph, where there is CUDA."""


def choose_device(name: str) -> torch.device:
    """The torch device that a placement asks for; `auto` is the first of CUDA, MPS and CPU that is there.

    Raises BadInput where this machine (or CUDA_VISIBLE_DEVICES) has no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if name.startswith("cuda"):
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        device = torch.device(name if ":" in name else "cuda:0")
        if (device.index or 0) >= count:
            raise BadInput(f"device {name}: this machine offers {count or 'no'} CUDA device{'s' * (count != 1)}")
        return device
    if name == "mps" and not torch.backends.mps.is_available():
        raise BadInput("device mps: this machine has no Apple GPU")
    return torch.device(name)


def decide(
    path: Path,
    compute: ComputeConfig,
    threads: int,
    device: torch.device,
    model: nn.Module,
    work: Work,
) -> tuple[Decisions, list[str]]:
    """What an earlier attempt decided, where the machine is still the same; else decide now and write it down.

    Sets the number of threads. The model and torch's random numbers are left as they were.

    Args:
        path: probe.json of the run.
        threads: the placement's; 0 takes what was decided before, else all cores that this process may use, or
            fewer where other programs keep them busy.
        work: what there is to do, and images to try things on.

    Returns:
        The decisions, and lines for people about what could not be done as asked or expected.
    """
    home = Home(path.parent)  # it takes a while, in which the folder may be moved
    earlier = _read(path)
    here = (device.type, device_name(device), cpu_name())
    if earlier is not None and (earlier.device, earlier.device_name, earlier.cpu) == here:
        torch.set_num_threads(threads or earlier.threads)
        return replace(earlier, threads=torch.get_num_threads(), torch=torch.__version__), []
    torch.set_num_threads(threads or usable_cores())
    crowd = "" if threads or device.type != "cpu" else yield_to_crowd(model, work.few)
    precision, why = choose_precision(compute, device, model, work.few)
    graph = work.graph and device.type == "cuda"
    compile = compute.compile
    if compile == "auto":
        bf16 = precision == "bf16"
        compile = "default" if graph and pays(model, work.batch(), work.steps, bf16=bf16) else "off"
    problem = compile_problem(device) if compile != "off" else ""
    decisions = Decisions(
        *here,
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        precision=precision,
        compile="off" if problem else compile,
        channels_last=compute.channels_last,
        deterministic=compute.deterministic,
        why=why,
        graph=graph,
    )
    home.write(lambda place: write_atomic(place / path.name, json.dumps(asdict(decisions), indent=1).encode()))
    eager = f"torch.compile does not work here, running eager: {problem}" if problem else ""
    return decisions, [note for note in (crowd, eager) if note]


def _read(path: Path) -> Decisions | None:
    table = read_json(path)
    try:
        return None if table is None else build(Decisions, table)
    except TypeError:  # another version wrote less, or something else
        return None


def yield_to_crowd(model: nn.Module, batch: Tensor) -> str:
    """Take fewer threads where that is clearly faster than all cores; a line that says so, else "".

    The threads of a layer wait for the last of them. Where another program holds one core, every layer waits for that
    core's next turn: two threads then were seen to train at a tenth of the speed of one.
    """
    cores = torch.get_num_threads()
    if cores == 1:
        return ""
    seconds: dict[int, list[float]] = {n: [] for n in (cores, cores - 1, cores // 2, 1)}
    with torch.random.fork_rng(devices=[]):
        trial = copy.deepcopy(model)
        _time_step(trial, batch, bf16=False)
        until = time.monotonic() + PROBE_SECONDS / 2
        while len(seconds[1]) < CROWD_ROUNDS or time.monotonic() < until:
            for threads, taken in seconds.items():
                torch.set_num_threads(threads)
                taken.append(_time_step(trial, batch, bf16=False))
    typical = {threads: statistics.median(taken) for threads, taken in seconds.items()}
    best = min(typical, key=lambda threads: typical[threads])
    gain = typical[cores] / typical[best]
    torch.set_num_threads(best if gain >= CROWDED else cores)
    if gain < CROWDED:
        return ""
    return f"threads = {best} is {gain:.1f} times as fast here and now as {cores}, and is taken"


def choose_precision(compute: ComputeConfig, device: torch.device, model: nn.Module, batch: Tensor) -> tuple[str, str]:
    """The precision to train in, "bf16" or "fp32", and why.

    A GPU that has bf16 units gains from them with every model; on a CPU it depends on its instructions and on the
    model, so both are tried there, in turns, for about two seconds. A kernel that is broken in bf16 is seen as well:
    its gradients are not of the size that they have in fp32.
    """
    if compute.precision != "auto":
        return compute.precision, "set by the recipe"
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return ("bf16", "the GPU has bf16 units") if native else ("fp32", "the GPU has no bf16 units")
    if device.type != "cpu":
        return "fp32", f"bf16 is not tried on {device.type}"
    with torch.random.fork_rng(devices=[]):
        seconds: dict[bool, list[float]] = {True: [], False: []}
        norms = {True: torch.zeros(()), False: torch.zeros(())}
        trial = copy.deepcopy(model)
        _time_step(trial, batch, bf16=False)
        _time_step(trial, batch, bf16=True)
        until = time.monotonic() + PROBE_SECONDS
        while not seconds[True] or time.monotonic() < until:
            for bf16, taken in seconds.items():
                trial.zero_grad()
                taken.append(_time_step(trial, batch, bf16=bf16))
                gradients = [weights.grad for weights in trial.parameters() if weights.grad is not None]
                norms[bf16] = torch.maximum(norms[bf16], nn.utils.get_total_norm(gradients))  # NaN stays NaN
    if not norms[True] <= WILD * norms[False]:
        return "fp32", f"the gradient's norm is {norms[True]:.3g} in bf16 and {norms[False]:.3g} in fp32 here"
    gain = min(seconds[False]) / min(seconds[True])  # what disturbs a step only ever adds to it
    return "bf16" if gain >= WORTH_IT else "fp32", f"a step in bf16 is {gain:.2f} times as fast as in fp32 here"


def _time_step(model: nn.Module, batch: Tensor, *, bf16: bool) -> float:
    """Seconds for one forward and backward pass."""
    start = time.perf_counter()
    with torch.autocast(batch.device.type, torch.bfloat16, enabled=bf16):
        logits = model(batch)
    F.cross_entropy(logits.float(), torch.zeros(len(batch), dtype=torch.long, device=batch.device)).backward()
    return time.perf_counter() - start


def usable_cores() -> int:
    """Cores that this process may keep busy: torch's own count, held to the CPU affinity and the container's quota."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min(torch.get_num_threads(), allowed, cpu_quota())))


def cpu_quota(root: Path = Path("/sys/fs/cgroup")) -> float:
    """Cores that the control group grants (version 2, then version 1); infinite without a limit."""
    try:
        quota, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (root / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return math.inf
    return math.inf if quota in ("max", "-1") else int(quota) / int(period)


def device_name(device: torch.device) -> str:
    """What people call the device."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()


def cpu_name() -> str:
    """The processor's model and the vector instructions that torch uses on it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{model or platform.processor() or platform.machine()} ({torch.backends.cpu.get_cpu_capability()})"
