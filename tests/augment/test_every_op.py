"""What holds for every registered op, those of later files included."""

import inspect

import numpy as np
import pytest
import torch

from engine.augment.geometry import HorizontalFlip
from engine.augment.mix import CutMix, Mixup
from engine.contract.catalog import catalog

PARTS = catalog().parts("op")


def build(part):
    nested = {param.name: [CutMix(), Mixup()] for param in part.params if param.type == "list[Op]"}
    return catalog().load(part)(**nested)


def test_the_five_ops_and_the_combinators_are_registered():
    names = {part.name for part in PARTS}
    assert names >= {"random_crop", "horizontal_flip", "color_jitter", "mixup", "cutmix", "choice", "with_probability"}


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_marks_say_where_an_op_runs(part):
    combines = any(param.type == "list[Op]" for param in part.params)
    assert part.meta.get("stage") in ((None,) if combines else ("image", "batch"))
    assert part.summary.endswith(".")


@pytest.mark.parametrize("n", [1, 2, 3, 7, 16])
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_op_keeps_shape_dtype_and_total_target(part, n, on_cpu):
    op = build(part)
    dtypes = [torch.uint8, torch.float32] if part.meta.get("geometry") else [torch.float32]
    for dtype in dtypes:
        x = (torch.rand(n, 3, 32, 32) * (255 if dtype == torch.uint8 else 1)).to(dtype)
        y = torch.eye(10)[torch.arange(n) % 10]
        out, targets = op.apply(x, y, on_cpu(op.draw(np.random.default_rng(n), n, 32)))
        assert (out.shape, out.dtype) == (x.shape, x.dtype)
        assert (targets.shape, targets.dtype) == (y.shape, y.dtype)
        assert torch.isfinite(out.float()).all()
        torch.testing.assert_close(targets.sum(1), torch.ones(n))


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_apply_never_waits_for_the_device(part, on_cpu, no_waiting):
    op = build(part)
    params = on_cpu(op.draw(np.random.default_rng(0), 16, 32))
    with no_waiting():
        op.apply(torch.rand(16, 3, 32, 32), torch.eye(16), params)


def test_the_guard_against_waiting_sees_a_wait(no_waiting):
    x = torch.rand(4)
    for wait in (lambda: x[0].item(), lambda: x[x > 0.5], lambda: x.nonzero(), lambda: bool(x.max() > 0)):
        with pytest.raises(AssertionError, match="waits for the device"), no_waiting():
            wait()


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_draws_repeat_with_the_generator(part):
    op = build(part)
    first, again, other = (op.draw(np.random.default_rng(seed), 64, 32) for seed in (1, 1, 2))
    assert first.keys() == again.keys()
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert first.keys() != other.keys() or any(not np.array_equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_apply_leaves_targets_parameters_and_raw_images_alone(part, on_cpu):
    op = build(part)
    params = on_cpu(op.draw(np.random.default_rng(0), 16, 32))
    kept = {name: values.clone() for name, values in params.items()}
    y = torch.eye(16)
    op.apply(torch.rand(16, 3, 32, 32), y, params)
    assert torch.equal(y, torch.eye(16))
    assert all(torch.equal(params[name], kept[name]) for name in kept)
    if part.meta.get("geometry"):
        x = torch.randint(0, 256, (16, 3, 32, 32), dtype=torch.uint8)
        before = x.clone()
        op.apply(x, y, params)
        assert torch.equal(x, before)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_two_images_of_a_batch_are_changed_differently(part, on_cpu):
    """One picture 32 times; where images are mixed, two by turns, so that only the share makes a difference."""
    op = build(part)
    one = part.meta.get("stage") == "image"
    x = torch.rand(1 if one else 2, 3, 32, 32).repeat(32 if one else 16, 1, 1, 1)
    out, _ = op.apply(x, torch.eye(32), on_cpu(op.draw(np.random.default_rng(0), 32, 32)))
    distinct = len(torch.unique(out.flatten(1), dim=0))
    assert distinct >= (2 if isinstance(op, HorizontalFlip) else 10)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_options_are_keywords_only(part):
    signature = inspect.signature(catalog().load(part))
    assert all(option.kind is option.KEYWORD_ONLY for option in signature.parameters.values())
