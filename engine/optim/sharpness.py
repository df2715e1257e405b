"""Sharpness-aware steps around any optimizer.

SAM: Foret et al. 2020, arXiv:2010.01412. ASAM: Kwon et al. 2021, arXiv:2102.11600. A step computes two gradients: one
at the current weights, which points to the highest loss within `rho`, and one at that point, which the optimizer then
applies to the old weights. Both passes see the same batch and the same random draws (for example of dropout), as in the
code of SAM's authors; the running statistics of batch norm are updated in the first pass only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from engine.randomness import rng_state, set_rng_state

Method = Literal["sam", "asam"]
Closure = Callable[[], Any]

RHO: Final[dict[Method, float]] = {"sam": 0.05, "asam": 0.5}  # the papers' values for CIFAR-10
TINY: Final = 1e-12  # a zero gradient has no direction


class SharpnessAware:
    """Makes every `step(closure)` of an optimizer sharpness-aware; the step returns the loss at the old weights.

    With gradients g and w the weights, the second gradient is taken at

        SAM:   w + rho * g / |g|                        ASAM:   w + rho * T^2 g / |T g|

    where the norms are over all parameters together. T is |w| + eta for parameters whose name contains "weight"
    (including those of norm layers, as in the authors' code) and 1 for all others, such as biases and tokens.

    The ascent follows the gradient of the closure, without the optimizer's weight decay. Clipping in the closure has no
    effect on the ascent, where only the direction matters, and clips the second gradient. In the first gradient,
    Shake-Shake and ShakeDrop keep their own backward pass, while SAM's authors use the true gradient.

    Args:
        rho: the radius of the neighborhood; 0 stands for the paper's (`RHO`).
        eta: the lower bound of T in ASAM, so that weights of zero can move.
    """

    def __init__(self, optimizer: Optimizer, model: nn.Module, method: Method, *, rho: float, eta: float) -> None:
        self._model = model
        self._method, self._rho, self._eta = method, rho or RHO[method], eta
        optimizer.register_step_pre_hook(self._sharpen)

    def _sharpen(self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        """Replace the closure that is passed to `step`."""
        closure = kwargs.get("closure") if len(args) < 2 else args[1]
        if closure is None:
            raise TypeError("a sharpness-aware step needs a closure, because it computes the gradient twice")
        return (optimizer, lambda: self._two_passes(closure)), {}

    def _two_passes(self, closure: Closure) -> Any:
        device = next(self._model.parameters()).device
        draws = rng_state(device)
        loss = closure()
        named = [(name, p) for name, p in self._model.named_parameters() if p.grad is not None]
        params = [parameter.detach() for _, parameter in named]
        before = [parameter.clone() for parameter in params]
        try:
            torch._foreach_add_(params, self._ascent(named))
            set_rng_state(draws, device)
            with frozen_statistics(self._model):
                closure()
        finally:
            torch._foreach_copy_(params, before)
        return loss

    @torch.no_grad()
    def _ascent(self, named: list[tuple[str, nn.Parameter]]) -> list[Tensor]:
        """The step to the highest loss in the neighborhood, one tensor per parameter."""
        grads = [parameter.grad.clone() for _, parameter in named if parameter.grad is not None]
        scaled = [i for i, (name, _) in enumerate(named) if self._method == "asam" and "weight" in name]
        chosen = [grads[i] for i in scaled]
        sizes = list(torch._foreach_abs([named[i][1] for i in scaled])) if scaled else []
        if scaled:
            torch._foreach_add_(sizes, self._eta)
            torch._foreach_mul_(chosen, sizes)
        norm = torch.nn.utils.get_total_norm(grads)
        if scaled:
            torch._foreach_mul_(chosen, sizes)
        torch._foreach_mul_(grads, self._rho / (norm + TINY))
        return grads


@contextmanager
def frozen_statistics(model: nn.Module) -> Iterator[None]:
    """Restore all buffers at the end of the block, so that running statistics do not change.

    Inside, batch norm still normalizes with the batch. Disabling its momentum instead would compile a compiled model
    twice, and would miss norm layers that are not torch's.
    """
    buffers = list(model.buffers())
    before = [buffer.clone() for buffer in buffers]
    try:
        yield
    finally:
        if buffers:
            torch._foreach_copy_(buffers, before)
