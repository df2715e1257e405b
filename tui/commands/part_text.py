"""How a part and its options are printed, as text and as JSON."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import typer

from engine.contract.recipe.catalog import Part
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.params import Param
from tui.commands.common import print_json, print_pairs, print_text


def part_row(part: Part) -> dict[str, Any]:
    """A part as it is printed in JSON: name, title, summary and options."""
    options = [_param_row(param) for param in part.params + COMMON.get(part.kind, ())]
    return {"name": part.name, "title": part.title, "summary": part.summary, "options": options}


def _param_row(param: Param) -> dict[str, Any]:
    return {
        "name": param.name,
        "type": param.type,
        "default": param.default,
        "range": param.range,
        "unit": param.unit,
        "help": param.help,
    }


def option_names(row: dict[str, Any], without: Collection[str] = ()) -> str:
    """The names of a part's options, separated by spaces; "-" if there are none."""
    return " ".join(option["name"] for option in row["options"] if option["name"] not in without) or "-"


def print_part(part: Part, as_json: bool) -> None:
    """Print a part with its documentation and every option."""
    row = part_row(part) | {"doc": part.doc}
    if as_json:
        return print_json(row)
    typer.echo(f"{part.name}: {part.title}")
    print_doc(part.doc)
    return print_options(row["options"])


def print_doc(doc: str) -> None:
    """Print a part's documentation between blank lines, wrapped to the terminal."""
    about = doc.partition("\n\nArgs:")[0]  # the rest is for callers in Python
    paragraphs = [" ".join(text.split()) for text in about.split("\n\n")]
    print_text("\n" + "\n\n".join(paragraphs))
    typer.echo()


def print_options(options: Sequence[Mapping[str, Any]]) -> None:
    """Print options in their JSON form, each with its default, meaning and range."""
    print_pairs(
        [
            (f"{option['name']} = {value_text(option['default'])}", meaning(option["help"], option["range"]))
            for option in options
        ]
    )


def meaning(help_text: str, range_text: str) -> str:
    """The meaning of an option with its range in parentheses."""
    return f"{help_text} ({range_text})" if range_text else help_text


def value_text(value: Any) -> str:
    """A default as it is written in a preset, but without quotes around text unless it is empty."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(value_text, value))}]"
    return f"{value:.6g}" if isinstance(value, float) else str(value) or '""'
