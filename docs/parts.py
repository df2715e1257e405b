"""Writes docs/parts.md, all that a recipe can say, from the schema and the marks: `python docs/parts.py`."""

from __future__ import annotations

import runpy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from engine.contract.recipe.catalog import Part, catalog
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.params import OPS, Param
from engine.contract.recipe.schema import NOT_HASHED, ComputeConfig, DataConfig, EvaluateConfig, Recipe
from tui.plans.placement import param_of

HERE = Path(__file__).resolve().parent
PAGE = HERE / "parts.md"
link = runpy.run_path(str(HERE / "zoo.py"))["link"]

HEAD = """\
# All that a recipe can say

<!-- written by `python docs/parts.py` from engine/contract/recipe/schema.py and the marks of the parts: edit those -->

A field goes by its path, in TOML, with `--set` and in the forms: `--set optimizer.momentum=0.8`,
`--add-op cutout:length=8`, `--set augmentation.cutout.holes=2`. Models are in [zoo.md](zoo.md), how to add a part of
your own is in [extending.md](extending.md). `cifar-tui schema` prints the same as JSON schema.
"""
KINDS = {
    "op": ("Augmentation ops", "In `augmentation`, a list. By its stage an op changes single images or mixes a batch."),
    "optimizer": ("Optimizers", "In `optimizer`."),
    "schedule": ("Schedules", "In `schedule`: curves over the training. `cifar-tui schedules show NAME` draws them."),
    "loss": ("Losses", "In `loss`."),
    "averaging": ("Averages of the weights", "In `averaging`; an average is what the headline is measured on."),
    "dataset": ("Data sets", "In `data.name`."),
}
PER_MODEL = "The options that every model takes, beside its own (`cifar-tui models show NAME`)."


def page() -> str:
    """The whole page."""
    sections = [HEAD, "## The recipe\n\n" + table(schema_params(Recipe, skip=(*COMMON, *NOT_HASHED)))]
    for name, schema in (("data", DataConfig), ("compute", ComputeConfig), ("evaluate", EvaluateConfig)):
        sections.append(f"### {name}\n\n{schema.__doc__}\n\n{table(schema_params(schema))}")
    sections.append(f"### model\n\n{PER_MODEL}\n\n{table(COMMON['model'])}")
    for kind, (title, where) in KINDS.items():
        sections.append(f"## {title}\n\n{where}\n")
        if kind in COMMON:
            sections.append(f"Every one of them also takes:\n\n{table(COMMON[kind])}")
        sections += [described(part) for part in catalog().parts(kind)]
    return "\n".join(sections)


def described(part: Part) -> str:
    """One part: what it is, in its docstring's first line, and its options."""
    paper = f" {link(part.meta['paper'])}" if "paper" in part.meta else ""
    stage = f" Stage: {part.meta['stage']}." if "stage" in part.meta else ""
    head = f"### {part.name}\n\n{part.summary}{stage}{paper}\n"
    return f"{head}\n{table(part.params)}" if part.params else head


def schema_params(schema: type[BaseModel], skip: Iterable[str] = ()) -> list[Param]:
    """The plain fields of a table of the recipe."""
    return [param_of(name, info) for name, info in schema.model_fields.items() if name not in skip and plain(info)]


def plain(info: FieldInfo) -> bool:
    """Whether a field holds a value rather than a table or a part."""
    kind: Any = info.annotation
    return not (isinstance(kind, type) and issubclass(kind, BaseModel)) and "Choice" not in str(kind)


def table(params: Iterable[Param]) -> str:
    """Options as a Markdown table."""
    lines = ["| option | default | range | meaning |", "| --- | --- | --- | --- |"]
    for param in params:
        unit = f" ({param.unit})" if param.unit else ""
        kind = "list of ops" if param.type == OPS else param.range.replace("|", "\\|") or param.type
        default = "-" if param.required else f"`{shown(param.default)}`"
        lines.append(f"| `{param.name}` | {default} | {kind} | {param.help}{unit} |")
    return "\n".join(lines) + "\n"


def shown(value: Any) -> str:
    """A value as TOML has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(shown, value))}]"
    return f'"{value}"' if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
