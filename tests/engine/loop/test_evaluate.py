"""Evaluation against a reference that looks at one image after another."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from airbench import utils

from engine.data.device import Resident
from engine.data.load import Split
from engine.loop.evaluate import VIEWS, Interrupted, average, forward_views, plain, predict_views, score, shifted


def images(n: int) -> Split:
    rng = np.random.default_rng(n)
    pixels = rng.integers(0, 256, (n, 3, 8, 8), np.uint8)
    return Split(torch.from_numpy(pixels), torch.from_numpy(rng.integers(0, 4, n)))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.BatchNorm2d(3), torch.nn.Dropout(0.5), torch.nn.Flatten(), torch.nn.Linear(192, 4)
    ).double()


def prepare(pixels: torch.Tensor) -> torch.Tensor:
    return pixels.double() / 255


@pytest.mark.parametrize("n", [1, 5, 6, 7, 12])
def test_padding_changes_nothing_whatever_is_left_for_the_last_batch(model, n):
    split = images(n)
    found = predict_views(model, Resident(split, "cpu"), 6, prepare, forward_views(model, [plain]))[0]
    model.eval()
    with torch.no_grad():
        one_by_one = torch.cat([model(prepare(image[None])) for image in split.images])
    assert found.shape == (n, 4)
    torch.testing.assert_close(found, one_by_one.float())


def test_the_model_is_left_as_it_was(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    predict_views(model, Resident(images(5), "cpu"), 2, prepare, forward_views(model, [plain]))
    assert model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_stop_interrupts_between_batches_and_leaves_the_mode(model):
    asked = iter([False, True])
    with pytest.raises(Interrupted):
        predict_views(model, Resident(images(9), "cpu"), 3, prepare, forward_views(model, [plain]), lambda: next(asked))
    assert model.training


def test_scores_equal_counts_made_by_hand():
    torch.manual_seed(1)
    logits, labels = torch.randn(200, 7) * 3, torch.randint(0, 6, (200,))  # nothing is of class 6
    found = score(logits, labels)
    losses = [
        F.cross_entropy(row[None].double(), label[None]).item() for row, label in zip(logits, labels, strict=True)
    ]
    hits = [int(row.argmax()) == int(label) for row, label in zip(logits, labels, strict=True)]
    assert found.loss == pytest.approx(sum(losses) / 200, rel=1e-12)
    assert found.accuracy == sum(hits) / 200
    table = [[0] * 7 for _ in range(7)]
    for row, label in zip(logits, labels, strict=True):
        table[int(label)][int(row.argmax())] += 1
    assert found.confusion == [cell for row in table for cell in row]
    for kind in range(6):
        mine = [hit for hit, label in zip(hits, labels, strict=True) if int(label) == kind]
        assert found.per_class[kind] == sum(mine) / len(mine)
        assert found.per_class_count[kind] == len(mine)
    assert found.per_class_count[6] == 0
    assert math.isnan(found.per_class[6])


def test_huge_logits_have_a_finite_loss():
    found = score(torch.tensor([[1e5, 0.0], [0.0, 3e4]]), torch.tensor([1, 1]))
    assert found.loss == pytest.approx(5e4)


def test_a_hundred_classes_have_no_confusion_matrix():
    assert score(torch.eye(100), torch.arange(100)).confusion == []


def test_top_5_is_that_of_torch_topk_and_of_no_use_among_twenty_classes():
    torch.manual_seed(2)
    logits, labels = torch.randn(300, 21), torch.randint(0, 21, (300,))
    hits = (logits.topk(5).indices == labels[:, None]).any(1)
    assert score(logits, labels).top5 == hits.double().mean().item()
    assert math.isnan(score(logits[:, :20], labels % 20).top5)


def test_a_model_that_says_the_same_of_every_class_is_right_five_times_in_a_hundred():
    assert score(torch.zeros(100, 100), torch.arange(100)).top5 == 0.05


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_logits_that_are_not_finite_are_never_right(bad):
    labels = torch.arange(10).repeat(10)
    logits = 10 * F.one_hot(labels, 10).float()
    assert score(logits, labels).accuracy == 1.0
    logits[labels == 0] = bad  # numpy's and torch's argmax both find class 0 there
    found = score(logits, labels)
    assert found.accuracy == 0.9 and found.nonfinite == 10
    assert (found.per_class[0], found.per_class[1], found.per_class_count[0]) == (0.0, 1.0, 10)
    assert sum(found.confusion) == 90, "an image without a prediction is in no cell"
    assert math.isnan(found.loss)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_one_bad_logit_spoils_the_prediction_at_top_1_and_top_5(bad):
    logits = torch.zeros(101, 101)
    logits[range(101), range(101)] = 3.0
    logits[:7, 100] = bad  # the right class is still the largest finite one
    found = score(logits, torch.arange(101))
    assert found.accuracy == found.top5 == 94 / 101
    assert found.nonfinite == 7


def test_the_weights_of_the_views_add_up_to_one_and_the_plain_view_comes_first():
    x = torch.rand(2, 3, 8, 8)
    for views in VIEWS.values():
        assert sum(weight for weight, _ in views) == 1
        assert torch.equal(views[0][1](x), x)


def test_a_moved_image_is_the_image_a_pixel_further_with_its_rim_reflected():
    x = torch.arange(9.0).view(1, 1, 3, 3)
    assert shifted(x, 1)[0, 0].tolist() == [[4, 3, 4], [1, 0, 1], [4, 3, 4]]
    assert shifted(x, -1)[0, 0].tolist() == [[4, 5, 4], [7, 8, 7], [4, 5, 4]]
    grey, colour = torch.rand(3, 1, 28, 28), torch.rand(3, 3, 32, 32)
    for images in (grey, colour):  # what rolls over the rim differs, the inside must agree
        for by in (1, -1):
            rolled = images.roll((by, by), (2, 3))
            assert torch.equal(shifted(images, by)[..., 1:-1, 1:-1], rolled[..., 1:-1, 1:-1])


def mirrored(image: np.ndarray) -> np.ndarray:
    return image[:, :, ::-1].copy()


def around(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Up-left and low-right cuts of an image (C, H, W) with a reflected rim of one pixel."""
    wide = np.pad(image, ((0, 0), (1, 1), (1, 1)), mode="reflect")
    return wide[:, :-2, :-2], wide[:, 2:, 2:]


