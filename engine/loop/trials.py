"""How a CPU's number of threads and precision are chosen: as the recipe says, as found lately, or by trials."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import torch
from torch import nn

from engine.loop.hardware import quiet_cores
from engine.loop.micro_batch import COST, SMALLEST, choose_micro_batch, sizes, splittable
from engine.loop.probe import PRECISION_STEPS, THREAD_STEPS, Trials, choose_precision, choose_threads
from engine.loop.probe_cache import Known, recall, remember
from engine.loop.workload import Workload

TOO_SHORT: Final = "bf16 is not tried in a run this short"


@dataclass(frozen=True, slots=True)
class TrialResult:
    """The choices, and how they were made."""

    precision: str
    why: str
    micro_batch: int = 0
    """Images in a part of a batch; 0 for whole batches."""
    note: str = ""
    """A note that fewer threads than cores are used; "" if all are."""
    figures: dict[str, Any] = field(default_factory=dict)
    """See `Decisions.probe`."""


def try_out(precision: str, threads: int, device: torch.device, model: nn.Module, work: Workload) -> TrialResult:
    """Choose the precision and, on a CPU, the size of micro-batches and the number of threads, which is set.

    Trials are made only if an earlier run has not found the same lately, and if they fit into a short share of the run.
    Without them the run uses fp32, whole batches, and the cores that other programs leave free.

    Args:
        precision: of the recipe.
        threads: of the placement; 0 lets this function choose.
    """
    if device.type != "cpu":
        return TrialResult(*choose_precision(precision, device, model, work.few))
    began = time.perf_counter()
    choose_number, try_bf16 = not threads and torch.get_num_threads() > 1, precision == "auto"
    known, trials = recall(work.key), Trials(len(work.few), work.images)
    figures: dict[str, Any] = {**_ages(known, choose_number, try_bf16, work.divisible)}
    affordable = not known.precision and trials.fit(PRECISION_STEPS)  # reserved first, since bf16 gains most
    if choose_number and not known.threads and trials.fit(THREAD_STEPS):
        note = choose_threads(model, work.few, trials)
        known = replace(known, threads=torch.get_num_threads(), threads_tried=time.time(), note=note)
    if choose_number:
        torch.set_num_threads(known.threads or quiet_cores())
    if try_bf16 and affordable:
        chosen, why = choose_precision(precision, device, model, work.few, trials)
        known = replace(known, precision=chosen, why=why, precision_tried=time.time())
    if not try_bf16:
        used, why = choose_precision(precision, device, model, work.few)
    else:
        used, why = known.precision or "fp32", known.why or TOO_SHORT
    if work.divisible and not known.micro_batch_tried:
        known = _try_micro_batches(known, model, work, trials, bf16=used == "bf16")
    if work.divisible and known.micro_batch_tried:
        figures["micro_batch_gain"] = round(known.gain, 2)
    if trials.milliseconds:
        figures |= {"seconds": round(time.perf_counter() - began, 3), **trials.figures()}
        remember(work.key, known)
    micro_batch = known.micro_batch if work.divisible else 0
    return TrialResult(used, why, micro_batch, known.note if choose_number else "", figures)


def _try_micro_batches(known: Known, model: nn.Module, work: Workload, trials: Trials, *, bf16: bool) -> Known:
    """Try training on parts of a batch, if they compute the same as the whole and the trials fit into the run."""
    batch = work.batch()
    candidates = sizes(len(batch), work.ghost)
    few = 2 * max(work.ghost, SMALLEST // 2)
    if len(candidates) == 1 or not splittable(model, batch[:few]) or not trials.fit(COST, len(batch)):
        return known
    size, gain, seconds = choose_micro_batch(model, batch, candidates, bf16=bf16)
    trials.measured({f"parts of {part}": value * len(work.few) for part, value in seconds.items()})
    return replace(known, micro_batch=size, gain=gain, micro_batch_tried=time.time())


def _ages(known: Known, threads: bool, precision: bool, micro_batch: bool) -> dict[str, float]:
    """How long ago an earlier run tried what is reused, in seconds."""
    tried: dict[str, float] = {}
    if threads and known.threads:
        tried["threads_age"] = known.threads_tried
    if precision and known.precision:
        tried["precision_age"] = known.precision_tried
    if micro_batch and known.micro_batch_tried:
        tried["micro_batch_age"] = known.micro_batch_tried
    return {name: round(time.time() - moment, 1) for name, moment in tried.items()}


def describe(figures: Mapping[str, Any]) -> str:
    """What the trials took and what was reused, for the run's first message; "" if there were none."""
    parts = []
    if "seconds" in figures:
        share = figures["seconds"] / max(figures["run_seconds"], 1e-9)
        parts.append(f"trials took {figures['seconds']:.1f} s, {share:.1%} of the estimated training time")
    for name in ("precision", "threads", "micro_batch"):
        if age := figures.get(f"{name}_age"):
            parts.append(f"{name.replace('_', '-')} as an earlier run found {_ago(age)}")
    return "; ".join(parts)


def _ago(seconds: float) -> str:
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
