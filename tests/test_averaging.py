"""The moving average against torch's AveragedModel, and what every kind of average keeps."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils._python_dispatch import TorchDispatchMode

from engine.averaging import Averaging, build_averaging
from engine.contract.catalog import Part, catalog
from engine.contract.errors import BadInput
from engine.contract.recipe import Choice

every_average = pytest.mark.parametrize("part", catalog().parts("averaging"), ids=lambda part: part.name)


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)).double()


def step(model: nn.Module, seed: int) -> None:
    """Move every parameter and every running statistic, as a training step does."""
    generator = torch.Generator().manual_seed(seed)
    model.train()(torch.randn(4, 3, 8, 8, dtype=torch.float64, generator=generator))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += torch.randn(parameter.shape, dtype=torch.float64, generator=generator)


def ema(model: nn.Module, **options: float) -> Averaging:
    return build_averaging(Choice(name="ema", **options), model)


def assert_same(a: nn.Module, b: nn.Module, **tolerance: float) -> None:
    mine, theirs = a.state_dict(), b.state_dict()
    assert mine.keys() == theirs.keys()
    for name, value in mine.items():
        torch.testing.assert_close(value, theirs[name], **tolerance, msg=lambda text, name=name: f"{name}: {text}")


def test_it_equals_torchs_average_of_parameters_and_statistics() -> None:
    model = net()
    average = ema(model, decay=0.9, warmup=False)
    reference = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)
    reference.update_parameters(model)  # its first call copies
    for seed in range(12):
        step(model, seed)
        average.update()
        reference.update_parameters(model)
    floats = {name: value for name, value in reference.module.state_dict().items() if value.is_floating_point()}
    for name, value in average.model.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value, floats[name], rtol=1e-12, atol=1e-14)
        else:
            assert torch.equal(value, model.state_dict()[name]), "integer buffers are copied"


def test_warming_up_it_forgets_the_start_at_one_plus_t_over_ten_plus_t() -> None:
    model = net()
    average = ema(model, decay=0.6, warmup=True)
    want = model[4].bias.detach().clone()
    for t in range(1, 30):
        step(model, t)
        average.update()
        decay = min(0.6, (1 + t) / (10 + t))
        want = decay * want + (1 - decay) * model[4].bias.detach()
    torch.testing.assert_close(average.model[4].bias, want, rtol=1e-12, atol=1e-14)
    assert (1 + 12) / (10 + 12) < 0.6 < (1 + 13) / (10 + 13), "both branches were taken"


def test_every_third_step_has_the_same_memory() -> None:
    """Where the weights stand still between updates, every = 3 and every = 1 are the same average."""
    sparse, dense = net(), net()
    third, each = ema(sparse, decay=0.8, warmup=False, every=3), ema(dense, decay=0.8, warmup=False)
    for i in range(12):
        if i % 3 == 0:
            step(sparse, i)
            step(dense, i)
        third.update()
        each.update()
        if i % 3 == 2:
            assert_same(third.model, each.model, rtol=1e-12, atol=1e-14)
    step(sparse, 99)
    before = copy.deepcopy(third.model)
    third.update()
    assert_same(third.model, before, rtol=0, atol=0)


@every_average
def test_a_saved_average_goes_on_bit_for_bit(part: Part) -> None:
    choice = Choice(name=part.name, **part.defaults)
    model = net()
    whole = build_averaging(choice, model)
    for seed in range(3):
        step(model, seed)
        whole.update()
    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "average": whole.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    other = net()
    other.load_state_dict(saved["model"])
    again = build_averaging(choice, other)
    again.load_state_dict(saved["average"])
    for seed in range(3, 6):
        step(model, seed)
        step(other, seed)
        whole.update()
        again.update()
    assert_same(whole.model, again.model, rtol=0, atol=0)


@every_average
def test_averaging_does_not_touch_the_model_in_training(part: Part) -> None:
    watched, alone = net(), net()
    average = build_averaging(Choice(name=part.name, **part.defaults), watched)
    for seed in range(3):
        step(watched, seed)
        step(alone, seed)
        average.update()
    assert_same(watched, alone, rtol=0, atol=0)
    assert watched.training and all(p.requires_grad for p in watched.parameters())


@every_average
def test_an_update_reads_nothing_back_and_keeps_the_layout(part: Part) -> None:
    class NoHostRead(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            assert func is not torch.ops.aten._local_scalar_dense.default
            return func(*args, **(kwargs or {}))

    model = net().to(memory_format=torch.channels_last)
    average = build_averaging(Choice(name=part.name, **part.defaults), model)
    step(model, 0)
    with NoHostRead():
        average.update()
    assert average.model[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_the_average_is_a_model_of_its_own_for_evaluation() -> None:
    model = net()
    average = ema(model)
    assert average.weights == "ema" and not average.model.training
    assert not any(p.requires_grad for p in average.model.parameters())
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    assert torch.equal(pickle.loads(pickle.dumps(average.model))(x), average.model(x))


def test_off_is_the_model_in_training() -> None:
    model = net()
    off = build_averaging(Choice(name="off"), model)
    assert off.model is model and off.weights == "raw" and off.state_dict() == {}


def test_an_unknown_average_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="unknown averaging 'emma'; did you mean ema"):
        build_averaging(Choice(name="emma"), net())
