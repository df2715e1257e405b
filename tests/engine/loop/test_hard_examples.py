"""Which images the passes of an epoch visit, against torch's own ranking of torch's own losses."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from engine.contract.recipe.schema import HardExamplesConfig
from engine.data.split import epoch_order
from engine.loop.hard_examples import HardExamples

N, BATCH, STEPS = 66, 8, 8


def examples_of(keep=0.5, start=0.5, length=4.0, seed=3):
    config = HardExamplesConfig(keep=keep, start=start)
    cpu = torch.device("cpu")
    return HardExamples(config, images=N, batch_size=BATCH, steps=STEPS, length=length, seed=seed, device=cpu)


def train(examples, epoch, outputs, targets, steps=STEPS, start=0):
    """Take steps with these outputs; returns the images of each pass."""
    visited = []
    for _, first, order in examples.passes(epoch, start, steps):
        visited.append(order)
        for step in range(first, steps):
            places = order[(step - first) * BATCH :][:BATCH]
            if not len(places):
                break
            examples.note(outputs[places], targets[places])
    return visited


@pytest.fixture
def outputs():
    return torch.randn(N, 10, generator=torch.Generator().manual_seed(0)) * 3


@pytest.fixture
def targets():
    draw = torch.Generator().manual_seed(1)
    return torch.rand(N, 10, generator=draw).softmax(1)


def test_a_pass_visits_the_images_with_the_largest_losses(outputs, targets):
    examples = examples_of()
    train(examples, 0, outputs, targets)
    train(examples, 1, outputs, targets)
    passes = train(examples, 2, outputs, targets)
    seen = np.union1d(*[epoch_order(3, epoch, N)[: STEPS * BATCH] for epoch in (0, 1)])
    losses = F.cross_entropy(outputs, targets, reduction="none")
    losses[np.setdiff1d(np.arange(N), seen)] = torch.inf  # dropped with the last batch both times
    hardest = losses.topk(4 * BATCH).indices.sort().values
    assert [len(order) for order in passes] == [4 * BATCH] * 2
    assert np.array_equal(np.sort(passes[0]), hardest.numpy())
    assert not np.array_equal(passes[0], passes[1]), "each pass has an order of its own"


def test_the_images_are_chosen_anew_for_each_pass(outputs, targets):
    examples = examples_of()
    train(examples, 0, outputs, targets)
    passes = examples.passes(2, 0, STEPS)
    order = next(passes).images
    learned = 100 * targets  # the loss of what is now visited becomes small
    for step in range(4):
        places = order[step * BATCH :][:BATCH]
        examples.note(learned[places], F.one_hot(targets[places].argmax(1), 10).float())
    other = next(passes).images
    assert not set(order) & set(other)


def test_epochs_before_the_start_visit_every_image_in_the_usual_order(outputs, targets):
    examples = examples_of(start=0.6)
    for epoch in range(3):  # 0.6 of 4 epochs is within the third
        (order,) = train(examples, epoch, outputs, targets)
        assert np.array_equal(order, epoch_order(3, epoch, N))
    assert len(train(examples, 3, outputs, targets)) == 2
    assert "from epoch 4 on, training visits only the 32 images" in next(examples.about())


@pytest.mark.parametrize("keep, lengths", [(0.25, [2, 2, 2, 2]), (0.4, [3, 3, 2]), (0.01, [1] * 8), (0.99, [8])])
def test_an_epoch_keeps_its_number_of_steps(outputs, targets, keep, lengths):
    examples = examples_of(keep=keep, start=0.0)
    passes = train(examples, 0, outputs, targets)
    assert [len(order) / BATCH for order in passes] == lengths


@pytest.mark.parametrize("at", range(1, STEPS))
def test_an_interrupted_epoch_continues_with_the_same_images(outputs, targets, at):
    whole, before, after = (examples_of(keep=0.4) for _ in range(3))
    for examples in (whole, before):
        train(examples, 0, outputs, targets)
    expected = np.concatenate(train(whole, 2, outputs, targets))
    taken = 0
    for _, first, order in before.passes(2, 0, STEPS):
        for step in range(first, min(at, first + len(order) // BATCH)):
            places = order[(step - first) * BATCH :][:BATCH]
            before.note(outputs[places], targets[places])
            taken += 1
        if taken == at:
            break
    after.load_state_dict(before.state_dict())
    rest = np.concatenate(train(after, 2, outputs, targets, start=at))
    assert np.array_equal(rest, expected[at * BATCH :])


@pytest.mark.parametrize("options", [{"keep": 1.0}, {"start": 0.9}])
def test_nothing_is_tracked_or_announced_if_no_image_is_ever_left_out(outputs, targets, options):
    examples = examples_of(**options)  # 0.9 of 4 epochs ends within the last one
    train(examples, 0, outputs, targets)
    assert examples.state_dict() == {} and list(examples.about()) == []
    (order,) = train(examples, 3, outputs, targets)
    assert np.array_equal(order, epoch_order(3, 3, N))


@pytest.mark.parametrize("keep, expected", [(0.5, [0, 1, 2, 3, 4, 5]), (0.4, [0, 1, 2, 3, 4, 5, 6, 7])])
def test_the_passes_of_all_epochs_are_numbered_in_order(outputs, targets, keep, expected):
    examples, numbers = examples_of(keep=keep), []
    for epoch in range(4):
        for one in examples.passes(epoch, 0, STEPS):
            numbers.append(one.number)
            for places in np.split(one.images[: len(one.images) // BATCH * BATCH], len(one.images) // BATCH):
                examples.note(outputs[places], targets[places])
    assert numbers == expected
