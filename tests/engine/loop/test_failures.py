"""What a run says about the exception that ended it, and what it suggests when GPU memory runs out."""

import pytest
import torch

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.overrides import apply_set
from engine.contract.recipe.resolve import resolve
from engine.contract.run.events import System
from engine.data.archives import DataError
from engine.loop import failures
from engine.loop.observe import Diverged


def test_out_of_gpu_memory_is_told_with_who_holds_what_and_what_helps(make, monkeypatch):
    class Sampler:
        def sample(self):
            others = [{"user": "ada", "name": "python", "bytes": 17_200_000_000}]
            return System(gpus=[{"uuid": "GPU-1", "memory_others": 17.5e9, "memory_total": 24e9, "others": others}])

    failed = failures.describe(torch.OutOfMemoryError("CUDA out of memory"), make(batch_size=128).recipe, Sampler())
    assert failed.reason == "gpu_memory"
    assert "other processes hold 17.5 GB of 24 GB (ada: python 17.2 GB)" in failed.message
    assert "128 images at once; --set compute.accumulate=2 reduces that to 64" in failed.message


def test_a_rank_looks_at_its_own_gpu_and_at_its_share_of_the_batch(make):
    class Sampler:
        def sample(self):
            held = {"a": ("ada", 1e9), "b": ("bob", 18e9)}
            return System(
                gpus=[
                    {
                        "uuid": uuid,
                        "memory_others": size,
                        "memory_total": 24e9,
                        "others": [{"user": user, "name": "python", "bytes": size}],
                    }
                    for uuid, (user, size) in held.items()
                ]
            )

    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 1 has 3 GiB free.")
    recipe = make(batch_size=128).recipe
    said = failures.describe(error, recipe, Sampler(), gpu="b", ranks=2).message
    assert "other processes hold 18 GB of 24 GB (bob: python 18 GB)" in said and "ada" not in said
    assert "each GPU processes 64 images at once; --set compute.accumulate=4 reduces that to 16" in said
    assert "other processes hold 1 GB of 24 GB" in failures.describe(error, recipe, Sampler(), gpu="a", ranks=2).message


@pytest.mark.parametrize(
    ("sets", "need", "room", "said"),
    [
        ((), 20e9, 0.0, "128 images at once; --set compute.accumulate=2 reduces that to 64"),
        ((), 20e9, 24e9, "--set compute.accumulate=2 reduces that to 64, which needs about 10 GB"),
        ((), 20e9, 6e9, "--set compute.accumulate=4 reduces that to 32, which needs about 5 GB"),
        ((), 20e9, 5.5e9, "--set compute.accumulate=8 reduces that to 16, which needs about 2.5 GB"),  # some stays free
        (("compute.accumulate=4",), 20e9, 8e9, "32 images at once; --set compute.accumulate=16 reduces that to 8"),
        (("model.ghost_batch=32",), 20e9, 6e9, "--set compute.accumulate=4 reduces that to 32"),
        (("model.ghost_batch=64",), 20e9, 6e9, "no smaller part of the batch fits; --wait-free 20"),
        ((), 20e9, 1e8, "no smaller part of the batch fits; --wait-free 20 waits for more free memory"),
        (("model.ghost_batch=128",), 20e9, 0.0, "128 images at once; a smaller --batch-size needs less"),
        (("batch_size=1",), 20e9, 0.0, "it processes 1 image at once"),
    ],
)
def test_a_batch_that_should_fit_is_computed(make, sets, need, room, said):
    table = make(batch_size=128).recipe.to_table()
    for text in sets:
        table = apply_set(table, text)
    assert said in failures.advice(resolve(table, catalog()), need, room)


def test_what_could_not_be_had_counts_as_needed(make, monkeypatch):
    class Sampler:
        def sample(self):
            return System(gpus=[{"uuid": "GPU-1", "memory_others": 4e9, "memory_total": 24e9, "others": []}])

    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has 3 GiB free.")
    said = failures.describe(error, make(batch_size=128).recipe, Sampler()).message
    assert "--set compute.accumulate=2 reduces that to 64, which needs about 10.7 GB" in said


CPU_ALLOCATOR = "[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory: you tried to allocate"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "reduces that to 64, which needs about 7 GB"),
        (
            RuntimeError(f"{CPU_ALLOCATOR} 20000000000 bytes. Error code 12"),
            "reduces that to 32, which needs about 8.5 GB",
        ),
        (RuntimeError(f"{CPU_ALLOCATOR} 90000000000000 bytes."), "a smaller --batch-size needs less memory"),
    ],
)
def test_out_of_host_memory_is_told_with_what_is_free_and_a_batch_that_should_fit(make, error, said):
    class Sampler:
        def sample(self):
            return System(ram_ours=14e9, ram_used=15e9, ram_total=16e9)

    failed = failures.describe(error, make(batch_size=128).recipe, Sampler())
    assert failed.reason == "out_of_memory"
    assert "this run uses 14 GB, and 1 GB of 16 GB are free" in failed.message
    assert "it processes 128 images at once" in failed.message and said in failed.message
    assert "--wait-free" not in failed.message


def test_out_of_memory_of_an_apple_gpu_names_a_smaller_batch(make):
    error = RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)")
    message = failures.describe(error, make(batch_size=128).recipe, None).message
    assert message.endswith("128 images at once; --set compute.accumulate=2 reduces that to 64")


@pytest.mark.parametrize(
    "error, reason, said",
    [
        (BadInput(["a", "b"]), "bad_input", "a; b"),
        (DataError("no cifar"), "data", "no cifar"),
        (Diverged(3, 7, float("nan"), 0.1), "diverged", "epoch 3, step 7"),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"), "gpu_memory", "MPS allocated"),
        (OSError(28, "No space left on device"), "disk_full", "No space left"),
        (OSError(5, "Input/output error"), "traceback", "Input/output error"),
        (MemoryError(), "out_of_memory", "memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "out_of_memory", "allocate"),
        (ValueError("first\nsecond"), "traceback", "ValueError: first"),
        (AssertionError(), "traceback", "AssertionError"),
    ],
)
def test_every_exception_has_its_reason(error, reason, said):
    failed = failures.describe(error, None, None)
    assert failed.reason == reason
    assert said in failed.message
    assert reason != "traceback" or type(error).__name__ in failed.detail
