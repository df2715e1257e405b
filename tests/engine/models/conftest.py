"""One thread for small batches (two fight over a shared machine and are slower than one), and transplants of weights."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn


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


@pytest.fixture
def transplant() -> Callable[..., None]:
    """`transplant(ours, theirs, size=16)`: the same weights give the same outputs, in training and in evaluation."""
    return same_outputs


def same_outputs(ours: nn.Module, theirs: nn.Module, *inputs: Tensor, size: int = 16) -> None:
    """Give `ours` the weights of `theirs`, layer by layer in the order of execution, and compare what both put out.

    Args:
        inputs: of both nets; random images of `size` px unless given.
    """
    torch.manual_seed(0)
    inputs = inputs or (torch.randn(2, 3, size, size),)
    shake(theirs)
    for module in [*ours.modules(), *theirs.modules()]:
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-5
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = 0.0
    sources, targets = layers(theirs, inputs), layers(ours, inputs)
    assert len(sources) == len(targets) == sum(1 for m in ours.modules() if list(m.parameters(recurse=False)))
    for target, source in zip(targets, sources, strict=True):
        state = source.state_dict()
        assert state.keys() == target.state_dict().keys()
        target.load_state_dict({name: state[name].view_as(mine) for name, mine in target.state_dict().items()})

    inputs = tuple(x.double() for x in inputs)
    for training in (False, True):
        with torch.no_grad():
            want, got = (net.double().train(training)(*inputs) for net in (theirs, ours))
        torch.testing.assert_close(got, want, rtol=0, atol=1e-7 * float(want.abs().max()))


def shake(model: nn.Module) -> None:
    """Norms with numbers of their own, so that a swapped or missing one shows."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, 0.2)
            nn.init.normal_(module.bias, 0, 0.2)
            nn.init.normal_(module.running_mean, 0, 0.2)
            nn.init.uniform_(module.running_var, 0.8, 1.25)


def layers(model: nn.Module, inputs: tuple[Tensor, ...]) -> list[nn.Module]:
    """Modules that own parameters, in the order in which they first run."""
    ran: dict[nn.Module, None] = {}
    hooks = [
        module.register_forward_pre_hook(lambda module, _: ran.update({module: None}))
        for module in model.modules()
        if list(module.parameters(recurse=False))
    ]
    with torch.no_grad():
        model.eval()(*inputs)
    for hook in hooks:
        hook.remove()
    return list(ran)
