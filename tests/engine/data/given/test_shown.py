"""Single images of further test sets: the same as those that were read in a row, and only while the files are there."""

import numpy as np
import pytest
from PIL import Image

from engine.contract.run.predicted import Predicted
from engine.data.given.hashes import hashed, identity
from engine.data.given.layouts import CIFAR10, open_given
from engine.data.given.model_input import ModelInput
from engine.data.given.shown import BLANK, cache_file, given_images, remember

WANTS = ModelInput("cifar10", CIFAR10, 3, 32)
IMAGES = np.random.default_rng(2).integers(0, 256, (12, 32, 32, 3), np.uint8)


def read(source, **options) -> Predicted:
    """What a run keeps of a set that is predicted here."""
    given = open_given(str(source), WANTS, **options)
    rows = hashed(given)
    remember(identity(rows), str(source), options.get("labels", ""), options.get("data_dir", ""))
    return Predicted(name="x", images=given.images, files=rows, data=identity(rows))


def sources(folder):
    np.save(folder / "a.npy", IMAGES)
    np.save(folder / "first.npy", IMAGES.transpose(0, 3, 1, 2))
    np.savez(folder / "b.npz", images=IMAGES)
    np.savez_compressed(folder / "c.npz", images=IMAGES)
    for at, image in enumerate(IMAGES):
        place = folder / "d" / "cat"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{at:02}.png")
    return [folder / name for name in ("a.npy", "first.npy", "b.npz", "c.npz", "d")]


def test_each_layout_gives_the_same_single_images(tmp_path):
    for source in sources(tmp_path):
        shown = given_images(read(source), WANTS)
        assert all((shown.image(at) == IMAGES[at]).all() for at in (11, 0, 5)), source
        assert shown.path == source


def test_gray_images_have_three_equal_channels(tmp_path):
    gray = ModelInput("mnist", tuple("0123456789"), 1, 32)
    np.save(tmp_path / "a.npy", IMAGES[..., 0])
    given = open_given(str(tmp_path / "a.npy"), gray)
    remember(identity(hashed(given)), str(tmp_path / "a.npy"), "", "")
    entry = Predicted(name="x", images=12, files=hashed(given), data=identity(hashed(given)))
    assert (given_images(entry, gray).image(3) == IMAGES[3, ..., :1]).all()


def test_a_set_that_was_read_elsewhere_or_has_changed_is_not_shown(tmp_path):
    np.save(tmp_path / "a.npy", IMAGES)
    entry = read(tmp_path / "a.npy")
    shown = given_images(entry, WANTS)
    np.save(tmp_path / "a.npy", IMAGES[:9])
    with pytest.raises(ValueError, match="have changed since they were predicted"):
        given_images(entry, WANTS)
    (tmp_path / "a.npy").unlink()
    with pytest.raises(ValueError, match="cannot be read any more"):
        given_images(entry, WANTS)
    assert (shown.image(0) == BLANK).all() and shown.image(0).shape == (32, 32, 3)
    cache_file().unlink()
    with pytest.raises(ValueError, match="have not been read on this machine"):
        given_images(entry, WANTS)


def test_relative_paths_and_names_are_found_again(tmp_path, monkeypatch):
    place = tmp_path / "CIFAR-10.1"
    place.mkdir()
    np.save(place / "cifar10.1_v6_data.npy", IMAGES)
    np.save(place / "cifar10.1_v6_labels.npy", np.arange(12) % 10)
    named = read("cifar10.1", data_dir=str(tmp_path))
    monkeypatch.chdir(place)
    np.save("other.npy", IMAGES[::-1])
    relative = read("other.npy")
    monkeypatch.chdir("/")
    assert (given_images(named, WANTS).image(4) == IMAGES[4]).all()
    assert (given_images(relative, WANTS).image(0) == IMAGES[11]).all()
