"""Evaluation against a reference that looks at one image after another."""

import contextlib
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from engine.data.device import Resident
from engine.data.load import Split
from engine.evaluate import Interrupted, predict, score


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
    found = predict(model, Resident(split, "cpu"), 6, prepare, contextlib.nullcontext)
    model.eval()
    with torch.no_grad():
        one_by_one = torch.cat([model(prepare(image[None])) for image in split.images])
    assert found.shape == (n, 4)
    torch.testing.assert_close(found, one_by_one.float())


def test_the_model_is_left_as_it_was(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    predict(model, Resident(images(5), "cpu"), 2, prepare, contextlib.nullcontext)
    assert model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_stop_interrupts_between_batches_and_leaves_the_mode(model):
    asked = iter([False, True])
    with pytest.raises(Interrupted):
        predict(model, Resident(images(9), "cpu"), 3, prepare, contextlib.nullcontext, lambda: next(asked))
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
