"""Writes docs/onnx.json and the table of ONNX exports in docs/weights.md: `python -m tools.onnx_zoo [NAME...]`.

Each model of the catalog, with its default options and ten classes, is exported untrained, with noise on what starts
as a constant, and its logits of five random images in onnxruntime are compared with those in PyTorch. Without names,
those are compared that the record lacks; delete the record to begin again. Needs the extra `onnx`; takes forty minutes
of a core for all.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Choice
from engine.export.network import logits
from engine.export.onnx_file import onnx_logits, written_onnx
from engine.models.build import build_model

DOCS: Final = Path(__file__).resolve().parents[1] / "docs"
RECORD: Final = DOCS / "onnx.json"
PAGE: Final = DOCS / "weights.md"
TABLE: Final = re.compile(r"(?<=<!-- onnx table -->\n).*?(?=<!-- end -->)", re.DOTALL)
WORKERS: Final = 2


def compare(name: str) -> tuple[str, dict[str, Any]]:
    """The name, with {"difference": the largest of a logit, "rounding": the largest of a logit in PyTorch when the
    images change in their last bit}, both relative to the largest logit, or {"refused": why}.
    """
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = build_model(Choice(name=name), num_classes=10, catalog=catalog()).eval()
    _wake(model)
    images = torch.randn(5, 3, 32, 32)
    try:
        found = onnx_logits(written_onnx(model, (3, 32, 32)), images)
    except BadInput as error:
        return name, {"refused": str(error)}
    expected = logits(model, images)
    others = {"difference": found, "rounding": logits(model, images * (1 + 2**-23))}
    return name, {key: _relative(one - expected, expected) for key, one in others.items()}


def _relative(difference: Tensor, logits: Tensor) -> float:
    return float(f"{float(difference.abs().max() / logits.abs().max()):.2g}")


@torch.no_grad()
def _wake(model: nn.Module) -> None:
    """Add noise to parameters that start as a constant: a branch whose last factor is 0 would hide its own errors."""
    for parameter in model.parameters():
        if parameter.numel() > 1 and parameter.min() == parameter.max():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The table of docs/weights.md: one row a family."""
    families: dict[str, list[str]] = {}
    for part in catalog().parts("model"):
        families.setdefault(str(part.meta.get("family", "")), []).append(part.name)
    rows = ["| family | models | export | difference | rounding |", "|---|--:|--:|--:|--:|"]
    for family, names in sorted(families.items()):
        exported = [found[name] for name in names if "difference" in found.get(name, {})]
        largest = [f"{max(one[key] for one in exported):.1e}" if exported else "" for key in ("difference", "rounding")]
        rows.append(f"| {family} | {len(names)} | {len(exported)} | {largest[0]} | {largest[1]} |")
    return "\n".join(rows) + "\n"


def write(found: Mapping[str, Mapping[str, Any]]) -> None:
    """Write both files."""
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(found[name])}" for name in sorted(found))
    RECORD.write_text("{\n" + rows + "\n}\n", encoding="utf-8")
    PAGE.write_text(TABLE.sub(lambda _: table(found), PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def main(wanted: Sequence[str]) -> None:
    """Compare the models named, or else those that the record lacks, and write the files after each of them."""
    known = catalog().names("model")
    found = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    found = {name: one for name, one in found.items() if name in known}
    asked = wanted or sorted(set(known) - set(found))
    with get_context("spawn").Pool(WORKERS, maxtasksperchild=10) as pool:  # exports leave memory behind
        for name, one in pool.imap_unordered(compare, asked):
            found[name] = one
            sys.stderr.write(f"{name} {one}\n")
            write(found)


if __name__ == "__main__":
    main(sys.argv[1:])
