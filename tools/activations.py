"""Writes engine/models/activations.json: `python -m tools.activations [NAME...]`, after a model was added or changed.

Counted for each model of the catalog, with its default options: the bytes of activations that training keeps for one
image of 3x32x32, in fp32 and under bf16 autocast. No data and no GPU are needed.
"""

from __future__ import annotations

import json
import sys
from typing import Final

import torch

from engine.analysis.memory import COUNTED
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Choice
from engine.models.build import build_model
from engine.models.memory import count_memory

IMAGES: Final = (16, 32)
"""Two batch sizes: what grows between them belongs to the images; the rest are copies of the weights in bf16."""


def bytes_per_image(name: str) -> list[int]:
    """The activations of one image in bytes, in fp32 and in bf16."""
    with torch.device("meta"):
        model = build_model(Choice(name=name), num_classes=10, in_channels=3, image_size=32, catalog=catalog())

    def held(images: int, *, bf16: bool) -> int:
        return count_memory(model, (images, 3, 32, 32), bf16=bf16).activations

    few, many = IMAGES
    return [round((held(many, bf16=bf16) - held(few, bf16=bf16)) / (many - few)) for bf16 in (False, True)]


def main() -> None:
    """Count the models named, or else all, and write the file."""
    known = catalog().names("model")
    wanted = sys.argv[1:] or known
    counted = json.loads(COUNTED.read_text("utf-8")) if sys.argv[1:] else {}
    for name in wanted:
        counted[name] = bytes_per_image(name)
        sys.stderr.write(f"{name} {counted[name]}\n")
    counted = {name: counted[name] for name in sorted(known) if name in counted}
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(values)}" for name, values in counted.items())
    COUNTED.write_text("{\n" + rows + "\n}\n")


if __name__ == "__main__":
    main()
