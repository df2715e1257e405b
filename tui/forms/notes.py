"""What is said of a field in words: its range, what it was, what its value needs, its help text."""

from __future__ import annotations

import re
from typing import Final

from rich.cells import cell_len

from engine.contract.errors import BadInput
from engine.contract.recipe.params import Param
from engine.contract.text import one_line
from tui.forms.fields import Field, as_text
from tui.plans.draft import parse_seeds

SEEDS_PATH: Final = "place.seeds"


def needs(problem: str) -> str:
    """What a message about a field says that its value needs: "needs < 1"; "" for no problem."""
    found = re.search(r"\bneeds\b.*", problem)
    return found[0] if found else problem.rpartition(": ")[2]


def note_of(field: Field, *, roomy: bool = False) -> tuple[str, str]:
    """The note beside a box, and its role: the number of runs, the preset's value if changed, else the range.

    Args:
        roomy: write ranges in words.
    """
    if field.path == SEEDS_PATH:
        count = run_count(field.text)
        return (f"= {count} run{'s' if count > 1 else ''}", "mark" if count > 1 else "dim") if count else ("", "")
    if field.changed and field.base is not None:
        return f"was {as_text(field.base) or 'empty'}", "mark"
    if not roomy:
        return short_range(field.param), "dim"
    if field.param.type == "part":
        return "", "dim"
    choices = field.choices
    several = " or ".join(choices) if len(choices) <= 2 else f"{len(choices)} choices"
    return several or _range_in_words(field.param) or field.param.unit, "dim"


def meaning_of(text: str, room: int) -> str:
    """As much of a help text as fits and can stand alone: all of it, or what comes before a full stop or a colon."""
    text = one_line(text).strip().rstrip(".")
    ends = [len(text), *(match.start() for match in re.finditer(r"[.:;] | \(", text))]
    return next((text[:end] for end in sorted(ends, reverse=True) if cell_len(text[:end]) <= room), "")


def _range_in_words(param: Param) -> str:
    """ "1 or more", "above 0", "0 to 1"; "" without limits."""
    low, high = (param.ge if param.ge is not None else param.gt), (param.le if param.le is not None else param.lt)
    if high is not None and high >= 1e6:
        high = None
    if high is None:
        return "" if low is None else f"above {low:g}" if param.gt is not None else f"{low:g} or more"
    below = "below " if param.lt is not None else ""
    if low is None:
        return f"{below or 'at most '}{high:g}"
    return f"{'above ' if param.gt is not None else ''}{low:g} to {below}{high:g}"


def run_count(seeds: str) -> int:
    """The number of runs that a text of seeds asks for; 0 if it cannot be read."""
    try:
        return len(parse_seeds(seeds))
    except BadInput:
        return 0


def short_range(param: Param) -> str:
    """The range of a parameter: `1..∞`, `0..1`, `>0`; without limits its unit."""
    low = param.ge if param.ge is not None else param.gt
    high = param.le if param.le is not None else param.lt
    if low is None and high is None:
        return param.unit
    if high is not None and high >= 1e6:
        high = None
    if param.gt is not None and high is None:
        return f">{low:g}"
    left, right = "-∞" if low is None else f"{low:g}", "∞" if high is None else f"{high:g}"
    return f"{left}..{right}"


def help_of(field: Field) -> str:
    """The help text of a field: what it means, its range, and the value of the preset."""
    text = field.param.help.strip()
    words = [f"{field.label or 'operations'}: {text}" if text else field.label]
    if text and text[-1] not in ".!?":
        words[0] += "."
    if field.param.unit:
        words.append(f"In {field.param.unit}.")
    if field.param.range and field.param.type != "part":
        words.append(f"Range {field.param.range}.")
    if field.changed and field.base is not None and field.param.type not in ("part", "ops"):
        words.append(f"Preset: {as_text(field.base) or 'empty'}.")
    if not field.path.startswith("place.") and field.param.type not in ("part", "ops"):
        words.append(f"--set {field.path}=…")
    return " ".join(words)
