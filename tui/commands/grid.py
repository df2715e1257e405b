"""`cifar-tui grid`: queue every combination of presets, varied values, and seeds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from tui.commands.common import DryRun, Json, Retry, RunsDirs, TrustParts, Yes, roots
from tui.commands.complete import preset_names
from tui.commands.options import with_flags
from tui.plans.flags import GRID

VARY = (
    "Values to try for a field: optimizer.lr=0.05,0.1. Also takes model, augmentation, schedule, lr, batch_size, "
    "add_op, and drop_op (- for none). Put lists in brackets; separate values that contain commas with ;. Repeatable."
)


@with_flags(GRID)
def grid(
    presets: list[str] = typer.Option(
        ...,
        "--preset",
        help="Preset name, TOML file, suite:NAME/ROW, or run:RUN. Repeatable.",
        metavar="P",
        autocompletion=preset_names,
    ),
    vary: list[str] = typer.Option([], "--vary", help=VARY, metavar="KEY=V,V"),
    *,
    flags: Mapping[str, Any],
    runs_dir: list[str] | None = RunsDirs,
    trust_parts: bool = TrustParts,
    retry: bool = Retry,
    dry_run: bool = DryRun,
    yes: bool = Yes,
    as_json: bool = Json,
) -> None:
    """Queue a grid of presets, values and seeds.

    Every combination becomes a run. Running the same command again continues where it stopped: nothing runs twice.
    """
    from engine.contract.recipe.catalog import catalog
    from presets.references import parts_with, source_file
    from tui.commands.batch import BatchRequest, run_batch
    from tui.plans.grid import items
    from tui.plans.resolution import Resolver

    places = roots(runs_dir)
    files = [str(file) for file in flags["parts"]]
    for preset in presets:  # a run brings its own parts along, unless an earlier file has the same name
        files = parts_with(preset, files, places)
    parts = catalog(tuple(map(Path, files)))
    sources = {preset: source_file(preset, places) for preset in presets}
    found = items(sources, vary, {**flags, "parts": files}, Resolver(parts))
    draft = found[0].resolution.draft
    mark = draft.place["tags"].split()[0]
    request = BatchRequest(
        title=mark.replace(":", " "),
        key="cell",
        heading="item",
        items=found,
        seeds=draft.seeds(),
        roots=places,
        parts=parts,
        facts={"tag": mark},
        own_parts=files,
        flags=flags,
        retry=retry,
        trust=trust_parts,
        show_command=f"cifar-tui runs list --filter tag:{mark}",
    )
    return run_batch(request, dry_run=dry_run, yes=yes, as_json=as_json)
