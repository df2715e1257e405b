"""Averages against torch's AveragedModel, and what every kind of average keeps."""

import contextlib
import copy
import io
import pickle
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn
from torch.utils._python_dispatch import TorchDispatchMode

from engine.averaging import Averaging, build_averaging, take_statistics
from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Part, catalog
from engine.contract.recipe.schema import Choice
from engine.models.ghost import use_ghost_batches

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


def swa(model: nn.Module, epochs: int = 4, steps: int = 3, **options: float) -> Averaging:
    options = {"start": 0.5, "every": 1.0} | options
    return build_averaging(Choice(name="swa", **options), model, epochs=epochs, steps=steps)


def some_batches(count: int = 3) -> Iterator[torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    for _ in range(count):
        yield 3 + 2 * torch.randn(6, 3, 8, 8, dtype=torch.float64, generator=generator)


def plainly() -> torch.autocast:
    return torch.autocast("cpu", enabled=False)


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
    choice, length = Choice(name=part.name, **part.defaults), {"epochs": 6, "steps": 1}
    model = net()
    whole = build_averaging(choice, model, **length)
    for seed in range(3):
        step(model, seed)
        whole.update()
    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "average": whole.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    other = net()
    other.load_state_dict(saved["model"])
    again = build_averaging(choice, other, **length)
    again.load_state_dict(saved["average"])
    for seed in range(3, 6):
        step(model, seed)
        step(other, seed)
        whole.update()
        again.update()
        assert again.weights == whole.weights
        assert_same(whole.model, again.model, rtol=0, atol=0)


@every_average
def test_averaging_does_not_touch_the_model_in_training(part: Part) -> None:
    watched, alone = net(), net()
    average = build_averaging(Choice(name=part.name, **part.defaults), watched, epochs=3)
    for seed in range(3):
        step(watched, seed)
        step(alone, seed)
        average.update()
        average.settle(some_batches(), plainly)
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


def test_swa_is_torchs_equal_average_of_the_weights_after_each_of_the_last_epochs() -> None:
    model = net()
    average, reference = swa(model, epochs=8, steps=3), AveragedModel(model, use_buffers=True)
    for i in range(1, 25):
        step(model, i)
        average.update()
        if i >= 12 and i % 3 == 0:
            reference.update_parameters(model)
        assert (average.weights, average.model is model) == (("swa", False) if i >= 12 else ("raw", True))
    assert int(reference.n_averaged) == 5
    for name, value in average.model.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value, reference.module.state_dict()[name], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "start, every, taken",
    [(0.5, 1.0, [6, 9, 12]), (0.75, 2.0, [12]), (0.0, 2.0, [6, 12]), (0.9, 0.4, [11, 12]), (0.99, 1.0, [12])],
)
def test_swa_counts_back_from_the_last_step(start: float, every: float, taken: list[int]) -> None:
    model = net()
    average = swa(model, start=start, every=every)
    weights = []
    for i in range(1, 13):
        step(model, i)
        average.update()
        if i in taken:
            weights.append(model[4].bias.detach().clone())
    torch.testing.assert_close(average.model[4].bias, torch.stack(weights).mean(0), rtol=1e-12, atol=1e-14)


def test_settling_takes_the_statistics_that_torchs_update_bn_takes() -> None:
    model = net()
    average = swa(model, epochs=1, steps=1)
    step(model, 0)
    average.update()
    reference = copy.deepcopy(average.model)
    update_bn(some_batches(), reference)
    average.settle(some_batches(), plainly)
    assert_same(average.model, reference, rtol=1e-12, atol=1e-14)
    assert not average.model.training and not average.model[1].training and average.model[1].momentum == 0.1


def test_settling_twice_asks_for_images_once_and_again_after_an_update() -> None:
    model = net()
    average = swa(model, epochs=2, steps=1, start=0.0)
    asked = []

    def batches() -> Iterator[torch.Tensor]:
        asked.append(len(asked))
        yield from some_batches()

    average.settle(batches(), plainly)
    assert not asked, "before the first average there is nothing to settle"
    for updates in (1, 2):
        step(model, updates)
        average.update()
        for _ in range(2):
            average.settle(batches(), plainly)
        assert len(asked) == updates


def test_a_settling_that_was_cut_short_is_done_anew() -> None:
    def cut_short() -> Iterator[torch.Tensor]:
        yield from some_batches(1)
        raise InterruptedError

    model = net()
    average, other = swa(model, epochs=1, steps=1), swa(model, epochs=1, steps=1)
    step(model, 0)
    average.update()
    other.update()
    with contextlib.suppress(InterruptedError):
        average.settle(cut_short(), plainly)
    assert average.model[1].momentum == 0.1 and not average.model[1].training
    average.settle(some_batches(), plainly)
    other.settle(some_batches(), plainly)
    assert_same(average.model, other.model, rtol=0, atol=0)


def ghosts() -> nn.Module:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).double()
    use_ghost_batches(model, 2)
    return model


@pytest.mark.parametrize("make", [net, ghosts], ids=["batch norm", "ghost batch norm"])
def test_statistics_are_means_over_the_batches_and_nothing_is_drawn(make: Callable[[], nn.Module]) -> None:
    model = nn.Sequential(nn.Dropout(0.5), make()).eval()
    before = torch.get_rng_state()
    take_statistics(model, some_batches(), plainly)
    assert torch.equal(torch.get_rng_state(), before)
    maps = [model[1][0](images) for images in some_batches()]
    chunks = [chunk for images in maps for chunk in images.split(2 if make is ghosts else 6)]
    torch.testing.assert_close(model[1][1].running_mean, torch.stack([c.mean((0, 2, 3)) for c in chunks]).mean(0))
    torch.testing.assert_close(model[1][1].running_var, torch.stack([c.var((0, 2, 3)) for c in chunks]).mean(0))


def test_off_is_the_model_in_training() -> None:
    model = net()
    off = build_averaging(Choice(name="off"), model)
    assert off.model is model and off.weights == "raw" and off.state_dict() == {}


def test_an_unknown_average_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="unknown averaging 'emma'; did you mean ema"):
        build_averaging(Choice(name="emma"), net())
