"""Progressive resizing and cropping: training begins with smaller images, which cost less.

The image size rises linearly to the full one, in steps of some pixels. Howard 2018 used it in the DAWNBench entry of
fast.ai on CIFAR-10 and ImageNet (www.fast.ai/posts/2018-04-30-dawnbench-fastai.html); Tan and Le 2021,
arXiv:2104.00298, section 4, call it progressive learning. After it, training may go on with the central parts of the
images at full resolution for a while; Touvron et al. 2019, arXiv:1906.06423, found that networks do well on images
that are larger than the crops they were trained on. Evaluation always sees images of full size.
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

        It grows from `start` by whole increments, each kept equally long, until the fraction `until` of the training;
        then it is `crop`, if there is one, until the fraction `crop_until`, and the full size after that.
        """
        start, until, increment = self.config.start, self.config.until, self.config.increment
        if self._shrinks(done):
            levels = -(-(self.full - start) // increment)  # sizes below the full one
            return start + increment * int(levels * done / (until * self.steps))
        if self.config.crop and done < self.config.crop_until * self.steps:
            return self.config.crop
        return self.full

    def _shrinks(self, done: int) -> bool:
        return self.config.start > 0 and done < self.config.until * self.steps

    def changes(self, done: int) -> bool:
        """Whether the next step's images have another size than those of the step before."""
        return done > 0 and self.size(done) != self.size(done - 1)

    def apply(self, x: Tensor, done: int) -> Tensor:
        """Images (B, C, H, W) at the size of the next step, channels-last if `x` is.

        Those of the resizing are averages over areas, those of the cropping the central parts of the images.
        """
        size = self.size(done)
        if size == self.full:
            return x
        if self._shrinks(done):
            return F.interpolate(x, (size, size), mode="area")
        edge = (self.full - size) // 2
        layout = torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
        return x[:, :, edge : edge + size, edge : edge + size].contiguous(memory_format=layout)

    @torch.no_grad()
    def check(self, model: nn.Module, images: Tensor) -> None:
        """Raise BadInput if the images are not larger than `start` and `crop`, or if the model takes none of that size.

        Args:
            images: a few of full size, (n, C, H, W), as the model receives them; n >= 1.
        """
        for name in ("start", "crop"):
            if size := getattr(self.config, name):
                self._check(f"resizing.{name} = {size}", size, model, images)

    def _check(self, setting: str, size: int, model: nn.Module, images: Tensor) -> None:
        if size >= self.full:
            raise BadInput(f"{setting}: the images have {self.full} px, so use fewer, or 0 for none")
        training = model.training
        model.eval()
        try:
            model(images[:, :, :size, :size])
        except (RuntimeError, ValueError, AssertionError, IndexError) as error:
            raise BadInput(f"{setting}: the model does not accept images of {size} px; {error}") from error
        finally:
            model.train(training)
