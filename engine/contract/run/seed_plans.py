"""How many seeds of a recipe are planned: fixed before their results are known, so that nobody stops when it suits.

A plan belongs to a runs folder and is appended to a file in it, under a lock; the last line on a recipe holds.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from engine.contract.errors import BadInput
from engine.contract.files import locked, read_bytes
from engine.contract.lines import LineWriter
from engine.contract.values import parse_lines

FILE: Final = ".seed-plans.jsonl"
MOST_SEEDS: Final = 10_000


def plan_seeds(root: Path, recipe_id: str, seeds: int) -> None:
    """Store that a recipe is to have so many seeds; 0 takes the plan back.

    Raises:
        BadInput: the number is out of range, or the folder cannot be written to.
    """
    if not 0 <= seeds <= MOST_SEEDS:
        raise BadInput(f"planned seeds: got {seeds}, needs 0 to {MOST_SEEDS}")
    line = json.dumps({"recipe_id": recipe_id, "seeds": seeds, "t": time.time()})
    try:
        with locked(root / FILE, wait=True), LineWriter(root / FILE) as lines:
            lines.write(line)
    except OSError as error:
        raise BadInput(f"cannot write {root / FILE}: {error.strerror}") from None


def planned_seeds(roots: Iterable[Path]) -> dict[str, int]:
    """By recipe id: the seeds planned in these runs folders, the largest plan where there are several. Never raises."""
    found: dict[str, int] = {}
    for root in roots:
        here: dict[str, int] = {}
        for table in parse_lines(read_bytes(root / FILE) or b"")[0]:
            match table:
                case {"recipe_id": str(recipe), "seeds": int(seeds)} if 0 <= seeds <= MOST_SEEDS:
                    here[recipe] = seeds
        for recipe, seeds in here.items():
            found[recipe] = max(seeds, found.get(recipe, 0))
    return {recipe: seeds for recipe, seeds in found.items() if seeds}
