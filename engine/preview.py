"""`python -m engine.preview`: what an augmentation makes of real images, op by op and draw by draw.

It reads one JSON object from stdin, the fields of `Request` with the recipe as a table and parts as a list of files,
and writes a `Sheet` to stdout. Exit code 0: done, 2: bad input.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from engine.analysis.sheet import Sheet
from engine.augment.pipeline import Pipeline
from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.recipe.ops import members
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Choice, Recipe
from engine.data.load import DataSet, load
from engine.data.split import permutation
from engine.launch import package

BATCH: Final = 64  # images that find partners among each other, more than are shown
ORDER: Final = 0x70726576  # keeps the images that are shown apart from orders made with the same seed


@dataclass(frozen=True, slots=True)
class Request:
    """What to show. `images` are rows, `draws` how often the whole augmentation is drawn."""

    recipe: Recipe
    parts: Catalog
    images: int
    draws: int
    seed: int
    data_dir: str


def read(text: str) -> Request:
    """The request in a JSON object. Raises BadInput where its recipe does not resolve."""
    table: dict[str, Any] = json.loads(text)
    parts = catalog(tuple(map(Path, table.pop("parts"))))
    return Request(recipe=resolve(table.pop("recipe"), parts), parts=parts, **table)


def make_sheet(asked: Request, data: DataSet) -> Sheet:
    """A row an image: as it is, after the first op, the first two, ... all of them, and then further draws of all.

    The columns of the first draw belong together, as draws of an op do not depend on the ops after it. Further draws
    are those of the epochs after it. Pictures are denormalised, so what lies outside of 0..1 is cut off.
    """
    ops = asked.recipe.augmentation
    labels = data.train.labels.numpy()
    chosen = some_of_each_class(labels, max(BATCH, asked.images), asked.seed)
    index = torch.from_numpy(chosen)
    images, targets = data.train.images[index], data.train.labels[index]

    pipeline = partial(
        Pipeline,
        seed=asked.seed,
        mean=data.mean,
        std=data.std,
        num_classes=len(data.classes),
        catalog=asked.parts,
    )

    def look(count: int, epoch: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Pictures (images, H, W, 3) and targets (images, classes) after the first `count` ops."""
        x, y = pipeline(ops[:count])(images, targets, epoch, 0, chosen)
        return pixels(x[: asked.images], data), y[: asked.images].numpy()

    labelled = [f"+{label}" if i else label for i, label in enumerate(_label(op) for op in ops)]
    heads = ["original", *labelled]
    looks = [look(count) for count in range(len(ops) + 1)]
    if ops:
        heads += [f"draw {number}" for number in range(2, asked.draws + 1)]
        looks += [look(len(ops), epoch) for epoch in range(1, asked.draws)]
    captions = [
        [[data.classes[int(own.argmax())]], *(caption(y[row], own, data.classes) for _, y in looks[1:])]
        for row, own in enumerate(looks[0][1])
    ]
    return Sheet(np.stack([tiles for tiles, _ in looks], 1), heads, captions)


def some_of_each_class(labels: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Places (n,) of images chosen by `seed`, one class after another; fewer where there are not as many."""
    order = permutation(len(labels), ORDER, seed)
    shuffled = labels[order]
    turn = np.zeros(len(labels), np.int64)  # which of its class an image is
    for label in np.unique(labels):
        members = np.flatnonzero(shuffled == label)
        turn[members] = np.arange(len(members))
    return order[np.lexsort((shuffled, turn))[:n]]


def pixels(x: Tensor, data: DataSet) -> np.ndarray:
    """Normalised images (n, C, H, W) as bytes (n, H, W, 3)."""
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (data.mean, data.std))
    bytes_ = ((x * std + mean) * 255).round_().clamp_(0, 255).to(torch.uint8)
    return np.asarray(bytes_.expand(-1, 3, -1, -1).permute(0, 2, 3, 1))


def caption(target: np.ndarray, own: np.ndarray, classes: tuple[str, ...]) -> list[str]:
    """The classes of a mixture with their shares, largest first; nothing where the target is still the image's own."""
    if np.array_equal(target, own):
        return []
    shares = [(share, name) for share, name in zip(target.tolist(), classes, strict=True) if share >= 0.005]
    return [f"{share:.0%} {name}" for share, name in sorted(shares, reverse=True)]


def _label(op: Choice) -> str:
    inner = [_label(member) for member in members(op)]
    return f"{op.name} ({', '.join(inner)})" if inner else op.name


def main() -> int:
    """Answer the request on stdin; the exit code."""
    try:
        if problem := package.problem():
            raise BadInput(problem)
        asked = read(sys.stdin.read())
        data = load(asked.recipe.data, asked.data_dir, _say, asked.parts)
        sys.stdout.buffer.write(make_sheet(asked, data).to_bytes())
    except BadInput as error:
        for problem in error.problems:
            sys.stderr.write(f"error: {problem}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _say(phase: str, note: str) -> None:
    if phase == "fetching":
        sys.stderr.write(f"fetching {note}\n")


if __name__ == "__main__":
    sys.exit(main())
