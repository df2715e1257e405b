"""Batches and the way from drawn arrays to tensors that every test of an op takes."""

import re
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision.transforms import autoaugment

from engine.augment.draws import Draws
from engine.augment.op import Arrays
from engine.augment.passes import OPERATIONS
from engine.augment.pipeline import Pipeline
from engine.contract.recipe.schema import Choice

A = torch.ops.aten
WAITS = {
    A._local_scalar_dense.default,
    A.nonzero.default,
    A.masked_select.default,
    A.is_nonzero.default,
    A.equal.default,
    A._unique2.default,
    A.repeat_interleave.Tensor,
}


class NoWaiting(TorchDispatchMode):
    """Fails on every operation that makes the host wait for a GPU."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        masks = func in (A.index.Tensor, A.index_put.default, A.index_put_.default) and any(
            index is not None and index.dtype in (torch.bool, torch.uint8) for index in args[1]
        )
        assert func not in WAITS and not masks, f"{func} waits for the device"
        return func(*args, **(kwargs or {}))


@pytest.fixture
def no_waiting() -> type[NoWaiting]:
    """A context in which every operation that waits for the device fails."""
    return NoWaiting


@pytest.fixture
def pictures() -> Callable[..., Tensor]:
    """Random uint8 images (n, 3, 32, 32), channels-last as the data set keeps them."""

    def make(n: int, seed: int = 0) -> Tensor:
        pixels = torch.randint(0, 256, (n, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
        # a grey, a black and a white image, and one of pure colours: where hue and saturation have their edge cases
        for i, rows in enumerate((pixels[:1, :, :, :1].expand(1, 32, 32, 3), 0, 255, pixels[3:4] // 128 * 255)):
            pixels[i : i + 1] = torch.as_tensor(rows)
        return pixels.permute(0, 3, 1, 2)

    return make


@pytest.fixture
def on_cpu() -> Callable[[Arrays], dict[str, Tensor]]:
    """Drawn arrays as the tensors that `apply` gets."""
    return lambda arrays: Draws([arrays]).on(torch.device("cpu"))[0]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def pipeline() -> Callable[..., Pipeline]:
    """A pipeline of ops, each given by name or as (name, options)."""

    def choice(op: object) -> Choice:
        if isinstance(op, str):
            return Choice(name=op)
        name, options = op  # type: ignore[misc]
        inner = {key: tuple(map(choice, value)) for key, value in options.items() if key == "of"}
        return Choice(name=name, **(options | inner))

    def make(*ops: object, **options: object) -> Pipeline:
        usual = {"seed": 7, "mean": (0.49, 0.48, 0.45), "std": (0.25, 0.24, 0.26), "num_classes": 10}
        return Pipeline([choice(op) for op in ops], **(usual | options))

    return make


@pytest.fixture
def ours() -> Callable[[str], str]:
    """Our name of a torchvision operation: ShearX is shear_x, AutoContrast is autocontrast."""
    return lambda name: re.sub("(?<=[a-z])(?=[XY])", "_", name).lower()


@pytest.fixture
def planned_pairs(monkeypatch) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """The operations that a policy draws for n images, and their amounts, each (depth, n)."""

    def draw(op, rng, n):
        seen = []
        monkeypatch.setattr(op._passes, "plan", lambda codes, amount, *rest, **more: seen.append((codes, amount)) or {})
        op.draw(rng, n, 32)
        return seen[0]

    return draw


@pytest.fixture
def planned(planned_pairs) -> Callable[..., Counter]:
    """How often a policy draws each (operation, amount) for n images."""

    def count(op, rng, n):
        codes, amount = (values.ravel() for values in planned_pairs(op, rng, n))
        drawn = zip((OPERATIONS[code] for code in codes), np.round(amount, 3).tolist(), strict=True)
        return Counter((name, strength if name != "identity" else 0.0) for name, strength in drawn)

    return count


@pytest.fixture
def applied(monkeypatch, ours) -> Callable[..., Counter]:
    """How often torchvision's policy applies each (operation, amount) to n images, `depth` operations each."""

    def count(transform, n, depth):
        seen = []

        def note(image, name, magnitude, **rest):
            seen.append((ours(name), round(float(magnitude), 3)))
            return image

        monkeypatch.setattr(autoaugment, "_apply_op", note)
        torch.manual_seed(0)
        for _ in range(n):
            transform(torch.zeros(3, 32, 32, dtype=torch.uint8))
        return Counter(seen) + Counter({("identity", 0.0): n * depth - len(seen)})

    return count
