"""Hard examples: training, from some epoch on, on the images whose latest losses are the largest.

Loshchilov and Hutter 2015, arXiv:1511.06343, rank the training images by the latest loss that was computed for each.
That costs no forward pass of its own: the losses are those of the training steps. An image that is left out keeps its
last loss while the others' fall, and returns once it is among the largest again.

An epoch keeps its number of steps. While images are left out, it consists of several passes, and at the beginning of
each the images are chosen anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import torch
from torch import Tensor

from engine.data.split import epoch_order, permutation

if TYPE_CHECKING:
    from engine.contract.recipe.schema import HardExamplesConfig

PASS: Final = 0x70617373  # separates the orders of passes from those of whole epochs


class Pass(NamedTuple):
    """A pass over images, or what is left of it."""

    number: int
    """How many passes came before it. It is the epoch's until images are left out; then an epoch has several passes."""
    step: int
    """The step of the epoch from which on it is taken."""
    images: np.ndarray
    """The images from there on, as indices, int64."""


class HardExamples:
    """The order in which each epoch visits the training images, and the latest loss of each image.

    Args:
        config: the recipe's `hard_examples`.
        images: the number of training images.
        steps: in a whole epoch.
        length: of the training in epochs, which may be a fraction.
    """

    def __init__(
        self,
        config: HardExamplesConfig,
        *,
        images: int,
        batch_size: int,
        steps: int,
        length: float,
        seed: int,
        device: torch.device,
    ) -> None:
        self._images, self._batch_size, self._seed, self._device = images, batch_size, seed, device
        self._pass = max(1, round(config.keep * steps))  # steps
        self._kept_images = min(self._pass * batch_size, images)
        self._passes = math.ceil(steps / self._pass)  # in a whole epoch
        self.first = math.ceil(config.start * length)
        """The first epoch, from 0, that leaves images out, if any does."""
        tracked = images if config.keep < 1 and self.first < length else 0
        self._losses = torch.full((tracked,), math.inf, device=device)  # images without a loss yet come first
        self._kept = np.zeros(0, np.int64)  # what the current pass visits, in ascending order
        self._coming: Iterator[Tensor] = iter(())

    def about(self) -> Iterator[str]:
        """A message about the images that are left out, if any are."""
        if len(self._losses):
            yield (
                f"from epoch {self.first + 1:.0f} on, training visits only the {self._kept_images:,} images with the "
                "largest losses, chosen anew for each pass; training loss and accuracy are then of these"
            )

    def passes(self, epoch: int, step: int, steps: int) -> Iterator[Pass]:
        """The rest of an epoch.

        A pass is chosen when it is asked for, which waits for the device. If it was interrupted, its images are those
        of the checkpoint.

        Args:
            epoch: from 0.
            step: the first step to come.
            steps: in this epoch.
        """
        if epoch < self.first or not len(self._losses):
            order = epoch_order(self._seed, epoch, self._images)[step * self._batch_size :]
            self._expect(order)
            yield Pass(epoch, step, order)
            return
        while step < steps:
            number, done = divmod(step, self._pass)
            if not done:
                self._kept = self._hardest()
            shuffled = permutation(len(self._kept), PASS, self._seed, epoch, number)
            end = min(step - done + self._pass, steps)
            order = self._kept[shuffled][done * self._batch_size :][: (end - step) * self._batch_size]
            self._expect(order)
            yield Pass(self.first + (epoch - self.first) * self._passes + number, step, order)
            step = end

    @torch.no_grad()
    def note(self, logits: Tensor, targets: Tensor) -> None:
        """Keep the cross-entropy of each image of the batch just trained on.

        Args:
            logits: (B, classes).
            targets: soft targets (B, classes).
        """
        if len(self._losses):
            losses = -(targets * logits.float().log_softmax(1)).sum(1)
            self._losses.index_copy_(0, next(self._coming), losses)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs: the losses (N,) and the images of the current pass; empty if nothing is left out."""
        return {"losses": self._losses, "kept": torch.from_numpy(self._kept)} if len(self._losses) else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        if len(self._losses):
            self._losses.copy_(state["losses"])
            self._kept = state["kept"].cpu().numpy()

    def _expect(self, order: np.ndarray) -> None:
        """The batches to come, so that their losses can be assigned to images without waiting for the device."""
        if not len(self._losses):
            return
        places = torch.from_numpy(np.ascontiguousarray(order))
        if self._device.type == "cuda":
            places = places.pin_memory()
        self._coming = iter(places.to(self._device, non_blocking=True).split(self._batch_size))

    def _hardest(self) -> np.ndarray:
        """The images with the largest losses, in ascending order of their places; of equal losses, the first ones."""
        losses = self._losses.cpu().numpy()
        return np.sort(np.argsort(-losses, kind="stable")[: self._kept_images])
