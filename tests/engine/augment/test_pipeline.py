"""The whole way from raw images to what the model sees."""

import pytest
import torch
import torchvision.transforms.v2.functional as F

from engine.augment.color import ColorJitter
from engine.augment.pipeline import Pipeline
from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Choice

JITTER = ("color_jitter", {"hue": 0.1})
MIX = ("choice", {"of": ("cutmix", "mixup")})
EVERYTHING = ("random_crop", "horizontal_flip", JITTER, MIX)
LABELS = torch.arange(16) % 10


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_without_ops_it_is_torchvisions_normalize(pictures, pipeline):
    x = pictures(16)
    out, y = pipeline()(x, LABELS, 0, 0)
    expected = F.normalize(F.to_dtype(x, torch.float32, scale=True), [0.49, 0.48, 0.45], [0.25, 0.24, 0.26])
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=0)
    assert torch.equal(y, torch.nn.functional.one_hot(LABELS, 10).float())


def test_a_whole_recipe_equals_torchvision_image_by_image(pictures, pipeline):
    """Crop, flip and jitter as drawn, then normalised: nothing is lost or turned around between the ops."""
    x = pictures(16)
    used = pipeline("random_crop", "horizontal_flip", JITTER)
    crop, flip, jitter = used.draw(3, 5, 16, 32).on(torch.device("cpu"))
    out, _ = used(x, LABELS, 3, 5)
    for i in range(16):
        image = F.crop(F.pad(x[i], [4] * 4), int(crop["top"][i]), int(crop["left"][i]), 32, 32)
        image = F.hflip(image) if i in flip["index"] else image
        image = F.to_dtype(image, torch.float32, scale=True)
        # the jitter has its own oracle; here it must get the right image and the right row of its parameters
        own = {"weights": jitter["weights"][:, :, i : i + 1], "hue": jitter["hue"][i : i + 1]}
        image = ColorJitter(hue=0.1).apply(image[None], torch.zeros(1, 10), own)[0][0]
        expected = F.normalize(image, [0.49, 0.48, 0.45], [0.25, 0.24, 0.26])
        torch.testing.assert_close(out[i], expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 16])
@pytest.mark.parametrize("ops", [(), ("random_crop",), (JITTER,), ("mixup",), EVERYTHING], ids=str)
def test_result_is_float32_channels_last_for_any_batch_and_layout(pictures, pipeline, ops, n):
    x = pictures(16)[:n]
    used = pipeline(*ops)
    out, y = used(x, LABELS[:n], 0, 0)
    assert (out.shape, out.dtype) == ((n, 3, 32, 32), torch.float32)
    assert out.is_contiguous(memory_format=torch.channels_last)
    assert (y.shape, y.dtype) == ((n, 10), torch.float32)
    torch.testing.assert_close(y.sum(1), torch.ones(n))
    assert same((out, y), used(x.contiguous(), LABELS[:n], 0, 0))


def test_the_raw_batch_is_never_written_to(pictures, pipeline):
    x, labels = pictures(16), LABELS.clone()
    before = x.clone()
    for ops in ((), ("horizontal_flip",), (JITTER,), EVERYTHING):
        pipeline(*ops)(x, labels, 0, 0)
    assert torch.equal(x, before)
    assert torch.equal(labels, LABELS)


def test_same_seed_epoch_and_step_repeat_and_any_other_differs(pictures, pipeline):
    x = pictures(16)
    base = pipeline(*EVERYTHING)(x, LABELS, 2, 3)
    assert same(base, pipeline(*EVERYTHING)(x, LABELS, 2, 3))
    for other in ((3, 3), (2, 4), (3, 2)):
        assert not torch.equal(base[0], pipeline(*EVERYTHING)(x, LABELS, *other)[0])
    assert not torch.equal(base[0], pipeline(*EVERYTHING, seed=8)(x, LABELS, 2, 3)[0])


def test_draws_of_an_op_do_not_depend_on_the_ops_after_it(pipeline):
    alone = pipeline("random_crop", JITTER).draw(1, 1, 16, 32).on(torch.device("cpu"))
    among = pipeline("random_crop", JITTER, MIX).draw(1, 1, 16, 32).on(torch.device("cpu"))
    for first, second in zip(alone, among[:2], strict=True):
        assert all(torch.equal(first[name], second[name]) for name in first)


def test_two_ops_of_one_kind_draw_apart(pipeline):
    first, second = pipeline("random_crop", "random_crop").draw(0, 0, 64, 32).on(torch.device("cpu"))
    assert not torch.equal(first["top"], second["top"])


def test_geometry_behind_a_colour_op_still_works(pictures, pipeline):
    x = pictures(16)
    out, _ = pipeline(JITTER, "horizontal_flip")(x, LABELS, 0, 0)
    jittered, _ = pipeline(JITTER)(x, LABELS, 0, 0)
    same_as = [bool(torch.equal(out[i], jittered[i])) for i in range(16)]
    mirrored = [bool(torch.equal(out[i], jittered[i].flip(-1))) for i in range(16)]
    assert all(a or b for a, b in zip(same_as, mirrored, strict=True))
    assert 0 < sum(mirrored) < 16


