"""Batches from a data set that lives on the device."""

import numpy as np
import pytest
import torch

from engine.contract.errors import BadInput
from engine.data.device import Resident, steps_per_epoch, training_batches
from engine.data.load import Split
from engine.data.split import epoch_order

N = 23


@pytest.fixture
def split():
    images = np.random.default_rng(0).integers(0, 256, (N, 32, 32, 3), dtype=np.uint8)
    return Split(torch.from_numpy(images).permute(0, 3, 1, 2), torch.arange(N) % 10)


FORMATS = pytest.mark.parametrize("channels_last", [True, False])


@FORMATS
@pytest.mark.parametrize(("last_batch", "sizes"), [("drop", [5] * 4), ("keep", [5, 5, 5, 5, 3])])
def test_batches_are_the_images_and_labels_of_the_order(split, channels_last, last_batch, sizes):
    resident = Resident(split, "cpu", channels_last)
    order = epoch_order(1, 2, N)
    batches = list(resident.batches(order, 5, last_batch))
    assert [len(labels) for _, labels in batches] == sizes
    chosen = torch.from_numpy(order)[: sum(sizes)]
    assert torch.equal(torch.cat([images for images, _ in batches]), split.images[chosen])
    assert torch.equal(torch.cat([labels for _, labels in batches]), split.labels[chosen])


@FORMATS
def test_every_batch_has_the_memory_format_of_the_run(split, channels_last):
    wanted = torch.channels_last if channels_last else torch.contiguous_format
    resident = Resident(split, "cpu", channels_last)
    order = np.arange(N)
    seen = [images for images, _ in resident.batches(order, 4, "keep")] + [b[0] for b in resident.padded(4)]
    assert all(images.is_contiguous(memory_format=wanted) for images in [*seen, resident.images])
    assert all(images.dtype == torch.uint8 for images in seen)


def test_changing_a_batch_changes_no_image(split):
    resident = Resident(split, "cpu")
    before = resident.images.clone()
    for images, labels in resident.batches(np.arange(N), 4):
        images.zero_()
        labels.zero_()
    assert torch.equal(resident.images, before) and labels.sum() == 0 and resident.labels.sum() > 0


@FORMATS
@pytest.mark.parametrize("batch_size", [1, 4, N, 50])
def test_evaluation_sees_every_image_once_in_batches_of_one_shape(split, channels_last, batch_size):
    resident = Resident(split, "cpu", channels_last)
    batches = list(resident.padded(batch_size))
    assert {images.shape for images, *_ in batches} == {(batch_size, 3, 32, 32)}
    assert {labels.shape for _, labels, _ in batches} == {(batch_size,)}
    images, labels, valid = (torch.cat(column) for column in zip(*batches, strict=True))
    assert torch.equal(images[valid], split.images) and torch.equal(labels[valid], split.labels)
    assert valid.dtype == torch.bool and valid.sum() == N == len(resident)


@pytest.mark.parametrize(("last_batch", "sizes"), [("drop", [5] * 4), ("keep", [5, 5, 5, 5, 3])])
@pytest.mark.parametrize("start", range(6))
def test_an_epoch_goes_on_from_any_step_with_the_batches_it_would_have_had(split, last_batch, sizes, start):
    seen = []

    def augment(images, labels, epoch, step, chosen):
        assert torch.equal(images, split.images[torch.from_numpy(chosen)])
        assert torch.equal(labels, split.labels[torch.from_numpy(chosen)])
        seen.append((epoch, step, *chosen))
        return images.float(), torch.nn.functional.one_hot(labels, 10).float()

    epoch = {"seed": 7, "epoch": 3, "batch_size": 5, "last_batch": last_batch}
    whole = list(training_batches(Resident(split, "cpu"), augment, **epoch))
    calls, order = list(seen), epoch_order(7, 3, N)
    assert calls == [(3, step, *order[5 * step : 5 * step + size]) for step, size in enumerate(sizes)]
    seen.clear()
    rest = list(training_batches(Resident(split, "cpu"), augment, **epoch, start=start))
    assert seen == calls[start:]
    assert all(torch.equal(x, a) and torch.equal(y, b) for (x, y), (a, b) in zip(rest, whole[start:], strict=True))


def test_training_batches_are_made_one_by_one(split):
    made = []

    def augment(images, labels, epoch, step, chosen):
        made.append(step)
        return images, labels

    batches = training_batches(
        Resident(split, "cpu"), augment, seed=0, epoch=0, batch_size=5, last_batch="drop", start=1
    )
    assert made == [] and len(next(batches)[1]) == 5 and made == [1]


def test_dropping_leaves_out_other_images_each_epoch():
    left_out = {tuple(epoch_order(0, epoch, N)[20:]) for epoch in range(5)}
    assert len(left_out) == 5


@pytest.mark.parametrize(
    ("images", "batch_size", "last_batch", "steps"),
    [
        (50_000, 128, "drop", 390),
        (50_000, 128, "keep", 391),
        (256, 128, "keep", 2),
        (5, 8, "keep", 1),
        (8, 8, "drop", 1),
    ],
)
def test_steps_of_an_epoch(images, batch_size, last_batch, steps):
    assert steps_per_epoch(images, batch_size, last_batch) == steps


def test_fewer_images_than_a_batch_are_refused(split):
    with pytest.raises(BadInput, match="batch_size = 24 is larger than the training set of 23 images"):
        next(Resident(split, "cpu").batches(np.arange(N), 24))
