"""The one door through which a trainer gets its images."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import DataConfig
from engine.data.load import load

TORCH_FREE = (
    "archives", "arrays", "imports", "cifar", "download", "fetch", "mirrors", "mnist", "shapes", "sources", "split", "stored",
)  # fmt: skip


def silent(name: str, note: str) -> None:
    """Hears phases and does nothing."""


@pytest.fixture
def folder(tiny, tmp_path):
    tiny.put_folder(tmp_path)
    return str(tmp_path)


def test_a_data_set_is_uint8_images_channels_last_and_int64_labels(tiny, folder):
    data = load(DataConfig(), folder, silent)
    assert data.name == "cifar10" and data.holdout is None
    for split, part in ((data.train, slice(0, 100)), (data.test, slice(100, 120))):
        assert split.images.dtype == torch.uint8 and split.labels.dtype == torch.int64
        assert split.images.is_contiguous(memory_format=torch.channels_last)
        assert np.array_equal(split.images.numpy(), tiny.images[part])
        assert np.array_equal(split.labels.numpy(), tiny.labels[part])


def test_fraction_and_holdout_take_from_train_and_never_touch_test(tiny, folder):
    config = DataConfig(fraction=0.5, holdout=0.4, split_seed=2)
    data = load(config, folder, silent)
    whole = load(DataConfig(), folder, silent)
    assert (len(data.train), len(data.holdout), len(data.test)) == (30, 20, 20)
    assert data.train.labels.bincount().tolist() == [3] * 10
    assert data.holdout.labels.bincount().tolist() == [2] * 10
    seen = {image.numpy().tobytes() for split in (data.train, data.holdout) for image in split.images}
    assert len(seen) == 50 and seen < {image.numpy().tobytes() for image in whole.train.images}
    assert torch.equal(data.test.images, whole.test.images)
    assert torch.equal(load(config, folder, silent).train.images, data.train.images)
    other = load(config.model_copy(update={"split_seed": 3}), folder, silent)
    assert not torch.equal(other.train.images, data.train.images)


def test_statistics_are_of_the_whole_training_set_whatever_part_of_it_is_used(tiny, folder):
    pixels = tiny.images[:100].astype(np.float64) / 255
    for config in (DataConfig(), DataConfig(fraction=0.3, holdout=0.3)):
        data = load(config, folder, silent)
        assert np.allclose(data.mean, pixels.mean((0, 2, 3))) and np.allclose(data.std, pixels.std((0, 2, 3)))


def test_statistics_of_the_test_images_or_none_only_when_asked_for(tiny, folder):
    pixels = tiny.images[100:].astype(np.float64) / 255
    data = load(DataConfig(normalize="test"), folder, silent)
    assert np.allclose(data.mean, pixels.mean((0, 2, 3))) and np.allclose(data.std, pixels.std((0, 2, 3)))
    data = load(DataConfig(normalize="none"), folder, silent)
    assert (data.mean, data.std) == ((0.0,) * 3, (1.0,) * 3)


def test_given_constants_are_taken_as_they_are(tiny, folder):
    given = {"mean": (0.4914, 0.4822, 0.4465), "std": (0.2023, 0.1994, 0.2010)}
    data = load(DataConfig(normalize="given", **given), folder, silent)
    assert (data.mean, data.std) == (given["mean"], given["std"])


def test_a_slice_is_the_first_part_as_it_comes_and_fraction_and_holdout_are_of_it(tiny, folder):
    data = load(DataConfig(train_slice="first:0.3", test_slice="first:0.25"), folder, silent)
    assert np.array_equal(data.train.images.numpy(), tiny.images[:30])
    assert np.array_equal(data.test.images.numpy(), tiny.images[100:105])
    assert np.array_equal(data.test.labels.numpy(), tiny.labels[100:105])
    part = load(DataConfig(train_slice="first:0.5", fraction=0.4, holdout=0.5), folder, silent)
    seen = {image.numpy().tobytes() for split in (part.train, part.holdout) for image in split.images}
    assert len(part.train) + len(part.holdout) == len(seen) < 30
    assert seen < {image.tobytes() for image in tiny.images[:50]}


def test_what_is_left_out_changes_neither_statistics_nor_fingerprint(tiny, folder):
    whole, half = load(DataConfig(), folder, silent), load(DataConfig(train_slice="first:0.5"), folder, silent)
    assert (whole.mean, whole.std, whole.fingerprint) == (half.mean, half.std, half.fingerprint)


@pytest.mark.parametrize("field", ["train_slice", "test_slice"])
def test_a_slice_without_an_image_is_refused_by_name(tiny, folder, field):
    with pytest.raises(BadInput, match=rf"data\.{field} = first:0.001 of \d+ images selects none"):
        load(DataConfig(**{field: "first:0.001"}), folder, silent)


def test_a_holdout_that_would_hold_nothing_is_refused(folder, tiny):
    with pytest.raises(BadInput, match=r"data\.holdout = 0\.01 of 100 images holds out none"):
        load(DataConfig(holdout=0.01), folder, silent)


def test_an_unknown_data_set_is_answered_with_the_nearest():
    with pytest.raises(BadInput, match="did you mean cifar10"):
        load(DataConfig(name="cifar01"), "", silent)


def test_phases_are_said(folder, tiny):
    said = []
    load(DataConfig(), folder, lambda *phase: said.append(phase))
    assert said == [("preparing data", "CIFAR-10")]


def test_a_data_set_of_the_users_own_is_loaded_like_ours(tmp_path):
    own = tmp_path / "own.py"
    own.write_text(
        """
