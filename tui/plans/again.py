"""Repeating a run: the preset that it came from with its changes, so that the repeat says in words what it is."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog
from engine.contract.run.store import RunFolder
from presets.references import source_file
from tui.plans.draft import from_flags
from tui.plans.flags import FLAGS
from tui.plans.resolution import Resolution, Resolver

OPTIONS: Final = {flag.option: flag for flag in FLAGS}
WITHOUT_VALUE: Final = ("--headless", "--detach")


def repeat_of(run: RunFolder, catalog: Catalog, roots: Sequence[Path]) -> Resolution:
    """The draft that repeats a run, with its recipe, seed, name and tags.

    It is read from the command of the run where that still leads to the same recipe. A preset may have changed or gone
    since, or may be a path relative to another folder; then the draft begins with the run itself.

    Raises:
        BadInput: the run is damaged, or another program has trained it.
    """
    run.refuse_imported()
    info, labels, resolver = run.info(), run.labels(), Resolver(catalog)
    own: dict[str, Any] = {"seed": str(info.seed), "name": labels.name, "tags": list(labels.tags)}
    copies = own_parts(run)
    flags = flags_of(info.command)
    if flags is not None:
        try:
            draft = from_flags({**flags, **own, "parts": copies})
            found = resolver.take(draft, source_file(draft.preset, roots))
            if found.recipe.recipe_id == info.recipe_id:
                return found
        except BadInput:
            pass  # the preset is gone or no longer takes these changes; the run itself still works
    device = info.placement.get("device", "")
    draft = from_flags({"preset": f"run:{run.id}", "device": device, "parts": copies, **own})
    return resolver.take(draft, str(run.recipe_toml))


def own_parts(run: RunFolder) -> tuple[str, ...]:
    """The run's copies of the user's own parts; the originals may be gone or changed."""
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
        flag = OPTIONS.get(word)
        value = True if flag and flag.kind is bool else next(rest, None)
        if flag is None or value is None:
            return None
        if flag.many:
            flags.setdefault(flag.name, []).append(value)
        else:
            flags[flag.name] = value
    return flags if "preset" in flags else None
