"""From the exception that ended a training to the event that tells people what happened and what may help."""

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
"""Part of the room on a GPU that a suggested batch leaves free: weights and optimizer do not shrink with the batch."""
MOST_PARTS: Final = 1024
"""Into which the recipe lets a batch be cut."""


def describe(error: Exception, recipe: Recipe | None, sampler: Sampler | None) -> Failed:
    """The closing event for an exception; anything unforeseen is a traceback.

    Args:
        recipe: as far as it was read; an out-of-memory message names its batch.
        sampler: tells how the GPU's memory is shared.
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
            return Failed(reason="gpu_memory", message=_gpu_memory(error, recipe, sampler), detail=detail)
        case RuntimeError() if "MPS backend out of memory" in str(error):
            return Failed(reason="gpu_memory", message=_one_line(error), detail=detail)
        case OSError() if error.errno in DISK_FULL:
            return Failed(reason="disk_full", message=f"cannot write: {error.strerror}", detail=detail)
        case MemoryError():
            return Failed(reason="out_of_memory", message="the machine has no memory left", detail=detail)
        case RuntimeError() if "DefaultCPUAllocator" in str(error):
            return Failed(reason="out_of_memory", message=_one_line(error), detail=detail)
    return Failed(reason="traceback", message=_one_line(error), detail=detail)


def _one_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def _gpu_memory(error: Exception, recipe: Recipe | None, sampler: Sampler | None) -> str:
    """Our peak, the batch, what others hold, and what should fit."""
    peak = float(torch.cuda.max_memory_reserved()) if torch.cuda.is_available() else 0.0
    parts = [f"out of GPU memory: this run took up to {file_size(peak)}"]
    sample = _sample(sampler)
    room = 0.0
    if sample.gpus and math.isfinite(sample.gpus[0]["memory_others"]):
        gpu = sample.gpus[0]
        room = gpu["memory_total"] - gpu["memory_others"]
        holders = "others hold" if gpu["others"] else "the driver and others hold"
        parts.append(f"{holders} {file_size(gpu['memory_others'])} of {file_size(gpu['memory_total'])}")
    if others := describe_others(sample):
        parts[-1] += f" ({others})"
    if recipe is not None:
        parts.append(advice(recipe, peak + _asked(error), room))
    return "; ".join(parts)


def _sample(sampler: Sampler | None) -> System:
    """How the memory is shared; an empty sample where nobody can tell, since the failure itself must be told."""
    try:
        return sampler.sample() if sampler else System()
    except Exception as error:  # whatever a driver or the system says to this
        return System(gpu_note=f"no sample: {error}")


def _asked(error: Exception) -> float:
    """Bytes that could not be had, as torch tells them; 0 where it does not."""
    found = re.search(r"Tried to allocate ([\d.]+) ([KMG]iB)", str(error))
    return float(found[1]) * {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}[found[2]] if found else 0.0


def advice(recipe: Recipe, need: float, room: float) -> str:
    """How many images at once should fit: need is taken to be proportional to them, a part of SPARE stays free.

    Args:
        need: bytes that the step had and asked for when it failed; it may have wanted more after that.
        room: bytes of the GPU that others leave; 0 where that is not known.
    """
    cut, ghost = recipe.compute.accumulate, recipe.model.options.get("ghost_batch", 0)
    images = recipe.batch_size // cut
    working = f"it works on {images} {'image' if images == 1 else 'images'} at once"
    smaller = [
        parts
        for parts in range(2 * cut, min(recipe.batch_size, MOST_PARTS) + 1)
        if recipe.batch_size % parts == 0 and not (ghost and recipe.batch_size // parts % ghost)
    ]
    for parts in smaller:
        fits = recipe.batch_size // parts
        share = need * fits / images
        if not room or share <= (1 - SPARE) * room:
            about = f", which takes about {file_size(share)}" if room and need else ""
            return f"{working}; --set compute.accumulate={parts} makes that {fits}{about}"
    if room and need:
        wanted = math.ceil(need / 1e8) / 10  # GB, never rounded down to what would not do
        return f"{working} and no smaller part of the batch fits; --wait-free {wanted:g} waits for a freer GPU"
    return f"{working}; a smaller --batch-size needs less" if images > 1 else working
