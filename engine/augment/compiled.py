"""`torch.compile` for augmentation kernels, falling back to eager execution where there is no compiler."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor

from engine.augment.op import Op, Params

P = ParamSpec("P")
R = TypeVar("R")


class Compiler:
    """Compiles kernels one by one; if one fails, it reports that once and runs all of them eagerly.

    Each op is a kernel of its own, rather than the whole pipeline: fused with the conversion from bytes to color
    planes, Inductor's color jitter took 10 us per image on CPU, and 1.5 us when compiled separately. A batch of another
    size compiles each kernel once more, then for any size.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._works = True

    def __call__(self, kernel: Callable[P, R]) -> Callable[P, R]:
        """The kernel, compiled at its first call if possible."""
        compiled: Callable[P, R] = torch.compile(kernel)

        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            if self._works:
                try:
                    return compiled(*args, **kwargs)
                except torch._dynamo.exc.TorchDynamoException as error:
                    self._works = False
                    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
                    self._say(f"augmentation runs uncompiled: {lines[0] if lines else type(error).__name__}")
            return kernel(*args, **kwargs)

        return run


class CompiledOp:
    """An op whose `apply` is compiled."""

    def __init__(self, op: Op, compiler: Compiler) -> None:
        self.draw = op.draw
        self._apply = compiler(op.apply)

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        return self._apply(x, y, params)
