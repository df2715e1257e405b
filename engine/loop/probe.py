"""Trials on the machine before training starts: how many CPU threads to use, and whether bf16 pays off."""

from __future__ import annotations

import copy
import statistics
import time

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WORTH_IT = 1.1  # a CPU must be this many times faster in bf16 to make up for the rounding
WILD = 10.0  # a gradient norm this many times larger in bf16 than in fp32 means a broken kernel: rounding adds far less
PROBE_SECONDS = 2.0
CROWDED = 1.25  # fewer threads must be this many times faster than all cores to be preferred
CROWD_ROUNDS = 3


def choose_threads(model: nn.Module, batch: Tensor) -> str:
    """Set torch to fewer threads if that is clearly faster than all cores. Returns a note saying so, else "".

    The threads of a layer wait for the slowest of them. If another program keeps one core busy, every layer waits for
    that core's next time slice: two threads were measured at a tenth of the speed of one.

    Args:
        model, batch: trained on for about a second; neither the model nor torch's random state is changed.
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
            for threads, times in seconds.items():
                torch.set_num_threads(threads)
                times.append(_time_step(trial, batch, bf16=False))
    typical = {threads: statistics.median(times) for threads, times in seconds.items()}
    best = min(typical, key=lambda threads: typical[threads])
    gain = typical[cores] / typical[best]
    torch.set_num_threads(best if gain >= CROWDED else cores)
    if gain < CROWDED:
        return ""
    return f"using threads = {best}, currently {gain:.1f} times as fast on this machine as {cores}"


def choose_precision(precision: str, device: torch.device, model: nn.Module, batch: Tensor) -> tuple[str, str]:
    """The precision to train in, "bf16" or "fp32", and the reason.

    GPUs with native bf16 use it. On a CPU the gain depends on its instructions and on the model, so both precisions
    are tried in turn for about two seconds. That also reveals kernels that are broken in bf16: their gradients are far
    larger than in fp32, or not finite.

    Args:
        precision: of the recipe; anything but "auto" is returned as it is.
        model, batch: trained on in the trial; neither the model nor torch's random state is changed.
    """
    if precision != "auto":
        return precision, "set by the recipe"
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return ("bf16", "the GPU supports bf16") if native else ("fp32", "the GPU does not support bf16")
    if device.type != "cpu":
        return "fp32", f"bf16 is not tried on {device.type}"
    return _try_precisions(model, batch)


def _try_precisions(model: nn.Module, batch: Tensor) -> tuple[str, str]:
    """Time steps of both precisions in turn on the CPU; the better precision and the reason."""
    seconds: dict[bool, list[float]] = {True: [], False: []}  # by whether it is bf16
    norms = {True: torch.zeros(()), False: torch.zeros(())}
    with torch.random.fork_rng(devices=[]):
        trial = copy.deepcopy(model)
        _time_step(trial, batch, bf16=False)
        _time_step(trial, batch, bf16=True)
        until = time.monotonic() + PROBE_SECONDS
        while not seconds[True] or time.monotonic() < until:
            for bf16, times in seconds.items():
                trial.zero_grad()
                times.append(_time_step(trial, batch, bf16=bf16))
                gradients = [weights.grad for weights in trial.parameters() if weights.grad is not None]
                norms[bf16] = torch.maximum(norms[bf16], nn.utils.get_total_norm(gradients))  # NaN stays NaN
    if not norms[True] <= WILD * norms[False]:
        return "fp32", f"the gradient norm here is {norms[True]:.3g} in bf16 but {norms[False]:.3g} in fp32"
    gain = min(seconds[False]) / min(seconds[True])  # disturbances only ever make a step slower, so the minimum counts
    return "bf16" if gain >= WORTH_IT else "fp32", f"a bf16 step is {gain:.2f} times as fast as an fp32 step here"


def _time_step(model: nn.Module, batch: Tensor, *, bf16: bool) -> float:
    """Seconds for one forward and backward pass."""
    start = time.perf_counter()
    with torch.autocast(batch.device.type, torch.bfloat16, enabled=bf16):
        logits = model(batch)
    F.cross_entropy(logits.float(), torch.zeros(len(batch), dtype=torch.long, device=batch.device)).backward()
    return time.perf_counter() - start
