"""Losses on soft targets: every target is a row of class probabilities, so that mixed labels need no special case."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.contract.catalog import Catalog, Spec, catalog, register
from engine.contract.recipe import Choice

Loss = Callable[[Tensor, Tensor], Tensor]


@register("loss", title="Cross entropy")
def cross_entropy(
    logits: Tensor,
    targets: Tensor,
    *,
    label_smoothing: Annotated[float, Spec("share of each label spread over all classes", ge=0.0, lt=1.0)] = 0.0,
) -> Tensor:
    """Cross entropy with label smoothing (Szegedy et al. 2015, arXiv:1512.00567, section 7).

    Args:
        logits: (B, classes), of any float type; the sum over classes is taken in fp32 or better.
        targets: (B, classes) probabilities.

    Returns:
        The mean over the batch, a scalar.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return F.cross_entropy(logits, targets.to(logits.dtype), label_smoothing=label_smoothing)


def build_loss(choice: Choice, parts: Catalog | None = None) -> Loss:
    """The chosen loss as a function of logits (B, classes) and soft targets (B, classes). Raises BadInput."""
    parts = parts or catalog()
    return partial(parts.load(parts.get("loss", choice.name)), **choice.options)
