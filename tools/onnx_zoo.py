"""Writes docs/onnx.json and the table of ONNX exports in docs/weights.md: `python -m tools.onnx_zoo [NAME...]`.

Each model of the catalog, with its default options and ten classes, is exported untrained, and its logits of five
random images in onnxruntime are compared with those in PyTorch. Needs the extra `onnx`; takes an hour of a core for all.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import torch

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


def compare(name: str) -> dict[str, Any]:
    """{"difference": the largest of a logit, relative to the largest logit if that is above 1}, or {"refused": why}."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = build_model(Choice(name=name), num_classes=10, catalog=catalog()).eval()
    images = torch.randn(5, 3, 32, 32)
    try:
        found = onnx_logits(written_onnx(model, (3, 32, 32)), images)
    except BadInput as error:
        return {"refused": str(error)}
    expected = logits(model, images)
    scale = max(1.0, float(expected.abs().max()))
    return {"difference": float(f"{float((found - expected).abs().max()) / scale:.2g}")}


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The table of docs/weights.md: one row a family."""
    families: dict[str, list[str]] = {}
    for part in catalog().parts("model"):
        families.setdefault(str(part.meta.get("family", "")), []).append(part.name)
    rows = ["| family | models | export | largest difference | refused |", "|---|--:|--:|--:|---|"]
    for family, names in sorted(families.items()):
        differences = [found[name]["difference"] for name in names if "difference" in found.get(name, {})]
        refused = ", ".join(f"`{name}`" for name in sorted(names) if "refused" in found.get(name, {}))
        largest = f"{max(differences):.1e}" if differences else ""
        rows.append(f"| {family} | {len(names)} | {len(differences)} | {largest} | {refused} |")
    return "\n".join(rows) + "\n"


def write(found: Mapping[str, Mapping[str, Any]]) -> None:
    """Write both files."""
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(found[name])}" for name in sorted(found))
    RECORD.write_text("{\n" + rows + "\n}\n", encoding="utf-8")
    PAGE.write_text(TABLE.sub(lambda _: table(found), PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def main(wanted: Iterable[str]) -> None:
    """Compare the models named, or else all, and write the files after each of them."""
    known = catalog().names("model")
    found = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    found = {name: one for name, one in found.items() if name in known}
    with ProcessPoolExecutor(WORKERS, get_context("spawn"), max_tasks_per_child=10) as pool:
        asked = {pool.submit(compare, name): name for name in wanted or known}
        for done in as_completed(asked):
            found[asked[done]] = done.result()
            sys.stderr.write(f"{asked[done]} {found[asked[done]]}\n")
            write(found)


if __name__ == "__main__":
    main(sys.argv[1:])
