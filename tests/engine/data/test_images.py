"""Single test images from the cache."""

import numpy as np
import pytest

from engine.data.arrays import Arrays, cache_path, cached
from engine.data.images import stored_images


@pytest.fixture
def arrays(tmp_path, monkeypatch):
    """A small data set in a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (7, 5, 4, 1), dtype=np.uint8)
    labels = np.arange(7, dtype=np.uint8) % 3
    made = Arrays(images[:2], labels[:2], images, labels, ("a", "b", "c"))
    return cached("small", "key", lambda: made, lambda phase, note: None)


def test_an_image_is_that_of_the_data_set_in_three_channels(arrays):
    found = stored_images("small", arrays.fingerprint)
    for index in (0, 6):
        assert (found.image(index) == arrays.test_images[index]).all() and found.image(index).shape == (5, 4, 3)
    assert (found.labels == arrays.test_labels).all() and found.path == cache_path("small")


def test_other_data_and_missing_or_damaged_caches_are_refused_in_words(arrays):
    with pytest.raises(ValueError, match="holds other data"):
        stored_images("small", "0" * 64)
    with pytest.raises(ValueError, match="none is not in the cache"):
        stored_images("none")
    with pytest.raises(ValueError, match="the data set is not in the cache"):
        stored_images("")
    cache_path("small").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(ValueError, match="cannot be read"):
        stored_images("small")
