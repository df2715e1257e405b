"""A draft from a run: the preset it came from with its changes, so that a repeat says in words what it is."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog
from engine.contract.run.store import RunFolder
from presets.references import source_file
from tui.plans.draft import Draft, from_flags

VALUES: Final = (
    "preset", "model", "augmentation", "schedule", "epochs", "batch-size", "lr", "seed", "device", "gpus", "threads",
    "wait-free", "data-dir", "name", "keep", "share",
)  # fmt: skip
LISTS: Final = {"set": "sets", "add-op": "add_ops", "drop-op": "drop_ops", "tag": "tags", "parts": "parts"}
"""Flags that may be given several times, and their names in `from_flags`."""


def draft_of(run: RunFolder, catalog: Catalog, roots: Sequence[Path]) -> Draft:
    """The draft that makes this very recipe again, with its seed, name and tags.

    The run's command is taken where it still leads to the same recipe; a preset may have changed or gone, or lie where
    the command was given. Then the draft begins from the run itself. Raises BadInput for a damaged run.
    """
    info, labels = run.info(), run.labels()
    own: dict[str, Any] = {"seed": str(info.seed), "name": labels.name, "tags": list(labels.tags)}
    copies = own_parts(run)
    flags = flags_of(info.command)
    if flags is not None:
        draft = from_flags({**flags, **own, "parts": copies})
        try:
            if draft.recipe(source_file(draft.preset, roots), catalog).recipe_id == info.recipe_id:
                return draft
        except BadInput:
            pass  # the preset is gone or no longer takes these changes: the run itself still does
    return from_flags({"preset": f"run:{run.id}", "device": info.placement.get("device", ""), "parts": copies, **own})


def own_parts(run: RunFolder) -> tuple[str, ...]:
    """The copies of the user's own parts that a run took along; the originals may be gone or changed."""
    return tuple(str(path) for path in sorted(run.parts.glob("*.py")))


def flags_of(command: str) -> dict[str, Any] | None:
    """The flags of a run's command as `from_flags` takes them; None where it holds anything else."""
    try:
        words = shlex.split(command)[1:]
    except ValueError:
        return None
    flags: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        name = word.removeprefix("--")
        if word in ("--headless", "--detach"):
            continue
        value = next(rest, None)
        if value is None or not word.startswith("--"):
            return None
        if name in LISTS:
            flags.setdefault(LISTS[name], []).append(value)
        elif name in VALUES:
            flags[name.replace("-", "_")] = value
        else:
            return None
    return flags if "preset" in flags else None
