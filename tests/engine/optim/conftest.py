"""One thread for small batches, since two fight over a shared machine; and two equal nets on two paths."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.contract.recipe.schema import Choice
from engine.optim.build import build_optimizer
from engine.optim.param_groups import set_lr

STEPS = 30


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Twins:
    """Two equal nets with filters, a matrix and vectors, in fp64, so that only the formulas of their optimizers differ.

    `ours` lies in memory as in training (channels last), `theirs` as an oracle expects it.
    """

    def __init__(self) -> None:
        self.ours = self._net().to(memory_format=torch.channels_last)
        self.theirs = self._net()

    @staticmethod
    def _net() -> nn.Module:
        torch.manual_seed(1)
        layers = (nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.GELU(), nn.Conv2d(6, 60, 3, 2), nn.Flatten())
        return nn.Sequential(*layers, nn.Linear(240, 4)).double()

    @property
    def weights(self) -> list[nn.Parameter]:
        """The oracle's filters and matrices."""
        return [p for p in self.theirs.parameters() if p.ndim > 1]

    @property
    def vectors(self) -> list[nn.Parameter]:
        """The oracle's biases and norm weights."""
        return [p for p in self.theirs.parameters() if p.ndim <= 1]

    def closure(self, model: nn.Module, step: int) -> Callable[[], Tensor]:
        """Loss and gradients of a net on the batch of a step."""
        generator = torch.Generator().manual_seed(step)
        x = torch.randn(4, 3, 8, 8, generator=generator, dtype=torch.float64).to(next(model.parameters()).dtype)

        def run() -> Tensor:
            model.zero_grad()
            loss = (model(x) - torch.eye(4)).square().mean()
            loss.backward()
            return loss.detach()

        return run

    def walk(
        self,
        options: dict[str, Any],
        oracle: Callable[[Callable[[], Tensor], float], None],
        tol: float = 1e-9,
        factor: Callable[[float], float] = lambda progress: 1 - progress,
    ) -> None:
        """Build ours from `options` and take the same steps with both; the weights must agree after each.

        Args:
            oracle: takes a step on `theirs`, given the closure and the schedule's factor.
            tol: relative, and absolute.
            factor: of progress in [0, 1).
        """
        optimizer = build_optimizer(Choice(**options), self.ours)
        for step in range(STEPS):
            now = factor(step / STEPS)
            set_lr(optimizer, now)
            optimizer.step(self.closure(self.ours, step))
            oracle(self.closure(self.theirs, step), now)
            for (name, mine), other in zip(self.ours.named_parameters(), self.theirs.parameters(), strict=True):
                torch.testing.assert_close(
                    mine, other, rtol=tol, atol=tol, msg=lambda text, at=(step, name): f"{at}: {text}"
                )


@pytest.fixture
def twins() -> Twins:
    return Twins()


Step = Callable[[Callable[[], Tensor], float], None]


@pytest.fixture
def plainly() -> Callable[[torch.optim.Optimizer], Step]:
    """How an optimizer of torch's interface is an oracle: it moves its rates by the factor, then steps."""

    def oracle(optimizer: torch.optim.Optimizer) -> Step:
        peaks = [group["lr"] for group in optimizer.param_groups]

        def step(closure: Callable[[], Tensor], factor: float) -> None:
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * factor
            optimizer.step(closure)

        return step

    return oracle
