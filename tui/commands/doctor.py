"""`cifar-tui doctor` checks this machine; `cifar-tui schema` prints the JSON schema of recipes."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import typer

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.schema import Recipe
from engine.contract.text import one_line
from tui.commands.common import Json, print_json, roots
from tui.drawing.format import file_size, glyphs_of_terminal
from tui.settings import color_system

if TYPE_CHECKING:
    from engine.launch.devices import Gpu

TMUX_RGB = 'set -as terminal-features ",*:RGB"'
"""Lets tmux pass true colors on to the terminal around it."""
PACKAGES = ("torch", "torchvision", "textual", "numpy", "pydantic")


def doctor(as_json: bool = Json) -> None:
    """Check this machine: packages, devices, data, disk space."""
    report = {
        "machine": _machine(),
        "packages": _packages(),
        "devices": _devices(),
        "several gpus": _several(),
        "data": _data(),
        "runs": _runs(),
    }
    if as_json:
        return print_json(report)
    for title, facts in report.items():
        typer.echo(title)
        for key, value in facts.items():
            typer.echo(f"  {key:14} {value}")
    return None


def _machine() -> dict[str, Any]:
    import psutil

    size = shutil.get_terminal_size()
    return {
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory": file_size(psutil.virtual_memory().total),
        "terminal": f"{os.environ.get('TERM', '-')}, {sys.stdout.encoding}, {size.columns}x{size.lines}",
        "glyphs": f"{glyphs_of_terminal()} (--glyphs)",
        "colors": f"{_colors()} (--colors)",
        "tmux": f"for true color, put into ~/.tmux.conf: {TMUX_RGB}; and export COLORTERM=truecolor in your shell",
    }


def _colors() -> str:
    if "NO_COLOR" in os.environ:
        return "none, because NO_COLOR is set"
    known = os.environ.get("COLORTERM")
    which = "true color" if color_system("auto", os.environ) == "truecolor" else "256"
    return f"{which}, because COLORTERM is {known or 'not set'}"


def _packages() -> dict[str, Any]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing: pip install cifar-tui"
    return found


def _devices() -> dict[str, Any]:
    from engine.launch.devices import survey

    cards, problem = survey()
    if not cards:
        why = f"the driver does not answer: {problem}" if problem else "none found by NVML"
        return {"gpu": f"{why}; runs use the CPU (or MPS on a Mac)"}
    return {f"gpu {card.index}": _card(card) for card in cards}


def _several() -> dict[str, Any]:
    """How one run would use several GPUs."""
    from engine.launch import peers
    from engine.launch.devices import survey, visible

    cards = visible(survey()[0])
    facts = {"one run": peers.backend(cards)}
    if sum(not card.problem for card in cards) > 1:
        facts["peer-to-peer"] = peers.peer_to_peer(cards)
    return facts


def _card(card: Gpu) -> str:
    if card.problem:
        return f"does not answer: {one_line(card.problem)}; runs do not use it"
    name = one_line(card.name)
    if card.memory_free is None or card.memory_total is None:
        return f"{name}, memory unknown"
    return f"{name}, {file_size(card.memory_free)} of {file_size(card.memory_total)} free"


def _data() -> dict[str, Any]:
    from engine.data.archives import locate

    found: dict[str, Any] = {}
    for part in catalog().parts("dataset"):
        if not part.meta.get("downloadable"):
            found[part.name] = "generated, always available"
            continue
        place = locate(part.name)
        absent = place.note if place.denied else f"missing: cifar-tui data fetch {part.name}"
        found[part.name] = absent if place.missing else str(place.path)
    return found


def _runs() -> dict[str, Any]:
    try:
        folder = roots(None)[0]
    except BadInput as problem:
        return {"folder": str(problem)}
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    return {
        "folder": str(folder),
        "writable": os.access(place, os.W_OK),
        "free": file_size(shutil.disk_usage(place).free),
    }


def schema(as_json: bool = typer.Option(True, "--json", help="Print JSON; always the case.")) -> None:
    """Print the JSON schema of recipes and of all parts."""
    table = Recipe.model_json_schema()
    parts = catalog()
    definitions = table.setdefault("$defs", {})
    for field, kind in (
        ("model", "model"),
        ("optimizer", "optimizer"),
        ("schedule", "schedule"),
        ("loss", "loss"),
        ("averaging", "averaging"),
        ("augmentation", "op"),
    ):
        options = []
        for part in parts.parts(kind):
            known = part.schema(COMMON.get(kind, ())).model_json_schema()
            definitions |= known.pop("$defs", {})
            known["properties"] = {"name": {"const": part.name}, **known.get("properties", {})}
            known["required"] = ["name", *known.get("required", [])]
            known["title"], known["description"] = part.title, part.summary
            definitions[f"{kind}.{part.name}"] = known
            options.append({"$ref": f"#/$defs/{kind}.{part.name}"})
        one = {"anyOf": [{"type": "string"}, *options]}
        table["properties"][field] = {"type": "array", "items": one} if kind == "op" else one
    print_json(table)
