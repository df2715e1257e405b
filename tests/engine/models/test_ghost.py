"""Ghost batch norm against torch's batch norm on one ghost batch after another."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Choice
from engine.models.build import build_model
from engine.models.ghost import GhostBatchNorm2d, use_ghost_batches


def images(batch: int = 12) -> Tensor:
    torch.manual_seed(0)
    return torch.randn(batch, 5, 4, 3, dtype=torch.float64) * 2 + 1


def norm(momentum: float | None = 0.3, affine: bool = True) -> nn.BatchNorm2d:
    torch.manual_seed(1)
    layer = nn.BatchNorm2d(5, eps=1e-3, momentum=momentum, affine=affine).double()
    for tensor in layer.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 2.0)
    return layer


def ghost(layer: nn.BatchNorm2d, size: int) -> nn.Module:
    model = nn.Sequential(copy.deepcopy(layer))
    assert use_ghost_batches(model, size) == 1
    return model[0]


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("momentum", [0.3, None])
@pytest.mark.parametrize("size, batch", [(4, 12), (12, 12), (5, 12), (64, 12)])
def test_it_is_torchs_batch_norm_on_consecutive_images(size: int, batch: int, momentum: float, affine: bool) -> None:
    by_hand, layer = norm(momentum, affine), ghost(norm(momentum, affine), size)
    for _ in range(2):  # running statistics that have moved already move on
        x, y = images(batch).requires_grad_(), images(batch).requires_grad_()
        want, got = torch.cat([by_hand(chunk) for chunk in x.split(size)]), layer(y)
        torch.testing.assert_close(got, want, rtol=1e-11, atol=1e-12)
        slope = torch.randn_like(want)
        want.backward(slope)
        got.backward(slope)
        torch.testing.assert_close(y.grad, x.grad, rtol=1e-9, atol=1e-11)
    for name, value in by_hand.state_dict().items():
        torch.testing.assert_close(layer.state_dict()[name], value, rtol=1e-12, atol=0, msg=name)
    for name, parameter in by_hand.named_parameters():
        torch.testing.assert_close(layer.get_parameter(name).grad, parameter.grad, rtol=1e-9, atol=1e-11)


def test_in_evaluation_it_is_torchs_batch_norm() -> None:
    layer = norm().eval()
    assert torch.equal(ghost(layer, 4)(images()), layer(images()))


def test_it_keeps_layout_and_type_and_computes_in_fp32() -> None:
    layer = ghost(norm(), 4).float()
    x = images().float().contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        low = layer(x.bfloat16())
    want = torch.cat([norm().float()(chunk.bfloat16().float()) for chunk in x.split(4)])
    assert low.dtype == torch.bfloat16
    assert low.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(low.float(), want, rtol=2**-8, atol=1e-6)
    assert layer.running_mean.dtype == torch.float32


def test_the_model_keeps_its_parameters_names_and_start() -> None:
    plain, ghosted = (
        build_model(Choice(name="resnet20", ghost_batch=size), num_classes=10, catalog=catalog())
        for size in (0, 4)
        for _ in [torch.manual_seed(0)]
    )
    kinds = [[type(module) for module in model.modules()] for model in (plain, ghosted)]
    assert kinds[0].count(nn.BatchNorm2d) == kinds[1].count(GhostBatchNorm2d) > 0
    assert nn.BatchNorm2d not in kinds[1]
    assert [name for name, _ in plain.named_parameters()] == [name for name, _ in ghosted.named_parameters()]
    mine, theirs = ghosted.state_dict(), plain.state_dict()
    assert list(mine) == list(theirs) and all(torch.equal(mine[name], theirs[name]) for name in mine)


@pytest.mark.parametrize("momentum", [0.3, None])
def test_a_step_reads_nothing_back_from_the_device(momentum: float | None) -> None:
    class NoHostRead(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            assert func is not torch.ops.aten._local_scalar_dense.default
            return func(*args, **(kwargs or {}))

    layer, x = ghost(norm(momentum), 5), images()
    with NoHostRead():
        layer(x).sum().backward()


def test_it_compiles_into_one_graph() -> None:
    torch.compiler.reset()
    layer = ghost(norm(), 4)
    again = copy.deepcopy(layer)
    compiled = torch.compile(again, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(images()), layer(images()))
    torch.testing.assert_close(again.running_var, layer.running_var)


def test_a_single_value_per_channel_is_refused_like_torch_does() -> None:
    with pytest.raises(ValueError, match="one value per channel"):
        ghost(norm(), 4)(torch.randn(9, 5, 1, 1, dtype=torch.float64))


def test_a_model_without_batch_norm_says_so() -> None:
    with pytest.raises(BadInput, match=r"model\.ghost_batch: lenet has no batch norm"):
        build_model(Choice(name="lenet", ghost_batch=8), num_classes=10, catalog=catalog())
