"""What holds for every registered op, those of later files included."""

import inspect

import numpy as np
import pytest
import torch

from engine.augment.mix import CutMix, Mixup
from engine.augment.op import Seen
from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve

PARTS = catalog().parts("op")
TWO_WAYS = {"horizontal_flip", "alternating_flip", "grayscale"}  # an image is changed, or it is not


class Told:
    """An op with `by_image` in its mark, told that its images are the first ones and that it is the first epoch."""

    def __init__(self, op):
        self.op, self.apply = op, op.apply

    def draw(self, rng, n, size):
        return self.op.draw(rng, n, size, Seen(np.arange(n), 0, rng))


def build(part, **options):
    nested = {param.name: [CutMix(), Mixup()] for param in part.params if param.type == "list[Op]"}
    facts = {"mean": (0.49, 0.48, 0.45)}
    op = catalog().load(part)(**{name: facts[name] for name in part.positional}, **nested, **options)
    return Told(op) if part.meta.get("by_image") else op


def variants():
    """Every op with its defaults, and once more for each other choice that it offers."""
    for part in PARTS:
        yield pytest.param(part, {}, id=part.name)
        for param in part.params:
            for value in param.choices:
                if value != param.default:
                    yield pytest.param(part, {param.name: value}, id=f"{part.name}-{param.name}={value}")


VARIANTS = list(variants())


def takes_ops(part):
    return any(param.type == "list[Op]" for param in part.params)


def bounds():
    """Every op with one number at the lowest or the highest value that is allowed, and else its defaults."""
    for part in PARTS:
        for param in part.params:
            for value in (param.ge, param.le):
                if param.type in ("int", "float") and value is not None and not takes_ops(part):
                    yield pytest.param(part, param.name, value, id=f"{part.name}-{param.name}={value:g}")


def test_the_simple_ops_and_the_combinators_are_registered():
    names = {part.name for part in PARTS}
    assert names >= {
        "random_crop", "translate", "horizontal_flip", "alternating_flip", "color_jitter", "grayscale", "cutout",
        "random_erasing", "crop_paste", "mixup", "cutmix", "ricap", "choice", "with_probability",
    }  # fmt: skip


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_marks_say_where_an_op_runs(part):
    combines = any(param.type == "list[Op]" for param in part.params)
    assert part.meta.get("stage") in ((None,) if combines else ("image", "batch"))
    assert part.summary.endswith(".")


@pytest.mark.parametrize("n", [1, 2, 3, 7, 16])
@pytest.mark.parametrize(("part", "options"), VARIANTS)
def test_op_keeps_shape_dtype_and_total_target(part, options, n, on_cpu):
    op = build(part, **options)
    dtypes = [torch.uint8, torch.float32] if part.meta.get("geometry") else [torch.float32]
    for dtype in dtypes:
        x = (torch.rand(n, 3, 32, 32) * (255 if dtype == torch.uint8 else 1)).to(dtype)
        y = torch.eye(10)[torch.arange(n) % 10]
        out, targets = op.apply(x, y, on_cpu(op.draw(np.random.default_rng(n), n, 32)))
        assert (out.shape, out.dtype) == (x.shape, x.dtype)
        assert (targets.shape, targets.dtype) == (y.shape, y.dtype)
        assert torch.isfinite(out.float()).all()
        torch.testing.assert_close(targets.sum(1), torch.ones(n))


@pytest.mark.parametrize(("part", "name", "value"), list(bounds()))
def test_op_works_at_the_bounds_of_its_numbers(part, name, value, on_cpu):
    """Unless other options contradict it, which it has to say."""
    kind = int if next(param for param in part.params if param.name == name).type == "int" else float
    chosen = {"name": part.name, name: kind(value)}
    table = {"epochs": 1, "batch_size": 8, "model": "lenet", "optimizer": {"name": "sgd", "lr": 0.1}}
    try:
        resolve(table | {"augmentation": [chosen]}, catalog())
    except BadInput as error:
        assert name in str(error)
        return
    op = build(part, **{name: kind(value)})
    x, y = torch.rand(5, 3, 32, 32), torch.eye(10)[:5]
    x = (x * 255).to(torch.uint8) if part.meta.get("geometry") else x
    out, targets = op.apply(x, y, on_cpu(op.draw(np.random.default_rng(0), 5, 32)))
    assert (out.shape, targets.shape) == ((5, 3, 32, 32), (5, 10))
    assert torch.isfinite(out.float()).all() and torch.isfinite(targets).all()


@pytest.mark.parametrize(("part", "options"), VARIANTS)
def test_apply_never_waits_for_the_device(part, options, on_cpu, no_waiting):
    op = build(part, **options)
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
    assert distinct >= (2 if part.name in TWO_WAYS else 10)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_options_are_keywords_only_and_the_rest_is_what_ops_are_told(part):
    signature = inspect.signature(catalog().load(part))
    kinds = {name: option.kind is option.KEYWORD_ONLY for name, option in signature.parameters.items()}
    assert [name for name, keyword in kinds.items() if not keyword] in ([], ["mean"])


def out_of_range():
    """For every number that an op takes, one value just below its range and one just above it."""
    for part in PARTS:
        for param in part.params:
            for limit, step in (("ge", -1), ("gt", 0), ("le", 1), ("lt", 0)):
                bound = getattr(param, limit)
                if bound is not None:
                    value = int(bound) + step if param.type == "int" else bound + step
                    value = (value,) if param.type.startswith("list") else value
                    yield pytest.param(part, param.name, value, bound, id=f"{part.name}.{param.name}={value}")


@pytest.mark.parametrize(("part", "option", "value", "bound"), list(out_of_range()))
def test_a_value_out_of_range_is_refused_with_its_field_and_the_bound(part, option, value, bound):
    nested = {param.name: ["mixup"] for param in part.params if param.type == "list[Op]"}
    table = {"epochs": 1, "batch_size": 8, "model": "lenet", "optimizer": "sgd"}
    with pytest.raises(BadInput) as error:
        resolve({**table, "augmentation": [{"name": part.name, option: value, **nested}]}, catalog())
    assert len(error.value.problems) == 1
    assert f"augmentation.{part.name}.{option}" in error.value.problems[0]
    assert f"{bound:.12g}" in error.value.problems[0].partition("needs")[2]