@pytest.mark.parametrize("tta", ["flip", "crops"])
def test_test_time_augmentation_is_the_mean_of_single_looks_at_single_images(model, tta):
    split, model = images(7), model.eval()
    forward = forward_views(model, [view for _, view in VIEWS[tta]])
    found = predict_views(model, Resident(split, "cpu"), 3, prepare, forward)
    by_hand = []
    for image in split.images.numpy():
        looks = [(0.5, image), (0.5, mirrored(image))]
        if tta == "crops":
            looks = [(weight / 2, look) for weight, look in looks]
            looks += [(0.125, look) for cut in around(image) for look in (cut, mirrored(cut))]
        with torch.no_grad():
            each = [weight * model(prepare(torch.from_numpy(look[None].copy()))) for weight, look in looks]
        by_hand.append(torch.stack(each).sum(0)[0])
    torch.testing.assert_close(average(found, tta), torch.stack(by_hand).float())
    assert torch.equal(
        found[0], predict_views(model, Resident(split, "cpu"), 3, prepare, forward_views(model, [plain]))[0]
    )


@pytest.mark.parametrize(("tta", "level"), [("off", 0), ("flip", 1), ("crops", 2)])
def test_views_and_their_weights_are_the_records(tta, level):
    """Against the test-time augmentation in the `airbench` package, whose logits are the average of its views."""
    rng = np.random.default_rng(3)
    split = Split(torch.from_numpy(rng.integers(0, 256, (12, 3, 32, 32), np.uint8)), torch.zeros(12, dtype=torch.int64))
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 5), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(6272, 4))
    forward = forward_views(net, [view for _, view in VIEWS[tta]])
    ours = average(predict_views(net, Resident(split, "cpu"), 5, lambda x: x.float() / 255, forward), tta)
    loader = SimpleNamespace(images=split.images.float() / 255, normalize=lambda images: images)
    torch.testing.assert_close(ours, utils.infer(net, loader, level), rtol=1e-5, atol=1e-6)
