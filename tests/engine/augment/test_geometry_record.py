"""The augmentation of the speed records against the loader of the `airbench` package, the records' own code."""

from pathlib import Path

import numpy as np
import pytest
import torch
from airbench import utils
from torch import Tensor

from engine.augment.geometry import Translate

COUNT = 64
EPOCHS = 4


@pytest.fixture
def training_set() -> Tensor:
    """Random images (n, 3, 32, 32), uint8."""
    return torch.randint(0, 256, (COUNT, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def record_loader(tmp_path: Path, training_set: Tensor, monkeypatch: pytest.MonkeyPatch):
    """The record's loader over that training set on the CPU, all images in one batch and in their order."""

    def make(**augmentation: object) -> utils.CifarLoader:
        pixels = training_set.permute(0, 2, 3, 1).contiguous()
        torch.save({"images": pixels, "labels": torch.zeros(COUNT), "classes": []}, tmp_path / "train.pt")
        monkeypatch.setattr(Tensor, "half", Tensor.float)  # so that both sides compute alike
        return utils.CifarLoader(
            str(tmp_path), batch_size=COUNT, aug=augmentation, shuffle=False, altflip=True, gpu="cpu"
        )

    return make


def test_flips_alternate_as_in_the_records_loader(pipeline, record_loader, training_set, monkeypatch):
    """Given the same coin for an image's first epoch, both show the same pixels in every epoch."""
    ours = pipeline("alternating_flip")
    images, labels = np.arange(COUNT), torch.zeros(COUNT, dtype=torch.int64)
    batches = [ours(training_set, labels, epoch, 0, images)[0] for epoch in range(EPOCHS)]
    mirrored = (batches[0] != ours.normalize(training_set)).flatten(1).any(1)
    assert 0 < mirrored.sum() < COUNT
    monkeypatch.setattr(torch, "rand", lambda *size, **options: 1.0 - mirrored.float())  # below 0.5: mirrored
    loader = record_loader(flip=True)
    loader.normalize = lambda scaled: ours.normalize((scaled * 255).round().to(torch.uint8))  # with our mean and std
    for ours_now in batches:
        ((theirs, _),) = list(loader)
        torch.testing.assert_close(ours_now, theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize("reach", [2, 4])
def test_translation_is_the_records_crop_of_a_reflected_border(
    on_cpu, rng, record_loader, training_set, reach, monkeypatch
):
    op = Translate(reach=reach / 32, fill="reflect")
    drawn = op.draw(rng, COUNT, 32)
    shifts = torch.stack([torch.from_numpy(drawn[name]).long() - reach for name in ("top", "left")], 1)
    assert shifts.min() == -reach and shifts.max() == reach
    monkeypatch.setattr(torch, "randint", lambda *range, **options: shifts)
    loader = record_loader(translate=reach)
    ((theirs, _),) = list(loader)
    moved, _ = op.apply(training_set, torch.zeros(COUNT, 10), on_cpu(drawn))
    torch.testing.assert_close(loader.normalize(moved.float() / 255), theirs, rtol=0, atol=1e-5)
