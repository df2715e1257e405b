"""Sequences of operations: the right image goes through the right ones, in order, with its own amounts."""

import numpy as np
import pytest
import torch

from engine.augment import affine
from engine.augment.passes import CODES, KERNEL_OPERATIONS, OPERATIONS, TONES, Passes, amounts, arguments

LEVELS = amounts(10, shear=0.3, shift=14.5, turn=30, blend=0.9, bits=(8, 4))


def one_by_one(x, codes, amount, on_cpu):
    """The same, each image alone and one operation after another."""
    images = []
    for i in range(codes.shape[1]):
        image = x[i : i + 1]
        for code, strength in zip(codes[:, i], amount[:, i], strict=True):
            kernel = next(kernel for kernel, names in KERNEL_OPERATIONS.items() if OPERATIONS[code] in names)
            if kernel != "identity":
                rows = on_cpu({"rows": arguments(OPERATIONS[code], strength[None], 32)})["rows"]
                image = TONES[kernel](image, rows) if kernel != "move" else affine.nearest(image, rows, 9)
        images.append(image)
    return torch.cat(images)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_every_image_goes_through_its_own_operations_in_order(pictures, on_cpu, rng, depth):
    x = pictures(60)
    codes = np.stack([rng.permutation(np.arange(60) % len(OPERATIONS)) for _ in range(depth)])
    amount = np.stack([LEVELS[name] for name in OPERATIONS])[codes, rng.integers(1, 10, codes.shape)]
    passes = Passes(depth, fill=9, interpolation="nearest")
    out = passes.apply(x, on_cpu(passes.plan(codes, amount, 32)))
    assert torch.equal(out, one_by_one(x, codes, amount, on_cpu))
    assert out.permute(0, 2, 3, 1).is_contiguous()


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_batch_may_draw_one_operation_alone(pictures, on_cpu, name):
    x, codes = pictures(5), np.full((1, 5), CODES[name])
    amount = np.full((1, 5), LEVELS[name][6])
    passes = Passes(1, fill=9, interpolation="nearest")
    assert torch.equal(passes.apply(x, on_cpu(passes.plan(codes, amount, 32))), one_by_one(x, codes, amount, on_cpu))


def test_chains_may_start_from_one_image(pictures, on_cpu):
    x, codes = pictures(4), np.full((1, 8), CODES["identity"])
    passes = Passes(1, fill=0, interpolation="nearest")
    out = passes.apply(x, on_cpu(passes.plan(codes, np.zeros((1, 8)), 32, images=np.tile(np.arange(4), 2))))
    assert torch.equal(out, torch.cat((x, x)))


def test_floats_are_taken_as_the_bytes_they_stand_for(pictures, on_cpu, rng):
    x, codes = pictures(30), np.arange(30)[None] % len(OPERATIONS)
    amount = np.stack([LEVELS[name] for name in OPERATIONS])[codes, 5]
    passes = Passes(1, fill=128, interpolation="nearest")
    params = on_cpu(passes.plan(codes, amount, 32))
    floats = passes.apply(x.float().div(255), params)
    torch.testing.assert_close(floats, passes.apply(x, params).float().div(255))


def test_one_gather_a_pass_and_no_other_reordering(pictures, on_cpu, rng):
    """What a pass draws lies in as many arrays as kernels run."""
    codes = np.array([[CODES["rotate"], CODES["shear_x"], CODES["identity"], CODES["invert"], CODES["solarize"]]])
    drawn = Passes(1, fill=0, interpolation="nearest").plan(codes, np.full((1, 5), 0.2), 32)
    assert set(drawn) == {"0.from", "0.move", "0.solarize", "to"}
    assert (len(drawn["0.move"]), len(drawn["0.solarize"])) == (2, 2)
