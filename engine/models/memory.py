"""The memory that training a model takes, counted from what autograd saves; needs neither data nor a GPU."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks
from torch.func import functional_call


@dataclass(frozen=True, slots=True)
class TensorMemory:
    """Bytes that training holds when the backward pass begins to turn activations into gradients.

    This is the part of the peak that can be counted; workspace of single kernels and the allocator's rounding are
    extra.
    """

    activations: int
    """What autograd saves in one forward pass; in bf16 including the bf16 copies of the weights."""
    weights: int
    """Parameters and buffers."""
    gradients: int
    optimizer: int
    """One momentum value per parameter."""

    @property
    def total(self) -> int:
        return self.activations + self.weights + self.gradients + self.optimizer


def count_memory(model: nn.Module, shape: tuple[int, ...], *, bf16: bool) -> TensorMemory:
    """Count the bytes that a training step with momentum holds, from what autograd saves in a forward pass.

    The pass runs on fake CPU tensors, which hold no data, because autocast has no effect on the meta device. Each
    storage counts once, however many operations save it, and weights that operations save are not counted again. A GPU
    saves nearly the same: its attention may save less, its norms under autocast more.
    """
    training = model.training
    states = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    with FakeTensorMode():
        fake = {name: _stand_in(tensor) for name, tensor in states.items()}
        weights = {_storage(tensor)._cdata: _storage(tensor).nbytes() for tensor in fake.values()}
        kept: dict[int, torch.UntypedStorage] = {}

        def keep(tensor: Tensor) -> int:
            storage = _storage(tensor)
            return kept.setdefault(storage._cdata, storage)._cdata

        try:
            with saved_tensors_hooks(keep, _never), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                functional_call(model.train(), fake, (torch.empty(shape, device="cpu"),))
        finally:
            model.train(training)
        trained = sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad)
        return TensorMemory(
            activations=sum(storage.nbytes() for at, storage in kept.items() if at not in weights),
            weights=sum(weights.values()),
            gradients=trained,
            optimizer=trained,
        )


def _stand_in(tensor: Tensor) -> Tensor:
    made = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="cpu")
    return made.requires_grad_(tensor.requires_grad)


def _storage(tensor: Tensor) -> torch.UntypedStorage:
    return tensor.untyped_storage()


def _never(_: int) -> Tensor:
    raise RuntimeError("only the forward pass is counted")
