"""Progressive resizing: training begins with smaller images, which cost less, and ends with images of full size.

The image size rises linearly to the full one, in steps of some pixels. Howard 2018 used it in the DAWNBench entry of
fast.ai on CIFAR-10 and ImageNet (www.fast.ai/posts/2018-04-30-dawnbench-fastai.html); Tan and Le 2021,
arXiv:2104.00298, section 4, call it progressive learning. Evaluation always sees images of full size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.contract.errors import BadInput

if TYPE_CHECKING:
    from engine.contract.recipe.schema import ResizingConfig


@dataclass(frozen=True)
class Resizing:
    """The image size at each step of a training.

    Attributes:
        config: the recipe's `resizing`.
        full: the width and height of the data set's images, in pixels.
        steps: of the whole training.
    """

    config: ResizingConfig
    full: int
    steps: int

    def size(self, done: int) -> int:
        """The size in pixels of the next step's images after `done` steps.

        It grows from `start` by whole increments, each kept equally long, and is the full size from the fraction
        `until` of the training on.
        """
        start, until, increment = self.config.start, self.config.until, self.config.increment
        if not start or done >= until * self.steps:
            return self.full
        levels = -(-(self.full - start) // increment)  # sizes below the full one
        return start + increment * int(levels * done / (until * self.steps))

    def changes(self, done: int) -> bool:
        """Whether the next step's images have another size than those of the step before."""
        return done > 0 and self.size(done) != self.size(done - 1)

    def apply(self, x: Tensor, done: int) -> Tensor:
        """Images (B, C, H, W) at the size of the next step, as averages over areas, channels-last if `x` is."""
        size = self.size(done)
        return x if size == self.full else F.interpolate(x, (size, size), mode="area")

    @torch.no_grad()
    def check(self, model: nn.Module, images: Tensor) -> None:
        """Raise BadInput if the images are not larger than `start`, or if the model takes none of that size.

        Args:
            images: a few of full size, (n, C, H, W), as the model receives them; n >= 1.
        """
        start = self.config.start
        if not start:
            return
        if start >= self.full:
            raise BadInput(f"resizing.start = {start}: the images have {self.full} px, so use fewer, or 0 for none")
        training = model.training
        model.eval()
        try:
            model(self.apply(images, 0))
        except (RuntimeError, ValueError, AssertionError, IndexError) as error:
            raise BadInput(
                f"resizing.start = {start}: the model does not accept images of {start} px; {error}"
            ) from error
        finally:
            model.train(training)
