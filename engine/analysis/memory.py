"""The GPU memory that training a recipe takes, estimated without torch from counted figures of its parts."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from engine.analysis.cost import FIRST, at_once
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.schema import Choice, DataConfig, Recipe

COUNTED: Final = Path(__file__).resolve().parents[1] / "models" / "activations.json"
"""Bytes of activations per image of 3x32x32 by model, in fp32 and in bf16; `python -m tools.activations` writes it."""
SIDE: Final = 32
"""Side of the images for which activations were counted, in pixels."""
FP32, BF16 = 4, 2
"""Bytes of a value. Weights, gradients and moments are fp32 under bf16 autocast too."""
SAME_SIZE: Final = frozenset({"drop_path", "dropout", "init", "momentum", "survival", "zero_init_residual"})
"""Options of models that change neither the number of weights nor, but for masks, that of activations."""
MISSING: Final = "activations are not counted for this model with these options"

Card = tuple[str, int | None, int | None]
"""Name, free and total memory of a GPU in bytes; None where the driver does not report it."""


@dataclass(frozen=True, slots=True)
class PeakMemory:
    """Bytes on each GPU at the peak of a training step.

    The CUDA context, the workspace of kernels and what the allocator rounds up come on top; compiling saves some of the
    activations.
    """

    weights: float
    gradients: float
    optimizer: float
    """Moments of the optimizer, the slow weights of Lookahead, and the weights that SAM restores."""
    averages: float
    """Averaged weights."""
    activations: float
    """What the backward pass needs; NaN for a model that was not counted, or not with these options."""
    data: float
    """The training and test images, uint8."""

    @property
    def total(self) -> float:
        """The sum; where the activations are unknown, a lower bound."""
        known = 0.0 if math.isnan(self.activations) else self.activations
        return self.weights + self.gradients + self.optimizer + self.averages + self.data + known

    @property
    def complete(self) -> bool:
        """Whether the activations are known."""
        return not math.isnan(self.activations)


def estimate_memory(recipe: Recipe, parts: Catalog, gpus: int = 1) -> PeakMemory | None:
    """Estimate the memory that a run takes on each of its GPUs; None for a model of unknown size.

    Precision `auto` counts as bf16, which recent GPUs choose. A teacher is not counted.

    Args:
        gpus: number of GPUs that share each batch.
    """
    meta = parts.get("model", recipe.model.name).meta
    if "params" not in meta or not _has_counted_size(recipe.model, parts):
        return None
    weights = float(meta["params"]) * FP32
    data = parts.get("dataset", recipe.data.name).meta
    side = data.get("image_size", SIDE)
    image = data.get("channels", 3) * side**2
    return PeakMemory(
        weights=weights,
        gradients=weights,
        optimizer=weights * copies(recipe.optimizer),
        averages=weights * (recipe.averaging.name != "off"),
        activations=_activations(recipe, float(meta["params"]), side, gpus),
        data=image * (_images(recipe.data, "train", data) + _images(recipe.data, "test", data)),
    )


def copies(optimizer: Choice) -> int:
    """Values that an optimizer keeps for each weight: one for momentum, two for Adam's moments.

    Muon counts as momentum for all weights, though with `other = "adamw"` some have two.
    """
    options = optimizer.options
    moments = 2 if "beta2" in options else 1 if options.get("momentum", 0) else 0
    return moments + sum(map(bool, (options.get("amsbound"), options["lookahead"], options["sharpness"] != "off")))


def _has_counted_size(model: Choice, parts: Catalog) -> bool:
    """Whether all options that set the model's size have their defaults, for which it is known."""
    free = SAME_SIZE | {param.name for param in COMMON["model"]}
    own = parts.get("model", model.name).defaults
    return all(model.options.get(name) == value for name, value in own.items() if name not in free)


def _activations(recipe: Recipe, params: float, side: int, gpus: int) -> float:
    """The activations of one forward pass and, under autocast, the bf16 copies of the weights."""
    bf16 = recipe.compute.precision != "fp32"
    found = counted().get(recipe.model.name)
    if found is None:
        return math.nan
    images = math.ceil(at_once(recipe) / gpus)
    return images * found[bf16] * (side / SIDE) ** 2 + (params * BF16 if bf16 else 0)


def _images(data: DataConfig, half: str, meta: dict[str, Any]) -> float:
    """How many images of the training or test set are loaded, those held out included."""
    chosen = data.train_slice if half == "train" else data.test_slice
    part = float(chosen.removeprefix(FIRST)) if chosen.startswith(FIRST) else 1.0
    return float(meta.get(f"{half}_images", 0)) * part * (data.fraction if half == "train" else 1.0)


@cache
def counted() -> dict[str, tuple[int, int]]:
    """Bytes of activations per image of 3x32x32 by model: in fp32 and in bf16."""
    return {name: (fp32, bf16) for name, (fp32, bf16) in json.loads(COUNTED.read_text("utf-8")).items()}
