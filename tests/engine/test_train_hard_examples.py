"""Runs that leave easy images out: what they visit, resumes within and between passes, and ids."""

import numpy as np
import pytest

from engine.contract.run.events import Epoch, Finished, Message, Resumed
from engine.data.split import epoch_order
from engine.loop.setup import Setup
from tests.engine.test_train_groups import stopped_after

HARD = {"hard_examples": {"keep": 0.4, "start": 0.3}}  # from the second epoch on; passes of 2, 2 and 1 steps


def test_epochs_before_the_start_visit_all_images_and_later_passes_each_of_theirs_once(make, monkeypatch):
    visited, passes, augmented = [], [], Setup.augmented

    def spy(setup, images, labels, epoch, step, chosen=None, *, passed=None):
        if chosen is not None:
            visited.append((epoch, step, chosen))
            passes.append(passed)
        return augmented(setup, images, labels, epoch, step, chosen, passed=passed)

    monkeypatch.setattr(Setup, "augmented", spy)
    trial = make(**HARD)
    events = trial.go()
    assert [(epoch, step) for epoch, step, _ in visited] == [(epoch, step) for epoch in range(3) for step in range(5)]
    whole = np.concatenate([chosen for epoch, _, chosen in visited if epoch == 0])
    assert np.array_equal(whole, epoch_order(trial.seed, 0, 330)[:320])
    second = [chosen for epoch, _, chosen in visited if epoch == 1]
    assert [len(set(np.concatenate(part))) for part in (second[:2], second[2:4])] == [128, 128]
    assert passes == [*[0] * 5, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6]
    assert any("from epoch 2 on" in event.text for event in events if isinstance(event, Message))
    assert isinstance(events[-1], Finished)


@pytest.mark.parametrize("at", [4, 5, 6, 7, 8, 10, 11])
def test_a_run_stopped_within_or_between_passes_ends_with_the_same_bits(twice, at):
    whole, pieces = stopped_after(twice, at, **HARD)
    assert isinstance(pieces.go()[-1], Finished)
    assert all(event.exact for event in pieces.events if isinstance(event, Resumed))
    assert pieces.ends_as(whole) and pieces.epochs() == whole.epochs()


def test_a_short_last_epoch_and_a_kept_last_batch(make):
    events = make(**HARD, epochs=2.6, last_batch="keep").go()
    epochs = [event for event in events if isinstance(event, Epoch)]
    assert [event.epoch for event in epochs] == [1, 2, 3]


def test_only_a_recipe_that_leaves_images_out_has_another_id(make):
    plain, idle, hard = make(), make(hard_examples={"start": 0.7}), make(**HARD)
    assert plain.recipe.recipe_id == idle.recipe.recipe_id != hard.recipe.recipe_id
    first = make()
    first.go()
    again = make(hard_examples={"start": 0.7})
    again.go()
    assert again.ends_as(first)
