"""A model that starts from training images sees those that it will train on, once, before anything else is built."""

import torch

from engine.loop.hardware import choose_device
from engine.loop.setup import STARTED_FROM, prepare
from engine.models.airbench import airbench94

NET = {"name": "airbench94", "width": 12}
CHANGES = {"model": NET, "averaging": "ema", "augmentation": ["alternating_flip"]}


def prepared(trial, tmp_path, seed=1):
    options = {"seed": seed, "device": choose_device("cpu"), "threads": 1, "parts": trial.parts}
    return prepare(trial.recipe, trial.data, tmp_path / "probe.json", **options)


def test_it_is_shown_normalised_images_without_augmentation(make, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("engine.models.airbench.AirbenchNet.start_from", lambda self, images: shown.append(images))
    trial = make(**CHANGES, data={"name": "shapes", "normalize": "train"})
    prepared(trial, tmp_path)
    (images,) = shown
    pixels = trial.data.train.images[:STARTED_FROM].float() / 255
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (trial.data.mean, trial.data.std))
    torch.testing.assert_close(images, (pixels - mean) / std, rtol=1e-4, atol=1e-4)


def test_average_and_model_start_alike_and_apart_from_the_seed(make, tmp_path):
    setups = [prepared(make(**CHANGES), tmp_path, seed) for seed in (1, 2)]
    stems = [setup.model.whiten.weight for setup in setups]
    assert torch.equal(*stems)
    assert torch.equal(setups[0].averaging.model.whiten.weight, stems[0])
    assert not torch.equal(stems[0], airbench94(width=12).whiten.weight)


def test_a_run_in_pieces_ends_as_a_whole_one(twice):
    whole, pieces = twice(**CHANGES)
    while pieces.go(stop_after=4)[-1].KIND != "finished":
        assert pieces.attempts < 20
    assert pieces.ends_as(whole)


def test_the_frozen_stem_stays_as_it_started(make, tmp_path):
    trial = make(**CHANGES)
    trial.go()
    weights = trial.weights()
    assert torch.equal(weights["whiten.weight"], prepared(trial, tmp_path).model.whiten.weight)
    assert weights["whiten.bias"].abs().max() > 0
