"""`python -m engine.preview`: show the effect of an augmentation on real images, op by op and draw by draw.

Reads one JSON object from stdin: the fields of `Request`, with the recipe as a table and the parts as a list of files.
Writes a `ContactSheet` to stdout. Exit code 0: success, 2: bad input.
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

from engine.analysis.contact_sheet import ContactSheet
from engine.augment.pipeline import Pipeline
from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.recipe.ops import members
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Choice, Recipe
from engine.data.load import DataSet, load
from engine.data.split import permutation
from engine.launch import package

BATCH: Final = 64  # images in the augmented batch; more than are shown, so that mixing ops find varied partners
ORDER: Final = 0x70726576  # makes the choice of images independent of other orders drawn from the same seed


@dataclass(frozen=True, slots=True)
class Request:
    """What to show: `images` rows, and `draws` draws of the whole augmentation."""

    recipe: Recipe
    parts: Catalog
    images: int
    draws: int
    seed: int
    data_dir: str


def read(text: str) -> Request:
    """Parse a request from a JSON object. Raises BadInput if the recipe does not resolve."""
    table: dict[str, Any] = json.loads(text)
    parts = catalog(tuple(map(Path, table.pop("parts"))))
    return Request(recipe=resolve(table.pop("recipe"), parts), parts=parts, **table)


def make_sheet(request: Request, data: DataSet) -> ContactSheet:
    """One row per image: the original, after the first op, the first two, ... all ops, then further draws of all ops.

    The columns of the first draw show the same draw, since the draw of an op does not depend on later ops. Further
    draws are those of the following epochs. Pictures are denormalized, and values outside of 0..1 are clipped.
    """
    ops = request.recipe.augmentation
    labels = data.train.labels.numpy()
    chosen = some_of_each_class(labels, max(BATCH, request.images), request.seed)
    index = torch.from_numpy(chosen)
    images, targets = data.train.images[index], data.train.labels[index]

    pipeline = partial(
        Pipeline,
        seed=request.seed,
        mean=data.mean,
        std=data.std,
        num_classes=len(data.classes),
        catalog=request.parts,
    )

    def column(count: int, epoch: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Pictures (images, H, W, 3) and targets (images, classes) after the first `count` ops."""
        x, y = pipeline(ops[:count])(images, targets, epoch, 0, chosen)
        return pixels(x[: request.images], data), y[: request.images].numpy()

    labeled = [f"+{label}" if i else label for i, label in enumerate(_label(op) for op in ops)]
    heads = ["original", *labeled]
    columns = [column(count) for count in range(len(ops) + 1)]
    if ops:
        heads += [f"draw {number}" for number in range(2, request.draws + 1)]
        columns += [column(len(ops), epoch) for epoch in range(1, request.draws)]
    captions = [
        [[data.classes[int(own.argmax())]], *(caption(y[row], own, data.classes) for _, y in columns[1:])]
        for row, own in enumerate(columns[0][1])
    ]
    return ContactSheet(np.stack([tiles for tiles, _ in columns], 1), heads, captions)


def some_of_each_class(labels: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Indices (n,) of random images, cycling through the classes; fewer if there are not that many images."""
    order = permutation(len(labels), ORDER, seed)
    shuffled = labels[order]
    turn = np.zeros(len(labels), np.int64)  # position of each image within its class
    for label in np.unique(labels):
        members = np.flatnonzero(shuffled == label)
        turn[members] = np.arange(len(members))
    return order[np.lexsort((shuffled, turn))[:n]]


def pixels(x: Tensor, data: DataSet) -> np.ndarray:
    """Normalized images (n, C, H, W) as uint8 RGB pixels (n, H, W, 3)."""
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (data.mean, data.std))
    bytes_ = ((x * std + mean) * 255).round_().clamp_(0, 255).to(torch.uint8)
    return np.asarray(bytes_.expand(-1, 3, -1, -1).permute(0, 2, 3, 1))


def caption(target: np.ndarray, own: np.ndarray, classes: tuple[str, ...]) -> list[str]:
    """The classes in a mixed target with their shares, largest first; empty if the target has not changed.

    Args:
        target: soft target (classes,) after augmentation.
        own: the image's original target (classes,).
    """
    if np.array_equal(target, own):
        return []
    shares = [(share, name) for share, name in zip(target.tolist(), classes, strict=True) if share >= 0.005]
    return [f"{share:.0%} {name}" for share, name in sorted(shares, reverse=True)]


def _label(op: Choice) -> str:
    inner = [_label(member) for member in members(op)]
    return f"{op.name} ({', '.join(inner)})" if inner else op.name


def main() -> int:
    """Answer the request on stdin and return the exit code."""
    try:
        if problem := package.problem():
            raise BadInput(problem)
        request = read(sys.stdin.read())
        data = load(request.recipe.data, request.data_dir, _report, request.parts)
        sys.stdout.buffer.write(make_sheet(request, data).to_bytes())
    except BadInput as error:
        for problem in error.problems:
            sys.stderr.write(f"error: {problem}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _report(phase: str, note: str) -> None:
    if phase == "fetching":
        sys.stderr.write(f"fetching {note}\n")


if __name__ == "__main__":
    sys.exit(main())
