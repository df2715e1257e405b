"""What trials are told about a run."""

import pytest
import torch

from engine.data.device import Resident
from engine.loop.workload import workload_of
from tests.engine.conftest import CPU, tiny_recipe


@pytest.fixture
def work(tiny, parts):
    def work(**changes):
        train = Resident(tiny.train, device=CPU, channels_last=True)
        recipe = tiny_recipe(parts, **changes)
        return workload_of(recipe, train, lambda images: images / 255, parts, graph=False)

    return work


def test_it_counts_the_images_of_all_steps(work):
    assert (work().steps, work().images) == (15, 15 * 64)
    assert len(work().few) == 32 and len(work().batch()) == 64
    assert len(work(batch_size=16).few) == 16
    assert torch.equal(work().few, work().batch()[:32])


@pytest.mark.parametrize(
    "changes, divisible",
    [
        ({}, True),
        ({"compute": {"accumulate": 2}}, False),
        ({"compute": {"deterministic": True}}, False),
        ({"loss": {"name": "explodes"}}, False),
    ],
    ids=str,
)
def test_a_batch_may_be_divided_unless_the_recipe_does_or_the_loss_is_unknown(work, changes, divisible):
    assert work(**changes).divisible is divisible


def test_ghost_batches_are_named(work):
    assert (work().ghost, work(model={"name": "resnet20", "ghost_batch": 16}).ghost) == (0, 16)
