"""`cifar-tui models`: list the models, show their facts and stages, and the presets that use them. Imports no torch."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import typer

from engine.contract.errors import BadInput, nearest
from engine.contract.recipe.catalog import TIMM, Part, catalog
from engine.launch.package import environment
from presets import loader, references
from presets.suite_uses import uses_of_model
from tui.commands.common import BAD_INPUT, FAILED, Json, group, print_json, print_table, say
from tui.commands.part_text import part_row, print_doc, print_options
from tui.commands.presets import expect, suite_rows
from tui.drawing.format import file_size, si

app = group("Models: list and filter; show stages and memory.")

FACTS: Final = {"family": "", "params": 0, "gmacs": 0.0, "year": 0, "paper": ""}
SORTS: Final = ("family", "params", "gmacs", "year", "name")
COUNT: Final = re.compile(r"(\d[\d_,]*(?:\.\d+)?)\s*([kMG]?)", re.IGNORECASE)
UNITS: Final = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9}

Families = typer.Option([], "--family", help="Show only this family; may be given several times.", metavar="F")
MaxParams = typer.Option(
    "", "--max-params", help="Show only models with at most this many parameters, such as 5M or 300k.", metavar="N"
)
Sort = typer.Option("family", "--sort", help=f"Sort by {', '.join(SORTS[:-1])}, or {SORTS[-1]}.", metavar="KEY")


@app.callback(invoke_without_command=True)
def default(
    ctx: typer.Context,
    families: list[str] = Families,
    max_params: str = MaxParams,
    sort: str = Sort,
    as_json: bool = Json,
) -> None:
    """Without a subcommand, list the models."""
    if ctx.invoked_subcommand is None:
        list_models(families, max_params, sort, as_json)


@app.command("list")
def list_models(
    families: list[str] = Families, max_params: str = MaxParams, sort: str = Sort, as_json: bool = Json
) -> None:
    """List models with their family, size, cost and paper."""
    rows = selected(model_rows(), families, max_params, sort)
    if as_json:
        return print_json(rows)
    head = ["name", "family", "params", "GMACs", "year", "paper", "title"]
    shown = [row | {"params": si(row["params"]), "GMACs": f"{row['gmacs']:.3g}"} for row in rows]
    table = [[str(row[key]) for key in head] for row in shown]
    return print_table(
        head, table, right=["params", "GMACs"], shrink=["paper"], drop=["title", "paper", "year", "family"]
    )


def model_rows() -> list[dict[str, Any]]:
    """Every model of the catalog, then every named variant, in the form that `models list --json` prints."""
    variants = loader.list_presets("models")
    return [_row(part) for part in catalog().parts("model")] + [_variant_row(info) for info in variants]


def selected(rows: Sequence[dict[str, Any]], families: Sequence[str], max_params: str, sort: str) -> list[Any]:
    """The rows that pass the filters, sorted; ties keep the order of the catalog. Raises BadInput."""
    if sort not in SORTS:
        raise BadInput(f"--sort {sort!r}: not one of {', '.join(SORTS)}{nearest(sort, SORTS)}")
    known = {row["family"] for row in rows}
    if wrong := [family for family in families if family not in known]:
        raise BadInput(*(f"--family {family!r}: no such family{nearest(family, known)}" for family in wrong))
    limit = _count(max_params) if max_params else float("inf")
    fit = [row for row in rows if row["params"] <= limit and (not families or row["family"] in families)]
    return sorted(fit, key=lambda row: row[sort])


def _count(text: str) -> float:
    """Parse a count such as 5M (5,000,000). Raises BadInput."""
    found = COUNT.fullmatch(text.strip())
    if found is None:
        raise BadInput(f"--max-params {text!r}: not a number such as 5M, 300k or 62006")
    digits = found[1].replace("_", "").replace(",", "")
    return float(digits) * UNITS[found[2].lower()]


def _row(part: Part) -> dict[str, Any]:
    facts = {key: part.meta.get(key, default) for key, default in FACTS.items()}
    return {"name": part.name, "aliases": list(part.aliases), "title": part.title, **facts}


def _variant_row(info: loader.PresetInfo) -> dict[str, Any]:
    part, _ = _variant(info.name)
    return _row(part) | {"name": info.name, "aliases": [], "title": info.title}


def _variant(name: str) -> tuple[Part, dict[str, Any]]:
    """The part behind a named variant and the options that it changes."""
    table = loader.part_table("models", name)
    table = dict(table) if isinstance(table, Mapping) else {"name": str(table)}
    return catalog().get("model", str(table.pop("name"))), table


@app.command("show")
def show_model(
    name: str = typer.Argument(..., help="A model, an alias of one, or a named variant.", metavar="NAME"),
    batch: int = typer.Option(128, "--batch-size", min=1, help="Images per step, for the memory.", metavar="N"),
    classes: int = typer.Option(10, "--classes", min=2, help="Number of classes.", metavar="N"),
    size: int = typer.Option(32, "--size", min=28, help="Side of the images in pixels.", metavar="PX"),
    summary: bool = typer.Option(True, help="Count stages and memory; imports torch, which takes some seconds."),
    as_json: bool = Json,
) -> None:
    """Show one model.

    The output has its facts, its options, the presets that use it, its stages, and the memory that training takes.
    """
    variants = {info.name: info for info in loader.list_presets("models")}
    if name in variants:
        part, changed = _variant(name)
        row = _variant_row(variants[name])
    else:
        part, changed = _known(name, variants), {}
        row = _row(part)
    row |= {key: row[key] or None for key in FACTS}  # timm's models have no such facts
    row |= part_row(part) | {key: row[key] for key in ("name", "title")}
    row |= {"paper_result": part.meta.get("paper_result") if not changed else None}
    row |= {"doc": part.doc, "changed": changed, "presets": uses(part, changed)}
    rows = [] if changed else uses_of_model(part.name, catalog())  # no row of a suite trains a variant
    row |= {"suites": suite_rows(rows)}
    count = partial(count_model, part, changed, batch=batch, classes=classes, size=size)
    if as_json:
        return print_json(row | ({"counts": count()} if summary else {}))
    _print_facts(row)
    return _print_summary(count()) if summary else None


def _known(name: str, variants: Mapping[str, Any]) -> Part:
    try:
        return catalog().get("model", name)
    except BadInput:
        if name.startswith(TIMM):
            raise
        raise BadInput(f"unknown model {name!r}{nearest(name, [*variants, *catalog().names('model')])}") from None


def uses(part: Part, changed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The presets that train this model, with the changed options if it is a variant, and what they promise."""
    found = []
    for info in loader.list_presets():
        try:
            recipe = references.recipe_of(str(info.path), catalog())
        except BadInput:  # `presets list` reports it as unusable
            continue
        model = recipe.model
        if model.name == part.name and all(model.options.get(key) == value for key, value in changed.items()):
            promise = recipe.promise.model_dump() if recipe.promise else None
            found.append(
                {
                    "name": info.name,
                    "title": recipe.title,
                    "data": recipe.data.name,
                    "epochs": recipe.epochs,
                    "expect": expect(promise),
                    "promise": promise,
                }
            )
    return found


