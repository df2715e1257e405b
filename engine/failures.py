"""From the exception that ended a training to the event that tells people what happened and what may help."""

from __future__ import annotations

import errno
import traceback
from typing import Final

import torch

from engine.contract.errors import BadInput
from engine.contract.events import Failed, System
from engine.contract.recipe import Recipe
from engine.data.archives import DataError
from engine.observe import Diverged
from engine.system import Sampler, describe_others

DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


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
            return Failed(reason="gpu_memory", message=_gpu_memory(recipe, sampler), detail=detail)
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


def _gpu_memory(recipe: Recipe | None, sampler: Sampler | None) -> str:
    """Our peak, the batch, what others hold, and how to need less."""
    peak = torch.cuda.max_memory_reserved() / 1e9 if torch.cuda.is_available() else 0.0
    parts = [f"out of GPU memory: this run took up to {peak:.1f} GB"]
    sample = sampler.sample() if sampler else System()
    if sample.gpus:
        gpu = sample.gpus[0]
        parts.append(f"others hold {gpu['memory_others'] / 1e9:.1f} of {gpu['memory_total'] / 1e9:.1f} GB")
    if others := describe_others(sample):
        parts[-1] += f" ({others})"
    if recipe is not None:
        images = recipe.batch_size // recipe.compute.accumulate
        parts.append(
            f"it works on {images} images at once; --set compute.accumulate={2 * recipe.compute.accumulate} halves that"
        )
    return "; ".join(parts)
