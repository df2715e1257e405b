"""The GPU memory that a planned run takes on each card, and what the cards of this machine have free."""

from __future__ import annotations

from engine.analysis.memory import Card, PeakMemory, estimate_memory
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.schema import Recipe
from engine.contract.text import one_line
from engine.launch import devices
from tui.plans.placement import ALL


def cards_here() -> tuple[Card, ...]:
    """The visible GPUs of this machine that respond."""
    found = devices.visible(devices.gpus())
    return tuple((one_line(gpu.name), gpu.memory_free, gpu.memory_total) for gpu in found if not gpu.problem)


def memory_of(recipe: Recipe, gpus: str, here: int, parts: Catalog) -> PeakMemory | None:
    """The GPU memory that a run takes on each card, estimated; None for a model of unknown size.

    Args:
        gpus: the number of GPUs as it is typed: "", a number, or "all".
        here: the number of GPUs of this machine.
    """
    sharing = int(gpus) if gpus.isdecimal() else here if gpus.strip() == ALL else 1
    return estimate_memory(recipe, parts, max(sharing, 1))
