"""Turn the exception that ended training into an event that tells the user what happened and what may help."""

from __future__ import annotations

import errno
import math
import re
import traceback
from typing import Final

import torch

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Recipe
from engine.contract.run.events import Failed, System
from engine.contract.text import file_size
from engine.data.archives import DataError
from engine.loop.observe import Diverged
from engine.loop.system import Sampler, describe_others

DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
SPARE: Final = 0.1
"""Fraction of the available memory that suggestions leave free: weights and optimizer state do not shrink with the
batch."""
MOST_PARTS: Final = 1024
"""Largest value of `compute.accumulate` in a recipe."""


def describe(
    error: Exception, recipe: Recipe | None, sampler: Sampler | None, *, gpu: str = "", ranks: int = 1
) -> Failed:
    """The last event of a run that failed with `error`; an unexpected error is reported with its traceback.

    Args:
        recipe: None if it could not be read; out-of-memory messages mention its batch size.
        sampler: samples how much memory of GPUs and host is in use, and whose.
        gpu: the UUID of the GPU of this process, one of those that are sampled; "" if it is the only one.
        ranks: number of processes among which each batch is divided.
    """
    detail = "".join(traceback.format_exception(error))
    match error:
        case DataError():
            return Failed(reason="data", message="; ".join(error.problems))
        case BadInput():
            return Failed(reason="bad_input", message="; ".join(error.problems))
        case Diverged():
            return Failed(reason="diverged", message=str(error))
        case torch.OutOfMemoryError():
            return Failed(reason="gpu_memory", message=_gpu_memory(error, recipe, sampler, gpu, ranks), detail=detail)
        case RuntimeError() if "MPS backend out of memory" in str(error):
            return Failed(reason="gpu_memory", message=_with_advice(_one_line(error), recipe), detail=detail)
        case OSError() if error.errno in DISK_FULL:
            return Failed(reason="disk_full", message=f"cannot write: {error.strerror}", detail=detail)
        case MemoryError():
            return Failed(reason="out_of_memory", message=_host_memory(error, recipe, sampler, ranks), detail=detail)
        case RuntimeError() if "DefaultCPUAllocator" in str(error):
            return Failed(reason="out_of_memory", message=_host_memory(error, recipe, sampler, ranks), detail=detail)
    return Failed(reason="traceback", message=_one_line(error), detail=detail)


def _one_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def _gpu_memory(error: Exception, recipe: Recipe | None, sampler: Sampler | None, uuid: str, ranks: int) -> str:
    """The message for an out-of-memory error: our peak, what other processes hold, the batch, and what should fit."""
    peak = float(torch.cuda.max_memory_reserved()) if torch.cuda.is_available() else 0.0
    parts = [f"out of GPU memory: this run used up to {file_size(peak)}"]
    sample = _sample(sampler)
    room = 0.0
    gpu = next((gpu for gpu in sample.gpus if uuid in ("", gpu["uuid"])), None)
    if gpu and math.isfinite(gpu["memory_others"]):
        room = gpu["memory_total"] - gpu["memory_others"]
        holders = "other processes hold" if gpu["others"] else "the driver and other processes hold"
        parts.append(f"{holders} {file_size(gpu['memory_others'])} of {file_size(gpu['memory_total'])}")
    if gpu and (others := describe_others(gpu)):
        parts[-1] += f" ({others})"
    if recipe is not None:
        parts.append(advice(recipe, peak + _requested(error), room, ranks=ranks))
    return "; ".join(parts)


def _host_memory(error: Exception, recipe: Recipe | None, sampler: Sampler | None, ranks: int) -> str:
    """The message where the machine's own memory ran out: what we use, what is free, the batch, and what should fit."""
    sample = _sample(sampler)
    ours, free = sample.ram_ours, sample.ram_total - sample.ram_used
    text = f"the machine has no memory left ({_one_line(error)})"
    if not math.isfinite(ours + free):
        return _with_advice(text, recipe, ranks=ranks)
    text += f"; this run uses {file_size(ours)}, and {file_size(free)} of {file_size(sample.ram_total)} are free"
    return _with_advice(text, recipe, ours + _requested(error), ours + free, ranks)


def _with_advice(text: str, recipe: Recipe | None, need: float = 0.0, room: float = 0.0, ranks: int = 1) -> str:
    """The text with `advice`, but for that of waiting: memory that is not a GPU's is not waited for."""
    return text if recipe is None else f"{text}; {advice(recipe, need, room, ranks=ranks, waiting=False)}"


def _sample(sampler: Sampler | None) -> System:
    """A sample of the memory in use; empty if sampling fails, since the original failure must still be reported."""
    try:
        return sampler.sample() if sampler else System()
    except Exception as error:  # of a driver or the system
        return System(gpu_note=f"no sample: {error}")


def _requested(error: Exception) -> float:
    """Bytes that torch could not allocate, from its message; 0 if it does not say."""
    found = re.search(r"[Tt]ried to allocate ([\d.]+) ([KMG]iB|bytes)", str(error))
    units = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
    return float(found[1]) * units[found[2]] if found else 0.0


def advice(recipe: Recipe, need: float, room: float, *, ranks: int = 1, waiting: bool = True) -> str:
    """Suggest a setting that should fit into memory, taken to be proportional to the images processed at once.

    Args:
        need: bytes that the step held and requested when it failed; it may have needed more later on.
        room: bytes of the GPU that other processes leave, of which the fraction SPARE stays free; 0 if unknown.
        ranks: number of processes among which each part of a batch is divided.
        waiting: whether a run can wait for free memory.
    """
    cut, ghost = recipe.compute.accumulate, recipe.model.options.get("ghost_batch", 0)
    batch = recipe.batch_size // ranks
    images = batch // cut
    working = f"{'it' if ranks == 1 else 'each GPU'} processes {images} {'image' if images == 1 else 'images'} at once"
    smaller = [
        parts
        for parts in range(2 * cut, min(batch, MOST_PARTS) + 1)
        if batch % parts == 0 and not (ghost and batch // parts % ghost)
    ]
    for parts in smaller:
        fits = batch // parts
        share = need * fits / images
        if not room or share <= (1 - SPARE) * room:
            about = f", which needs about {file_size(share)}" if room and need else ""
            return f"{working}; --set compute.accumulate={parts} reduces that to {fits}{about}"
    if room and need and waiting:
        wanted = math.ceil(need / 1e8) / 10  # GB, never rounded down to too little
        return f"{working}, and no smaller part of the batch fits; --wait-free {wanted:g} waits for more free memory"
    return f"{working}; a smaller --batch-size needs less memory" if images > 1 else working
