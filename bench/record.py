"""A whole training by the record's own code: `python -m bench.record CHECKOUT [--data-dir DIR] [--seed N]`.

The code for 94 % with Muon is executed as it is on a GPU, except that one training is run instead of 200. On a CPU,
only the device and the precision change (see `bench.airbench.OnTheHost`), and nothing is compiled. The record's clock
counts training and the evaluation with test-time augmentation, but neither the plain tests after each epoch nor the
reading of the images. One line of JSON is printed: seconds by the record's clock and by the wall clock, and the
accuracy with and without test-time augmentation, in percent.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from bench.airbench import MUON, OnTheHost, definitions, record_file
from engine.contract.recipe.schema import DataConfig
from engine.data.load import Split, load


class HostClock:
    """What the record's code uses of `torch.cuda`, for the CPU, where nothing is asynchronous."""

    class Event:
        """A moment in time."""

        def __init__(self, enable_timing: bool) -> None:
            self._time = 0.0

        def record(self) -> None:
            """Take the time."""
            self._time = time.perf_counter()

        def elapsed_time(self, later: HostClock.Event) -> float:
            """Milliseconds between two moments."""
            return 1e3 * (later._time - self._time)

    @staticmethod
    def synchronize() -> None:
        """Wait for nothing."""


class Listening(ast.NodeTransformer):
    """Lets the record's `main` return its clock's seconds and the last plain accuracy as well."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if node.name == "main":
            *_, last = node.body
            if not (isinstance(last, ast.Return) and last.value is not None):
                raise ValueError("the record's main does not end in a return")
            last.value = ast.parse(f"({ast.unparse(last.value)}, val_acc, time_seconds)", mode="eval").body
        return node


def train(checkout: Path, data_dir: str, seed: int) -> dict[str, float]:
    """Train once, on a GPU if there is one.

    Raises:
        NoRecord: the checkout lacks the file.
        BadInput: CIFAR-10 is not in the data folder.
    """
    file, on_gpu = record_file(checkout, MUON), torch.cuda.is_available()
    module = definitions(file, Listening(), code="")
    if not on_gpu:
        module = definitions(file, _Both(Listening(), OnTheHost()), code="", host_clock=HostClock)
    with in_folder_with_images(data_dir), contextlib.redirect_stdout(sys.stderr):
        torch.manual_seed(seed)
        began = time.perf_counter()
        net = made(module, on_gpu)
        if on_gpu:
            module.main("warmup", net)
            torch.manual_seed(seed)
            began = time.perf_counter()
        averaged, plain, seconds = module.main(seed, net)
        wall = time.perf_counter() - began
    return {"seconds": seconds, "wall": wall, "tta": 100 * averaged, "plain": 100 * plain}


def made(module: ModuleType, on_gpu: bool) -> Any:
    """The net as the record's own last lines make it."""
    net = module.CifarNet()
    if on_gpu:
        net = net.cuda().to(memory_format=torch.channels_last)
        net.compile(mode="max-autotune")
        return net
    return net.to(memory_format=torch.channels_last)


class _Both(ast.NodeTransformer):
    """One transformer after the other."""

    def __init__(self, *transformers: ast.NodeTransformer) -> None:
        self._transformers = transformers

    def visit(self, node: ast.AST) -> Any:
        for transformer in self._transformers:
            node = transformer.visit(node)
        return node


@contextlib.contextmanager
def in_folder_with_images(data_dir: str) -> Iterator[None]:
    """Work in a temporary folder that holds CIFAR-10 in the record's format."""
    config = DataConfig(name="cifar10")
    data = load(config, data_dir, lambda *phase: None)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("cifar10").mkdir()
        for name, split in (("train", data.train), ("test", data.test)):
            torch.save(in_record_format(split, data.classes), f"cifar10/{name}.pt")
        del data
        yield


def in_record_format(split: Split, classes: tuple[str, ...]) -> dict[str, Any]:
    """Images (N, 32, 32, 3) and labels as the record's loader keeps them."""
    return {"images": split.images.permute(0, 2, 3, 1).contiguous(), "labels": split.labels, "classes": list(classes)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--data-dir", default="", help="folder with CIFAR-10; default: as in cifar-tui")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(json.dumps(train(given.checkout, given.data_dir, given.seed)))
