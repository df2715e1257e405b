"""Augmentation on a GPU: what the CPU makes, and no waiting."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from engine.augment.pipeline import Pipeline
from engine.contract.recipe.catalog import Part, catalog
from engine.contract.recipe.schema import Choice

pytestmark = pytest.mark.gpu
CUDA = torch.device("cuda")
JITTER = Choice(name="color_jitter", brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)
MIX = Choice(name="choice", of=(Choice(name="cutmix"), Choice(name="mixup")))
EVERYTHING = (Choice(name="random_crop", fill="reflect"), Choice(name="horizontal_flip"), JITTER, MIX)


def pipeline(*ops: Choice, compile: bool = False, say: Callable[[str], None] = print) -> Pipeline:
    return Pipeline(
        ops, seed=7, mean=(0.49, 0.48, 0.45), std=(0.25, 0.24, 0.26), num_classes=10, compile=compile, say=say
    )


def batch(n: int) -> tuple[Tensor, Tensor]:
    pixels = torch.randint(0, 256, (n, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return pixels.permute(0, 3, 1, 2), torch.arange(n) % 10


def single(part: Part) -> Choice:
    nested = {param.name: (Choice(name="cutmix"), Choice(name="mixup")) for param in part.params if param.required}
    return Choice(name=part.name, **part.defaults | nested)


@pytest.fixture
def no_waiting() -> Iterator[Callable[[], None]]:
    """Call it when everything is warm: from then on, a wait for the device is an error."""
    torch.cuda.synchronize()
    yield lambda: torch.cuda.set_sync_debug_mode("error")
    torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("part", catalog().parts("op"), ids=lambda part: part.name)
@pytest.mark.parametrize("n", [1, 7, 64])
def test_gpu_equals_cpu_for_every_op(part: Part, n: int) -> None:
    used = pipeline(single(part))
    x, labels = batch(n)
    for step in range(3):
        own = used(x, labels, 0, step)
        theirs = used(x.to(CUDA), labels.to(CUDA), 0, step)
        for a, b in zip(own, theirs, strict=True):
            torch.testing.assert_close(a, b.cpu(), atol=2e-5, rtol=0)
        assert theirs[0].is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("part", catalog().parts("op"), ids=lambda part: part.name)
def test_no_op_waits_for_the_gpu(no_waiting: Callable[[], None], part: Part) -> None:
    used = pipeline(single(part))
    x, labels = (tensor.to(CUDA) for tensor in batch(64))
    used(x, labels, 0, 0)
    no_waiting()
    for step in range(5):
        used(x, labels, 0, step)


@pytest.mark.parametrize("compile", [False, True])
def test_a_batch_never_waits_for_the_gpu(no_waiting: Callable[[], None], compile: bool) -> None:
    said: list[str] = []
    mixers = (Choice(name="cutmix", per="batch"), Choice(name="mixup", per="batch"))
    per_batch = Choice(name="choice", of=mixers, per="batch")
    used = pipeline(*EVERYTHING[:3], per_batch, compile=compile, say=said.append)
    x, labels = (tensor.to(CUDA) for tensor in batch(64))
    for step in range(12):  # both members are seen, compiled, and every constant is on the device
        used(x, labels, 0, step)
    no_waiting()
    for step in range(12):
        used(x, labels, 0, step)
    assert said == []


def test_groups_of_any_size_never_wait_for_the_gpu(no_waiting: Callable[[], None]) -> None:
    used = pipeline(*EVERYTHING)
    x, labels = (tensor.to(CUDA) for tensor in batch(16))
    used(x, labels, 0, 0)
    no_waiting()
    for step in range(20):
        used(x, labels, 0, step)


def test_a_draw_is_not_overwritten_while_its_copy_is_under_way() -> None:
    """Many steps are queued behind a slow kernel; each must still see its own parameters."""
    used = pipeline(Choice(name="random_crop"), Choice(name="horizontal_flip"))
    x, labels = batch(32)
    on_gpu = x.to(CUDA), labels.to(CUDA)
    big = torch.rand(4096, 4096, device=CUDA)
    for _ in range(20):
        big = (big @ big).clamp(0, 1)
    queued = [used(*on_gpu, 0, step)[0] for step in range(40)]
    for step, result in enumerate(queued):
        torch.testing.assert_close(result.cpu(), used(x, labels, 0, step)[0], atol=2e-5, rtol=0)


def test_compiled_equals_eager_on_the_gpu() -> None:
    compiled, eager = pipeline(*EVERYTHING, compile=True), pipeline(*EVERYTHING)
    x, labels = (tensor.to(CUDA) for tensor in batch(64))
    for step in range(3):
        for a, b in zip(compiled(x, labels, 0, step), eager(x, labels, 0, step), strict=True):
            torch.testing.assert_close(a, b, atol=2e-5, rtol=0)
