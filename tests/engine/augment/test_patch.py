"""RICAP and crop-and-paste against loops over images, written from the paper and from what the source does."""

import numpy as np
import pytest
import torch
from scipy import stats

from engine.augment.patch import CropPaste, Ricap, patch_sides


def ricap_by_hand(x, y, drawn):
    """Four crops, each of an image of its own, put together by concatenation: the paper's figure 1, image by image."""
    n, _, size, _ = x.shape
    images, targets = [], []
    at = {name: np.broadcast_to(drawn[name], (len(drawn[name]), n)) for name in ("split", "top", "left")}
    for i in range(n):
        row, column = at["split"][:, i]
        sides = [(row, column), (row, size - column), (size - row, column), (size - row, size - column)]
        crops, target = [], 0
        for k, (height, width) in enumerate(sides):
            source, top, left = drawn["partner"][k][i], at["top"][k][i], at["left"][k][i]
            crop = x[source][:, top : top + height, left : left + width]
            assert crop.shape[1:] == (height, width)  # the window lies within its image
            crops.append(crop)
            target = target + y[source] * (height * width / size**2)
        images.append(torch.cat((torch.cat(crops[:2], 2), torch.cat(crops[2:], 2)), 1))
        targets.append(target)
    return torch.stack(images), torch.stack(targets)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("per", ["image", "batch"])
@pytest.mark.parametrize(("n", "size", "channels"), [(16, 32, 3), (1, 28, 1), (5, 7, 3)])
def test_ricap_equals_crops_put_together_by_hand(on_cpu, rng, per, n, size, channels, layout):
    x = torch.randn(n, channels, size, size).contiguous(memory_format=layout)
    y = torch.softmax(torch.randn(n, 10), 1)
    for beta in (0.3, 5.0):
        op = Ricap(beta=beta, per=per)
        drawn = op.draw(rng, n, size)
        assert drawn["split"].shape == (2, n if per == "image" else 1)
        expected, targets = ricap_by_hand(x, y, drawn)
        out, mixed = op.apply(x.clone(memory_format=torch.preserve_format), y, on_cpu(drawn))
        assert torch.equal(out, expected)
        torch.testing.assert_close(mixed, targets, atol=1e-6, rtol=0)


@pytest.mark.parametrize("split", [(0, 0), (0, 32), (32, 0), (32, 32), (0, 11), (31, 1)])
def test_a_meeting_point_at_the_border_leaves_fewer_images(on_cpu, rng, split):
    n, x, y = 6, torch.randn(6, 3, 32, 32), torch.eye(6)
    at = np.array(split)[:, None].repeat(n, 1)
    height, width = patch_sides(at, 32)
    drawn = Ricap().draw(rng, n, 32) | {"split": at, "share": height * width / 1024}
    drawn |= {"top": rng.integers(33 - height), "left": rng.integers(33 - width)}
    expected, targets = ricap_by_hand(x, y, drawn)
    out, mixed = Ricap().apply(x, y, on_cpu(drawn))
    assert torch.equal(out, expected)
    torch.testing.assert_close(mixed, targets)
    assert (drawn["share"] > 0).sum(0).max() == (1 + (0 < split[0] < 32)) * (1 + (0 < split[1] < 32))


def test_ricap_meets_at_a_beta_distributed_point_and_cuts_anywhere(rng):
    drawn = Ricap(beta=0.3).draw(rng, 20_000, 32)
    law = stats.beta(0.3, 0.3)
    odds = np.diff(law.cdf(np.clip((np.arange(34) - 0.5) / 32, 0, 1)))
    for axis in drawn["split"]:
        assert stats.chisquare(np.bincount(axis, minlength=33), odds * 20_000).pvalue > 0.01
    assert abs(np.corrcoef(drawn["split"])[0, 1]) < 0.02
    height, width = patch_sides(drawn["split"], 32)
    for start, side in ((drawn["top"], height), (drawn["left"], width)):
        for k in range(4):
            free = 32 - side[k]
            wide = free >= 8
            part = (start[k] + rng.random(20_000))[wide] / (free[wide] + 1)  # whole pixels spread to a real number
            assert stats.kstest(part, stats.uniform.cdf).pvalue > 0.01
    np.testing.assert_allclose(drawn["share"].sum(0), 1)
    assert all(sorted(partner) == list(range(20_000)) for partner in drawn["partner"])


def crop_paste_by_hand(image, box, place, mirror, keep):
    """A copy of the box, both mirrored if drawn so, blended over its new place."""
    left, top, right, bottom = box
    front = image[:, top:bottom, left:right].copy()
    if mirror[1]:
        front = front[:, :, ::-1]
    out = (image[:, :, ::-1] if mirror[0] else image).copy()
    under = out[:, place[1] : place[3], place[0] : place[2]]
    under[:] = keep * under + (1 - keep) * front
    return out


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [32, 7])
def test_crop_paste_equals_the_source_done_by_hand(on_cpu, rng, size, layout):
    x = torch.rand(24, 3, size, size).contiguous(memory_format=layout)
    op = CropPaste()
    drawn = op.draw(rng, 24, size)
    drawn["box"][:, 0] = drawn["place"][:, 0] = (0, 0, size, size)  # as large as the image
    drawn["box"][:, 1] = drawn["place"][:, 1] = (3, 3, 3, 3)  # empty
    per_image = zip(x.numpy(), *(drawn[name].T for name in ("box", "place", "mirror", "keep")), strict=True)
    expected = np.stack([crop_paste_by_hand(*one) for one in per_image])
    y = torch.eye(24)
    out, targets = op.apply(x.clone(memory_format=torch.preserve_format), y, on_cpu(drawn))
    torch.testing.assert_close(out, torch.from_numpy(expected), atol=1e-6, rtol=0)
    assert targets is y


def test_the_pasted_box_fits_anywhere_with_any_weight(rng):
    drawn = CropPaste().draw(rng, 20_000, 32)
    assert ((drawn["box"][2:] - drawn["box"][:2]) == (drawn["place"][2:] - drawn["place"][:2])).all()
    side = drawn["place"][2] - drawn["place"][0]
    assert drawn["place"].min() == 0 and drawn["place"].max() == 32
    wide = side <= 24
    part = (drawn["place"][0] + rng.random(20_000))[wide] / (33 - side[wide])
    assert stats.kstest(part, stats.uniform.cdf).pvalue > 0.01
    assert stats.kstest(drawn["keep"], stats.uniform.cdf).pvalue > 0.01
    for coins in drawn["mirror"]:
        assert stats.binomtest(int(coins.sum()), 20_000, 0.5).pvalue > 0.01
    assert abs(np.corrcoef(drawn["mirror"])[0, 1]) < 0.03
    assert not CropPaste(flip=0.0).draw(rng, 100, 32)["mirror"].any()
