"""How a CPU's number of threads and precision are chosen: as the recipe says, as found lately, or by trials."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import torch
from torch import Tensor, nn

from engine.loop.hardware import quiet_cores
from engine.loop.probe import PRECISION_STEPS, THREAD_STEPS, Trials, choose_precision, choose_threads
from engine.loop.probe_cache import Known, recall, remember

TOO_SHORT: Final = "bf16 is not tried in a run this short"


@dataclass(frozen=True, slots=True)
class Found:
    """The choices, and how they were made."""

    precision: str
    why: str
    note: str = ""
    """A note that fewer threads than cores are used; "" if all are."""
    figures: dict[str, Any] = field(default_factory=dict)
    """See `Decisions.probe`."""


def try_out(
    precision: str, threads: int, device: torch.device, model: nn.Module, few: Tensor, images: int, key: str
) -> Found:
    """Choose the precision and, on a CPU, the number of threads, which is set.

    Trials are made only if an earlier run has not found the same lately, and if they fit into a short share of the run.
    Without them the run uses fp32, and the cores that other programs leave free.

    Args:
        precision: of the recipe.
        threads: of the placement; 0 lets this function choose.
        few: a few normalized images (B, C, H, W) on the device, for trial steps.
        images: number of images that the run trains on.
        key: names the work in the cache of earlier trials; "" uses no cache.
    """
    choose_number = device.type == "cpu" and not threads and torch.get_num_threads() > 1
    try_bf16 = device.type == "cpu" and precision == "auto"
    if not (choose_number or try_bf16):
        return Found(*choose_precision(precision, device, model, few))
    began = time.perf_counter()
    known, trials = recall(key), Trials(len(few), images)
    figures: dict[str, Any] = {**_ages(known, choose_number, try_bf16)}
    affordable = not known.precision and trials.fit(PRECISION_STEPS)  # reserved first, since bf16 gains most
    if choose_number and not known.threads and trials.fit(THREAD_STEPS):
        note = choose_threads(model, few, trials)
        known = replace(known, threads=torch.get_num_threads(), threads_tried=time.time(), note=note)
    if choose_number:
        torch.set_num_threads(known.threads or quiet_cores())
    if try_bf16 and affordable:
        chosen, why = choose_precision(precision, device, model, few, trials)
        known = replace(known, precision=chosen, why=why, precision_tried=time.time())
    if trials.milliseconds:
        figures |= {"seconds": round(time.perf_counter() - began, 3), **trials.figures()}
        remember(key, known)
    note = known.note if choose_number else ""
    if not try_bf16:
        return Found(*choose_precision(precision, device, model, few), note, figures)
    return Found(known.precision or "fp32", known.why or TOO_SHORT, note, figures)


def _ages(known: Known, threads: bool, precision: bool) -> dict[str, float]:
    """How long ago an earlier run tried what is reused, in seconds."""
    tried: dict[str, float] = {}
    if threads and known.threads:
        tried["threads_age"] = known.threads_tried
    if precision and known.precision:
        tried["precision_age"] = known.precision_tried
    return {name: round(time.time() - moment, 1) for name, moment in tried.items()}


def told(figures: Mapping[str, Any]) -> str:
    """What the trials took and what was reused, for the run's first message; "" if there were none."""
    parts = []
    if "seconds" in figures:
        share = figures["seconds"] / max(figures["run_seconds"], 1e-9)
        parts.append(f"trials took {figures['seconds']:.1f} s, {share:.1%} of the estimated training time")
    for name in ("precision", "threads"):
        if age := figures.get(f"{name}_age"):
            parts.append(f"{name} as an earlier run found {_ago(age)}")
    return "; ".join(parts)


def _ago(seconds: float) -> str:
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
