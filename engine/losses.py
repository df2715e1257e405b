"""Losses on soft targets: every target is a row of class probabilities, so mixed labels need no special case."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.contract.catalog import Spec, register
from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.recipe.schema import Choice

Loss = Callable[..., Tensor]
"""A function of logits (B, classes), soft targets (B, classes) and, if it names them, teacher logits (B, classes)."""
Smoothing = Annotated[float, Spec("share of each label that is spread evenly over all classes", ge=0.0, lt=1.0)]


@register("loss", title="Cross entropy")
def cross_entropy(logits: Tensor, targets: Tensor, *, label_smoothing: Smoothing = 0.0) -> Tensor:
    """Cross entropy with label smoothing (Szegedy et al. 2015, arXiv:1512.00567, section 7).

    Args:
        logits: (B, classes), of any float type; sums over classes are computed in fp32 or better.
        targets: class probabilities, (B, classes).

    Returns:
        The mean over the batch, a scalar.
    """
    logits = _precise(logits)
    return F.cross_entropy(logits, targets.to(logits.dtype), label_smoothing=label_smoothing)


@register("loss", title="Knowledge distillation", paper="1503.02531")
def distillation(
    logits: Tensor,
    targets: Tensor,
    teacher_logits: Tensor,
    *,
    teacher: Annotated[
        str, Spec("finished run to learn from: id, last four characters of it, name, folder or @last")
    ] = "",
    temperature: Annotated[float, Spec("temperature that divides the logits of teacher and student", gt=0.0)] = 4.0,
    weight: Annotated[float, Spec("weight of the teacher in the loss; the labels have the rest", ge=0.0, le=1.0)] = 0.9,
    label_smoothing: Smoothing = 0.0,
) -> Tensor:
    """Learn from labels and from the predictions of a finished run (Hinton et al. 2015, arXiv:1503.02531).

    weight * T^2 * KL(teacher at T || student at T) + (1 - weight) * cross entropy. The factor T^2 keeps the share of
    the teacher's gradient constant when the temperature changes (section 2 of the paper).

    Args:
        logits: (B, classes), of any float type; sums over classes are computed in fp32 or better.
        targets: class probabilities, (B, classes).
        teacher_logits: the teacher's logits for the same images, (B, classes).
        teacher: the run that they come from; not used here, since the caller has evaluated it.

    Returns:
        The mean over the batch, a scalar.
    """
    student, known = (F.log_softmax(_precise(raw) / temperature, dim=1) for raw in (logits, teacher_logits))
    apart = F.kl_div(student, known, reduction="batchmean", log_target=True) * temperature**2
    return weight * apart + (1 - weight) * cross_entropy(logits, targets, label_smoothing=label_smoothing)


def _precise(logits: Tensor) -> Tensor:
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def build_loss(choice: Choice, parts: Catalog | None = None) -> Loss:
    """The chosen loss with its options filled in. Raises BadInput for an unknown name."""
    parts = parts or catalog()
    return partial(parts.load(parts.get("loss", choice.name)), **choice.options)
