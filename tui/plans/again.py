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
from tui.plans.flags import FLAGS

OPTIONS: Final = {flag.option: flag for flag in FLAGS}
WITHOUT_VALUE: Final = ("--headless", "--detach")


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
    """The values of the flags in a run's command, as `from_flags` takes them; None where it holds anything else."""
    try:
        words = shlex.split(command)[1:]
    except ValueError:
        return None
    flags: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        if word in WITHOUT_VALUE:
            continue
        flag, value = OPTIONS.get(word), next(rest, None)
        if flag is None or value is None:
            return None
        if flag.many:
            flags.setdefault(flag.name, []).append(value)
        else:
            flags[flag.name] = value
    return flags if "preset" in flags else None
