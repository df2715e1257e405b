"""Ghost batch normalization: statistics of a few images at a time. Hoffer et al. 2017, arXiv:1705.08741, algorithm 1.

A large batch is normalized as if it were several small ones ("ghost batches"), which keeps the noise of small batches
that helps generalization.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GhostBatchNorm2d(nn.BatchNorm2d):
    """Batch norm over groups of `images` consecutive images; in evaluation the same as `nn.BatchNorm2d`.

    The running statistics are updated as if the ghost batches had come one after another, each with the layer's
    momentum. If `images` does not divide the batch, the remaining images form a smaller ghost batch.

    The layer computes in fp32 and keeps the state names, dtype and memory layout of `nn.BatchNorm2d`.

    On one of several ranks (see `engine.models.across_ranks`) the layer sees as many ghost batches as every other rank,
    and the ranks' ghost batches count as coming one after another. Each rank then tracks its own part of the running
    statistics, and their sum over the ranks is the result.
    """

    rank: int = 0
    ranks: int = 1

    def __init__(
        self, features: int, images: int, *, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True
    ) -> None:
        super().__init__(features, eps, momentum, affine)
        self.images = images

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W)
        if not self.training:
            return super().forward(x)
        whole = len(x) // self.images * self.images
        if whole == len(x):
            return self._normalize(x, self.images)
        pieces = [self._normalize(x[:whole], self.images)] if whole else []
        return torch.cat([*pieces, self._normalize(x[whole:], len(x) - whole)])

    def _normalize(self, x: Tensor, images: int) -> Tensor:
        """Normalize every `images` images of x (n * images, C, H, W) with their own mean and variance."""
        batches = x.unflatten(0, (-1, images)).to(torch.promote_types(x.dtype, torch.float32))  # (n, images, C, H, W)
        variance, mean = torch.var_mean(batches, dim=(1, 3, 4), correction=0)  # (n, C) each
        count = images * x.shape[2] * x.shape[3]
        if count == 1:
            raise ValueError(f"one value per channel cannot be normalized (a ghost batch of {tuple(x.shape[1:])})")
        with torch.no_grad():
            self._track(mean.detach(), variance.detach() * (count / (count - 1)))
        scale = torch.rsqrt(variance + self.eps)
        if self.affine:
            scale = scale * self.weight
        shift = -mean * scale if self.bias is None else self.bias - mean * scale
        normal = torch.addcmul(shift[:, None, :, None, None], batches, scale[:, None, :, None, None])
        return normal.flatten(0, 1).to(x.dtype)

    def _track(self, means: Tensor, variances: Tensor) -> None:
        """Update the running statistics with each ghost batch in turn; both arguments are (ghost batches, C)."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        n, later_ranks = len(means) * self.ranks, len(means) * (self.ranks - 1 - self.rank)
        if self.momentum is None:  # cumulative average over all batches so far
            before = self.num_batches_tracked.to(means.dtype)
            kept: Tensor | float = before / (before + n)
            each = (1 / (before + n)).expand(len(means))
        else:
            later = torch.arange(len(means) - 1, -1, -1, dtype=means.dtype, device=means.device) + later_ranks
            kept, each = (1 - self.momentum) ** n, self.momentum * (1 - self.momentum) ** later
        self.running_mean.mul_(kept).add_((each[:, None] * means).sum(0))  # `@` would compute in bf16 under autocast
        self.running_var.mul_(kept).add_((each[:, None] * variances).sum(0))
        self.num_batches_tracked += n


def use_ghost_batches(model: nn.Module, images: int) -> int:
    """Replace every `nn.BatchNorm2d` of the model by a ghost batch norm, and return how many there were.

    Args:
        images: images per ghost batch.
    """
    count = 0
    for parent in list(model.modules()):
        for name, norm in list(parent.named_children()):
            if type(norm) is nn.BatchNorm2d:
                setattr(parent, name, _ghost_of(norm, images))
                count += 1
    return count


def _ghost_of(norm: nn.BatchNorm2d, images: int) -> GhostBatchNorm2d:
    """The layer with the same parameters and buffers, not copies of them: an optimizer may hold them already."""
    with torch.device("meta"):
        ghost = GhostBatchNorm2d(norm.num_features, images, eps=norm.eps, momentum=norm.momentum, affine=norm.affine)
    ghost._parameters, ghost._buffers = norm._parameters, norm._buffers
    return ghost.train(norm.training)