def count_model(part: Part, options: Mapping[str, Any], *, batch: int, classes: int, size: int) -> dict[str, Any]:
    """Let `engine.models.summary` count stages and memory in a process that imports torch.

    Raises:
        BadInput: there is no such model, or it does not take images of this size.
        SystemExit: the process failed; its reason was printed to stderr.
    """
    facts = {"--options": json.dumps(options), "--batch": batch, "--classes": classes, "--size": size}
    flags = [str(word) for pair in facts.items() for word in pair]
    command = [sys.executable, "-m", "engine.models.summary", part.name, *flags]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), cwd="/")
    if done.returncode == 0:
        counted: dict[str, Any] = json.loads(done.stdout)
        return counted
    reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
    if done.returncode == BAD_INPUT:
        raise BadInput(reason)
    if "No module named 'torch'" in reason:
        reason = "torch is not installed"
    say(f"error: cannot count the summary of {part.name}: {reason}; use --no-summary to show the rest")
    raise SystemExit(FAILED)


def _print_facts(row: Mapping[str, Any]) -> None:
    typer.echo(f"{row['name']}: {row['title']}")
    for key in FACTS:
        if row[key] is not None:
            typer.echo(f"  {key:8} {row[key]:,}" if key == "params" else f"  {key:8} {row[key]}")
    if row["paper_result"]:
        typer.echo(f"  CIFAR-10 {row['paper_result']} (in the paper)")
    for key, value in row["changed"].items():
        typer.echo(f"  with     {key} = {str(value).lower() if isinstance(value, bool) else value}")
    if row["aliases"]:
        typer.echo(f"  aliases  {', '.join(row['aliases'])}")
    print_doc(row["doc"])
    if row["options"]:
        print_options(row["options"])
        typer.echo()
    if row["presets"]:
        table = [
            [use["name"], use["data"], str(use["epochs"]), use["expect"], (use["promise"] or {}).get("source", "-")]
            for use in row["presets"]
        ]
        print_table(["preset", "data", "epochs", "test accuracy, %", "source"], table, right=["epochs"])
        typer.echo()
    if row["suites"]:
        table = [[use["suite"], use["row"], use["reported"], use["source"]] for use in row["suites"]]
        print_table(["suite", "row", "reported, %", "source"], table, right=["reported, %"])
        typer.echo()


def _print_summary(counted: Mapping[str, Any]) -> None:
    size = counted["size"]
    facts = f"{counted['classes']} classes, images {counted['channels']}x{size}x{size}"
    whole = {"name": "total", "shape": [], "kind": facts, "params": counted["params"], "macs": counted["macs"]}
    rows = [
        [
            stage["name"],
            "x".join(map(str, stage["shape"])),
            f"{stage['params']:,}",
            f"{stage['macs'] / 1e9:.5f}",
            stage["kind"],
        ]
        for stage in [*counted["stages"], whole]
    ]
    print_table(["stage", "output", "params", "GMACs", "made of"], rows, right=["params", "GMACs"])
    parts = ("activations", "weights", "gradients", "optimizer", "total")
    held = [[name, *(file_size(memory[part]) for part in parts)] for name, memory in counted["memory"].items()]
    typer.echo(f"\nMemory of one training step with {counted['batch']} images, SGD with momentum")
    print_table(["precision", *parts], held, right=parts)
