"""One thread for small batches (two fight over a shared machine and are slower than one), and transplants of weights."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def assert_same_logits() -> Callable[..., None]:
    """Give a model the weights of a reference, in the order in which both list them, and compare logits in fp64.

    `order` sorts the reference's names into the model's order where the two differ.
    """

    def check(
        model: nn.Module,
        reference: nn.Module,
        size: int = 32,
        *,
        training: bool = False,
        order: Callable[[list[str]], list[str]] = list,
    ) -> None:
        torch.manual_seed(0)
        for tensor in reference.state_dict().values():
            if tensor.is_floating_point():  # off the zeros and ones of a start, where a wrong place would not show
                tensor.add_(torch.rand_like(tensor) * 0.1)
        state, names = reference.state_dict(), list(model.state_dict())
        theirs = order(list(state))
        assert sorted(theirs) == sorted(state)
        model.load_state_dict({ours: state[name] for ours, name in zip(names, theirs, strict=True)}, strict=True)
        x = torch.randn(2, 3, size, size, dtype=torch.float64)
        with torch.no_grad():
            got, want = model.double().train(training)(x), reference.double().train(training)(x)
        torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-9)

    return check
