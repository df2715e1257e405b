"""Batch norm of a run on several ranks, each of which sees a share of the batch.

The mathematics is that of one device. Ordinary batch norm normalizes with the statistics of the whole batch, which the
ranks exchange in every forward pass. Ghost batches lie within one rank and need no exchange; only the running
statistics, to which every rank contributes, are added up once per step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from engine.contract.errors import BadInput
from engine.distributed import World
from engine.models.ghost import GhostBatchNorm2d
from engine.ranks import Ranks


class SyncBatchNorm2d(nn.BatchNorm2d):
    """Batch norm over the images of all ranks; in evaluation the same as `nn.BatchNorm2d`.

    `nn.SyncBatchNorm` refuses tensors on a CPU. The statistics of the ranks are combined by the formula of Chan et al.
    1979 ("Updating formulae and a pairwise algorithm for computing sample variances"), which loses no digits where the
    mean is large. The layer computes in fp32 and keeps state names, dtype and memory layout of `nn.BatchNorm2d`.
    """

    world: Ranks
    whole: bool = False
    """Whether this rank gets whole batches rather than its share of each."""

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W), B images of this rank
        if not self.training or self.whole:
            return super().forward(x)
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        variances, means = torch.var_mean(wide, dim=(0, 2, 3), correction=0)  # (C,) each, of this rank
        values = torch.full_like(means, x.numel() / x.shape[1])
        values, means, variances = self.world.gathered(torch.stack((values, means, variances))).unbind(1)  # (ranks, C)
        count = values.sum(0)
        share = values / count
        mean = (share * means).sum(0)
        variance = (share * (variances + (means - mean).square())).sum(0)
        with torch.no_grad():
            self._track(mean.detach(), variance.detach() * (count / (count - 1)))
        scale = torch.rsqrt(variance + self.eps)
        if self.affine:
            scale = scale * self.weight
        shift = -mean * scale if self.bias is None else self.bias - mean * scale
        normal = torch.addcmul(shift[:, None, None], wide, scale[:, None, None])
        return normal.to(x.dtype)

    def _track(self, mean: Tensor, variance: Tensor) -> None:
        """Update the running statistics, all of shape (C,)."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        weight = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), weight)
        self.running_var.lerp_(variance.to(self.running_var.dtype), weight)


def across(model: nn.Module, world: World) -> list[Tensor]:
    """Make the batch norm of a model compute on shares of a batch what it computes on the whole; nothing for one rank.

    Parameters and buffers stay the same objects.

    Returns:
        The running statistics that the ranks add up in every step; see `World.share_out`.

    Raises:
        BadInput: the model has a kind of batch norm that is not built in, whose statistics would be those of one rank.
    """
    if not isinstance(world, Ranks):
        return []
    added: list[Tensor] = []
    for parent in list(model.modules()):
        for name, norm in list(parent.named_children()):
            if isinstance(norm, GhostBatchNorm2d):
                norm.rank, norm.ranks = world.rank, world.size
                added += [value for value in (norm.running_mean, norm.running_var) if value is not None]
            elif type(norm) is nn.BatchNorm2d:
                setattr(parent, name, _synchronized(norm, world))
            elif isinstance(norm, _NormBase) and norm.track_running_stats:
                raise BadInput(
                    f"gpus = {world.size}: the model has a layer {type(norm).__name__}, which cannot be synchronized; "
                    "train it on one GPU"
                )
    return added


def _synchronized(norm: nn.BatchNorm2d, world: Ranks) -> SyncBatchNorm2d:
    with torch.device("meta"):
        layer = SyncBatchNorm2d(norm.num_features, norm.eps, norm.momentum, norm.affine)
    layer._parameters, layer._buffers = norm._parameters, norm._buffers
    layer.world = world
    return layer.train(norm.training)


@contextmanager
def on_whole_batches(model: nn.Module) -> Iterator[None]:
    """Within the block, every rank gives the model whole batches, which are therefore normalized without the others."""
    shared = [norm for norm in model.modules() if isinstance(norm, SyncBatchNorm2d)]
    ghosts = [(norm, norm.rank, norm.ranks) for norm in model.modules() if isinstance(norm, GhostBatchNorm2d)]
    try:
        for norm in shared:
            norm.whole = True
        for ghost, _, _ in ghosts:
            ghost.rank, ghost.ranks = 0, 1
        yield
    finally:
        for norm in shared:
            norm.whole = False
        for ghost, rank, ranks in ghosts:
            ghost.rank, ghost.ranks = rank, ranks