def test_apply_never_waits_for_the_device(pictures, pipeline, no_waiting):
    used = pipeline(*EVERYTHING, ("with_probability", {"of": ("mixup",), "per": "batch"}))
    x = pictures(16)
    for step in range(8):
        draws = used.draw(0, step, 16, 32)
        with no_waiting():
            used.apply(x, LABELS, draws)


def test_cutmix_or_mixup_drawn_per_batch_is_the_papers_half_and_half(pictures, pipeline):
    """One share for the whole batch and the previous image as partner: torchvision's RandomChoice([CutMix, MixUp])."""
    member = {"per": "batch", "pair": "roll"}
    used = pipeline(("choice", {"of": (("cutmix", member), ("mixup", member)), "per": "batch"}))
    x = pictures(16)
    kinds = []
    for step in range(40):
        out, y = used(x, LABELS[:10].repeat(2)[:16], 0, step)
        share = y[1, 1]
        own, before = used.normalize(x), used.normalize(x.roll(1, 0))
        blended = torch.allclose(out, share * own + (1 - share) * before, atol=1e-5)
        kinds.append(blended)
        if not blended:
            assert ((out == own) | (out == before)).all()
        torch.testing.assert_close(y[1:10].diagonal(offset=1), y[1, 1].expand(9))
    assert 8 <= sum(kinds) <= 32


def test_unknown_ops_are_refused_with_the_nearest_name():
    with pytest.raises(BadInput, match="did you mean cutmix"):
        Pipeline([Choice(name="cutmixx")], seed=0, mean=(0.5,), std=(0.5,), num_classes=10)


def test_an_op_from_a_users_file_joins_by_its_mark_alone(tmp_path, pictures):
    """The example of `engine/augment/op.py`, as a user would write it."""
    import engine.augment.op as op

    example = op.__doc__.split("pipeline find it.\n\n", 1)[1].split("\n\nThe arguments of", 1)[0]
    imports = (
        "from typing import Annotated\nimport numpy as np\nimport torch\nfrom torch import Tensor\n"
        "from engine.augment.op import Arrays, Params\nfrom engine.contract.catalog import Spec, register\n"
    )
    file = tmp_path / "mine.py"
    file.write_text(imports + "\n".join(line.removeprefix("    ") for line in example.splitlines()))
    known = catalog((file,))
    used = Pipeline(
        [Choice(name="invert", probability=1.0)],
        seed=0,
        mean=(0.0,) * 3,
        std=(1.0,) * 3,
        num_classes=10,
        catalog=known,
    )
    x = pictures(16)
    torch.testing.assert_close(used(x, LABELS, 0, 0)[0], 1 - x / 255, atol=1e-6, rtol=0)


def test_compiled_equals_eager(pictures, pipeline):
    said = []
    ops = ("random_crop", "horizontal_flip", JITTER, ("choice", {"of": ("cutmix", "mixup"), "per": "batch"}))
    compiled, eager = pipeline(*ops, compile=True, say=said.append), pipeline(*ops)
    x = pictures(16)
    for step in range(4):
        for a, b in zip(compiled(x, LABELS, 0, step), eager(x, LABELS, 0, step), strict=True):
            torch.testing.assert_close(a, b, atol=2e-5, rtol=0)
            assert a.stride() == b.stride()
    assert said == []


def test_without_a_compiler_it_says_so_once_and_stays_eager(pictures, pipeline, monkeypatch):
    from torch._inductor.utils import fresh_cache  # not when tests are collected: it takes a second

    said = []
    used = pipeline(JITTER, "mixup", compile=True, say=said.append)
    x = pictures(16)
    torch._dynamo.reset()
    monkeypatch.setattr(torch._inductor.config.cpp, "cxx", ("no-such-compiler",))
    with fresh_cache():
        results = [used(x, LABELS, 0, step) for step in range(2)]
    assert len(said) == 1
    assert said[0].startswith("augmentation runs uncompiled: ")
    assert all(same(result, pipeline(JITTER, "mixup")(x, LABELS, 0, step)) for step, result in enumerate(results))
    torch._dynamo.reset()


@pytest.mark.slow
@pytest.mark.parametrize("part", catalog().parts("op"), ids=lambda part: part.name)
def test_every_op_compiled_equals_itself_eager(pictures, pipeline, part):
    said = []
    op = (part.name, {param.name: ("cutmix", "mixup") for param in part.params if param.type == "list[Op]"})
    compiled, eager = pipeline(op, compile=True, say=said.append), pipeline(op)
    x = pictures(16)
    for step in range(3):
        for a, b in zip(compiled(x, LABELS, 0, step), eager(x, LABELS, 0, step), strict=True):
            torch.testing.assert_close(a, b, atol=2e-5, rtol=0)
    assert said == []
