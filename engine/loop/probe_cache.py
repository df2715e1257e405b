"""What trials found lately for the same work on the same machine, in the user's cache folder."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from engine.contract.files import read_file
from engine.contract.recipe import catalog_cache
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.schema import Recipe
from engine.contract.values import build

THREADS_SECONDS: Final = 600.0
"""How long a number of threads is reused: it depends on what other programs do at present."""
PRECISION_SECONDS: Final = 7 * 86400.0
"""How long a precision or a micro-batch is reused: they depend on the processor, but were measured at one moment."""


@dataclass(frozen=True, slots=True)
class Known:
    """What an earlier run found, with the times of the trials in seconds since 1970; 0 where nothing was tried."""

    threads: int = 0
    threads_tried: float = 0.0
    note: str = ""
    """That of `choose_threads`."""
    precision: str = ""
    precision_tried: float = 0.0
    why: str = ""
    micro_batch: int = 0
    """Images in a part of a batch; 0 for whole batches."""
    micro_batch_tried: float = 0.0
    gain: float = 1.0
    """How many times faster the best parts were than whole batches."""

    def fresh(self) -> Known:
        """Only what is recent enough to be reused. What comes from the future is not: a clock was wrong."""
        now = time.time()
        threads = 0 <= now - self.threads_tried <= THREADS_SECONDS
        precision = 0 <= now - self.precision_tried <= PRECISION_SECONDS
        micro = 0 <= now - self.micro_batch_tried <= PRECISION_SECONDS
        return Known(
            *(self.threads, self.threads_tried, self.note) if threads else (0, 0.0, ""),
            *(self.precision, self.precision_tried, self.why) if precision else ("", 0.0, ""),
            *(self.micro_batch, self.micro_batch_tried, self.gain) if micro else (0, 0.0, 1.0),
        )


def key_of(recipe: Recipe, parts: Catalog, sources: tuple[str, ...]) -> str:
    """A SHA-256 of everything that trials of a run may depend on.

    Args:
        sources: more that they depend on, such as the processor and the version of torch.
    """
    part = parts.get("model", recipe.model.name)
    facts: dict[str, Any] = {
        "model": [recipe.model.name, sorted(recipe.model.options.items())],
        "data": recipe.data.name,
        "batch_size": recipe.batch_size,
        "compute": recipe.compute.model_dump(),
        "sources": sources,
    }
    sums = hashlib.sha256(json.dumps(facts, default=str).encode())
    for path in (part.path, *sorted(Path(__file__).parent.glob("prob*.py"))):  # the code that was tried, and that tries
        sums.update(read_file(path, follow=True))
    return sums.hexdigest()


def recall(key: str) -> Known:
    """What is known and recent enough; nothing for the key ""."""
    found = catalog_cache.load(_name(key), key) if key else None
    try:
        return build(Known, found).fresh() if isinstance(found, dict) else Known()
    except TypeError:  # written by another version
        return Known()


def remember(key: str, known: Known) -> None:
    """Keep what was found for later runs; nothing for the key ""."""
    if key:
        catalog_cache.save(_name(key), key, asdict(known))


def _name(key: str) -> str:
    return f"probe-{key[:16]}"
