"""Single images of a further test set, for looking at them: where its files were last is kept in the user's cache.

A run records no paths, which say nothing to anybody else. So its images can be shown only on the machine on which they
were predicted, as long as the files are where they were. No torch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import platformdirs

from engine.contract.errors import BadInput
from engine.contract.files import read_json, write_atomic
from engine.contract.run.predicted import Predicted
from engine.data.given.layouts import KNOWN, Given, open_given
from engine.data.given.model_input import Images, ModelInput, Pixels

MOST: Final = 500
"""Sets whose places are kept."""
BLANK: Final = 128


@dataclass(frozen=True, slots=True)
class GivenImages:
    """The images of a set by their place in it."""

    path: Path
    """Where they are."""
    images: Images
    shape: tuple[int, int, int]
    """Of one image: (H, W, C)."""

    def image(self, index: int) -> Pixels:
        """The image (H, W, 3) at this place; a gray one has three equal channels.

        It is blank if its file has gone since: the next reading of the set says so.
        """
        try:
            found = self.images.one(index)
        except (BadInput, OSError):
            found = np.full(self.shape, BLANK, np.uint8)
        return found if found.shape[-1] == 3 else np.repeat(found, 3, axis=-1)


def cache_file() -> Path:
    """The places by SHA-256 of a set's files: a cache, which may be deleted at any time."""
    return platformdirs.user_cache_path("cifar-tui") / "test-sets.json"


def remember(data: str, source: str, labels: str, data_dir: str) -> None:
    """Note where a set is. Raises OSError if the cache cannot be written.

    Args:
        data: SHA-256 of its files.
        source, labels, data_dir: as for `open_given`.
    """
    named = source if source in KNOWN and not Path(source).exists() else _absolute(source)
    place = {"source": named, "labels": _absolute(labels), "data_dir": _absolute(data_dir)}
    path = cache_file()
    known = read_json(path) or {}
    if known.get(data) == place:
        return
    kept = dict(list((known | {data: place}).items())[-MOST:])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps(kept).encode(), durable=False)


def given_images(entry: Predicted, wants: ModelInput) -> GivenImages:
    """The images of a plain set that was predicted on this machine.

    Raises:
        ValueError: it was predicted elsewhere, or its files are gone or have other sizes. Its text says so.
    """
    place = (read_json(cache_file()) or {}).get(entry.data)
    if not isinstance(place, dict):
        raise ValueError(f"the files of {entry.name} have not been read on this machine")
    try:
        given = open_given(
            str(place.get("source", "")), wants, labels=str(place.get("labels", "")),
            data_dir=str(place.get("data_dir", "")),
        )  # fmt: skip
        unchanged = _sizes(given) == [(file.get("role"), file.get("bytes")) for file in entry.files]
    except (BadInput, OSError) as error:
        raise ValueError(f"the files of {entry.name} cannot be read any more ({error})") from None
    if not unchanged:
        raise ValueError(f"the files of {entry.name} have changed since they were predicted")
    first = given.files[0].path
    return GivenImages(first.parents[1] if given.by_file else first, given.parts[0].images, wants.shape)


def _sizes(given: Given) -> list[tuple[Any, Any]]:
    return [(file.role, file.path.stat().st_size) for file in given.files]


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute()) if path else ""
