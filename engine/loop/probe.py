"""Trials on the machine before training starts: how many CPU threads to use, and whether bf16 pays off.

All trials together take at most `SHARE` of the run. Its length is estimated by the number of images that it trains on,
relative to those of a trial step, so that a short run is recognized before anything is tried.
"""

from __future__ import annotations

import copy
import math
import statistics
import time
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WORTH_IT = 1.1  # a CPU must be this many times faster in bf16 to make up for the rounding
WILD = 10.0  # a gradient norm this many times larger in bf16 than in fp32 means a broken kernel: rounding adds far less
SHARE = 0.05  # of the estimated run, which trials may take
PROBE_SECONDS = 2.0
PATIENCE = 1.0  # seconds beyond its limit that a trial may take to repeat a measurement
PRECISION_STEPS = 4  # the fewest that a trial of precisions needs, with its first steps, which are slower
THREAD_STEPS = 7  # and a trial of threads on two cores
CROWDED = 1.25  # fewer threads must be this many times faster than all cores to be preferred
CROWD_ROUNDS = 3


class Trials:
    """What the trials of one run may take, and what they measured.

    Args:
        few: number of images in a trial step.
        images: number of images that the run trains on, over all epochs.
    """

    def __init__(self, few: int, images: int) -> None:
        self._few, self._images = few, images
        self._reserved = 0  # images
        self.milliseconds: dict[str, float] = {}
        """Milliseconds of a typical trial step, by what was tried."""
        self.run_seconds = 0.0
        """The estimated duration of the run without evaluation; 0 while nothing has been tried."""

    def fit(self, steps: int, images: int = 0) -> bool:
        """Whether so many more trial steps are within the share of the run; if so, they are reserved.

        Args:
            images: of a step; 0 stands for the few images of most trials.
        """
        wanted = steps * (images or self._few)
        if self._reserved + wanted > SHARE * self._images:
            return False
        self._reserved += wanted
        return True

    def measured(self, seconds: dict[str, float]) -> None:
        """Keep the seconds of a typical step by what was tried. The fastest one gives the duration of the run."""
        self.milliseconds |= {what: round(1e3 * value, 3) for what, value in seconds.items()}
        self.run_seconds = self.estimate(min(seconds.values()))

    def figures(self) -> dict[str, Any]:
        """The estimated seconds of the run, and the milliseconds of a step on so many images."""
        return {"run_seconds": round(self.run_seconds, 1), "images": self._few, "milliseconds": self.milliseconds}

    def estimate(self, step: float) -> float:
        """The duration of the run in seconds, from that of a trial step. The two differ only in their images."""
        return step * self._images / self._few

    def limit(self, step: float, most: float) -> float:
        """Seconds that one of the two kinds of trials may take, given the seconds of a step."""
        return min(most, SHARE / 2 * self.estimate(step))


def choose_threads(model: nn.Module, batch: Tensor, trials: Trials) -> str:
    """Set torch to fewer threads if that is clearly faster than all cores. Returns a note saying so, else "".

    The threads of a layer wait for the slowest of them. If another program keeps one core busy, every layer waits for
    that core's next time slice: two threads were measured at a tenth of the speed of one.

    Args:
        model, batch: trained on for at most about a second, unless a step takes longer; neither the model nor torch's
            random state is changed.
    """
    cores = torch.get_num_threads()
    seconds: dict[int, list[float]] = {n: [] for n in (1, cores // 2, cores - 1, cores)}
    with torch.random.fork_rng(devices=[]):
        trial = copy.deepcopy(model)
        began, until = time.monotonic(), math.inf
        while time.monotonic() < until + (PATIENCE if len(seconds[1]) < CROWD_ROUNDS else 0.0):
            for threads, times in seconds.items():
                torch.set_num_threads(threads)
                times.append(time_step(trial, batch, bf16=False))
            until = began + trials.limit(min(map(min, seconds.values())), PROBE_SECONDS / 2)
    typical = {threads: statistics.median(times) for threads, times in seconds.items()}
    trials.measured({f"fp32, threads={threads}": value for threads, value in typical.items()})
    best = min(typical, key=lambda threads: typical[threads])
    gain = typical[cores] / typical[best]
    torch.set_num_threads(best if gain >= CROWDED else cores)
    if gain < CROWDED:
        return ""
    return f"using threads = {best}, currently {gain:.1f} times as fast on this machine as {cores}"


def choose_precision(
    precision: str, device: torch.device, model: nn.Module, batch: Tensor, trials: Trials | None = None
) -> tuple[str, str]:
    """The precision to train in, "bf16" or "fp32", and the reason.

    GPUs with native bf16 use it. On a CPU the gain depends on its instructions and on the model, so both precisions
    are tried in turn for about two seconds. That also reveals kernels that are broken in bf16: their gradients are far
    larger than in fp32, or not finite.

    Args:
        precision: of the recipe; anything but "auto" is returned as it is.
        model, batch: trained on in the trial; neither the model nor torch's random state is changed.
        trials: needed only for "auto" on a CPU.
    """
    if precision != "auto":
        return precision, "set by the recipe"
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return ("bf16", "the GPU supports bf16") if native else ("fp32", "the GPU does not support bf16")
    if device.type != "cpu" or trials is None:
        return "fp32", f"bf16 is not tried on {device.type}"
    return _try_precisions(model, batch, trials)


def _try_precisions(model: nn.Module, batch: Tensor, trials: Trials) -> tuple[str, str]:
    """Time steps of both precisions in turn on the CPU; the better precision and the reason."""
    seconds: dict[bool, list[float]] = {True: [], False: []}  # by whether it is bf16
    norms = {True: torch.zeros(()), False: torch.zeros(())}
    with torch.random.fork_rng(devices=[]):
        trial = copy.deepcopy(model)
        time_step(trial, batch, bf16=False)
        time_step(trial, batch, bf16=True)
        began, until = time.monotonic(), math.inf
        while time.monotonic() < until:
            for bf16, times in seconds.items():
                trial.zero_grad()
                times.append(time_step(trial, batch, bf16=bf16))
                gradients = [weights.grad for weights in trial.parameters() if weights.grad is not None]
                norms[bf16] = torch.maximum(norms[bf16], nn.utils.get_total_norm(gradients))  # NaN stays NaN
            until = began + trials.limit(min(map(min, seconds.values())), PROBE_SECONDS)
    trials.measured({"bf16": min(seconds[True]), "fp32": min(seconds[False])})
    if not norms[True] <= WILD * norms[False]:
        return "fp32", f"the gradient norm here is {norms[True]:.3g} in bf16 but {norms[False]:.3g} in fp32"
    gain = min(seconds[False]) / min(seconds[True])  # disturbances only ever make a step slower, so the minimum counts
    return "bf16" if gain >= WORTH_IT else "fp32", f"a bf16 step is {gain:.2f} times as fast as an fp32 step here"


def time_step(model: nn.Module, batch: Tensor, *, bf16: bool) -> float:
    """Seconds for one forward and backward pass."""
    start = time.perf_counter()
    with torch.autocast(batch.device.type, torch.bfloat16, enabled=bf16):
        logits = model(batch)
    F.cross_entropy(logits.float(), torch.zeros(len(batch), dtype=torch.long, device=batch.device)).backward()
    return time.perf_counter() - start