import numpy as np
from engine.contract.catalog import register
from engine.data.arrays import Arrays

@register("dataset", title="Grey", classes=2, image_size=8, channels=3)
def grey(data_dir, say):
    \"\"\"Two greys.\"\"\"
    images = np.full((6, 8, 8, 3), 128, np.uint8)
    labels = np.array([0, 1] * 3, np.uint8)
    return Arrays(images, labels, images[:2], labels[:2], ("dark", "light"))
"""
    )
    data = load(DataConfig(name="grey"), "", silent, catalog((own,)))
    assert data.classes == ("dark", "light") and data.train.images.shape == (6, 3, 8, 8)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((2, 3, 8, 8), np.uint8), np.zeros(2, np.uint8), "images must be uint8"),
        (np.zeros((2, 8, 8, 3), np.float32), np.zeros(2, np.uint8), "images must be uint8"),
        (np.zeros((2, 8, 8, 2), np.uint8), np.zeros(2, np.uint8), "3 or 1"),
        (np.zeros((2, 8, 8, 1), np.uint8), np.zeros(2, np.uint8), "must have the same shape"),
        (np.zeros((2, 8, 8, 3), np.uint8), np.zeros(3, np.uint8), "2 images need uint8 labels"),
        (np.zeros((2, 8, 8, 3), np.uint8), np.array([0, 2], np.uint8), r"label 2 is outside 0\.\.1"),
    ],
)
def test_arrays_of_the_wrong_form_are_refused(images, labels, message):
    from engine.data.arrays import Arrays

    with pytest.raises(ValueError, match=message):
        Arrays(images, labels, np.zeros((0, 8, 8, 3), np.uint8), np.zeros(0, np.uint8), ("a", "b"))


def test_every_data_set_keeps_what_its_mark_says(cifar10_dir):
    for part in catalog().parts("dataset"):
        if part.name in ("cifar100", "mnist", "fashion_mnist"):
            continue  # their images are not at hand; their numbers are those of their sources, checked below
        data = load(DataConfig(name=part.name), str(cifar10_dir), silent)
        size = part.meta["image_size"]
        assert data.train.images.shape == (part.meta["train_images"], part.meta["channels"], size, size)
        assert (len(data.test), len(data.classes)) == (part.meta["test_images"], part.meta["classes"])


def test_marks_and_sources_agree():
    from engine.data.sources import SOURCES

    downloadable = [part for part in catalog().parts("dataset") if part.meta["downloadable"]]
    assert {part.name for part in downloadable} == set(SOURCES)
    for part in downloadable:
        source = SOURCES[part.name]
        assert (part.title, part.meta["classes"]) == (source.title, source.classes)
        assert (part.meta["train_images"], part.meta["test_images"]) == (source.train_images, source.test_images)


def test_finding_fetching_reading_and_drawing_need_no_torch():
    code = "import sys\n" + "".join(f"import engine.data.{name}\n" for name in TORCH_FREE)
    code += "sys.exit('torch' in sys.modules or 'torchvision' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
