"""Writes docs/zoo.md, the table of all models, from the catalog: `python docs/zoo.py`. Builds nothing."""

from __future__ import annotations

import ast
import json
import re
from itertools import groupby
from pathlib import Path
from typing import Any

from engine.contract.recipe.catalog import Part, catalog

HERE = Path(__file__).resolve().parent
PAGE, OVERFIT = HERE / "zoo.md", HERE / "overfit.json"
HEAD = """\
# The models

<!-- written by `python docs/zoo.py` from the marks in engine/models: edit those -->

{models} models in {families} families. Parameters and multiply-adds (GMACs) are at 10 classes on 3x32x32 images, and
tests hold the models to them. "CIFAR-10 (paper)" is the test accuracy that the paper or its authors' code reports for
this network, if it reports one. `cifar-tui models show NAME` prints options, stages and memory; any name or alias goes
wherever a recipe asks for a model. A name in `_seed` is the network as an earlier project published it, where that
differs from the paper.
"""
OVERFITTED = """\
Each model is trained on the same 128 real images until it classifies 95 % of them correctly in evaluation mode, or for
a minute on all cores: {learned} of {known} models reach 95 %. A model that is too slow for a CPU (above 0.6 GMACs, or
where a minute is too short) is reduced to one block of each run of equal blocks, or to the sizes in
`tests/engine/models/smaller.py`. To train the models whose code has changed since:

```sh
CIFAR_TUI_OVERFIT=docs/overfit.json pytest -m slow tests/engine/models/test_overfit.py -k learned && python docs/zoo.py
```
"""
TARGET = 0.95
COLUMNS = ("name", "parameters", "GMACs", "year", "paper", "CIFAR-10 (paper)", "aliases")


def page() -> str:
    """The whole page."""
    parts = catalog().parts("model")
    families = [(name, list(members)) for name, members in groupby(parts, key=lambda part: part.meta["family"])]
    sections = [HEAD.format(models=len(parts), families=len(families))]
    for name, members in families:
        rows = [
            [
                f"`{part.name}`",
                f"{part.meta['params']:,}",
                f"{part.meta['gmacs']:.4g}",
                str(part.meta["year"]),
                link(part.meta["paper"]),
                part.meta.get("paper_result", ""),
                ", ".join(f"`{alias}`" for alias in part.aliases),
            ]
            for part in members
        ]
        sections.append(f"## {name}\n\n{described(members)}\n\n{table(COLUMNS, rows)}")
    return "\n".join(sections + overfit())


def described(members: list[Part]) -> str:
    """What the files of a family say of themselves, one line each: the first paragraph of each docstring."""
    files = dict.fromkeys(part.path for part in members)
    docs = [ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" for path in files]
    return "\n\n".join(" ".join(doc.partition("\n\n")[0].split()) for doc in docs)


def link(paper: str) -> str:
    """An arXiv number, a DOI or a GitHub repository as a Markdown link."""
    if re.fullmatch(r"\d{4}\.\d{4,5}", paper):
        return f"[{paper}](https://arxiv.org/abs/{paper})"
    host = "https://doi.org" if paper.startswith("10.") else "https://github.com"
    return f"[{paper}]({host}/{paper})" if "/" in paper else paper


def table(columns: tuple[str, ...], rows: list[list[str]]) -> str:
    """A Markdown table; columns of numbers are right-aligned."""
    numbers = ("parameters", "GMACs", "year", "accuracy, %", "steps", "seconds")
    rules = ["--:" if column in numbers else "---" for column in columns]
    lines = [f"| {' | '.join(row)} |".replace("  |", " |") for row in [list(columns), rules, *rows]]
    return "\n".join(lines) + "\n"


def overfit() -> list[str]:
    """What `tests/engine/models/test_overfit.py` wrote down, where it has been run."""
    if not OVERFIT.is_file():
        return []
    runs: dict[str, dict[str, Any]] = json.loads(OVERFIT.read_text(encoding="utf-8"))
    rows = [
        [
            f"`{name}`",
            run["size"],
            f"{100 * run['accuracy']:.1f}",
            str(run["steps"]),
            f"{run['seconds']:.0f}",
            run["device"],
        ]
        for name, run in sorted(runs.items())
    ]
    learned = sum(run["accuracy"] >= TARGET for run in runs.values())
    known = len(catalog().parts("model"))
    columns = ("name", "size", "accuracy, %", "steps", "seconds", "device")
    return [f"## Over-fitting 128 images\n\n{OVERFITTED.format(learned=learned, known=known)}\n{table(columns, rows)}"]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
