"""`cifar-tui grid`: every preset with every combination of varied values and every seed, queued in one go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from tui.commands.common import Json, RunsDirs, TrustParts, roots
from tui.commands.complete import preset_names

VARY = (
    "Values of a field: optimizer.lr=0.05,0.1. Also model, augmentation, schedule, lr, batch_size, add_op and drop_op "
    "(- for none). Lists in brackets; a ; between values where they hold commas of their own."
)


OTHER = ("presets", "vary", "seeds", "runs_dir", "own_parts", "trust_parts", "retry", "dry_run", "yes", "as_json")
"""Options that are of the grid as a whole, and no flags of its runs."""


def grid(
    presets: list[str] = typer.Option(
        ...,
        "--preset",
        help="A preset, a TOML file, suite:NAME/ROW or run:RUN; again for more.",
        metavar="P",
        autocompletion=preset_names,
    ),
    vary: list[str] = typer.Option([], "--vary", help=VARY, metavar="KEY=V,V"),
    seeds: str = typer.Option("0", "--seeds", help="5 (seeds 0 to 4), 0-4 or 0,3,7.", metavar="N"),
    model: str = typer.Option("", help="Another model.", metavar="M"),
    augmentation: str = typer.Option("", help="Another named augmentation.", metavar="A"),
    schedule: str = typer.Option("", help="Another schedule.", metavar="S"),
    epochs: int | None = typer.Option(None, help="Passes over the training images.", metavar="N"),
    batch_size: int | None = typer.Option(None, help="Images a step.", metavar="N"),
    lr: float | None = typer.Option(None, help="Learning rate at the schedule's peak.", metavar="X"),
    sets: list[str] = typer.Option([], "--set", help="Change any field of every cell.", metavar="KEY=VALUE"),
    add_ops: list[str] = typer.Option([], "--add-op", help="Add an op to every cell.", metavar="O"),
    drop_ops: list[str] = typer.Option([], "--drop-op", help="Drop an op from every cell.", metavar="O"),
    device: str = typer.Option("", help="auto, cpu, cuda, cuda:1 or mps.", metavar="D"),
    threads: int | None = typer.Option(None, help="CPU threads; 0 takes all cores.", metavar="N"),
    wait_free: float | None = typer.Option(None, help="Queue until the GPU has so much free memory.", metavar="GB"),
    data_dir: str = typer.Option("", help="Folder with the data set.", metavar="DIR"),
    runs_dir: list[str] | None = RunsDirs,
    tags: list[str] = typer.Option([], "--tag", help="A word to find the runs by.", metavar="T"),
    keep: str = typer.Option("", help="Checkpoints to keep: all, resumable, weights or none.", metavar="K"),
    share: str = typer.Option("", help="Who may read the runs: private or group.", metavar="W"),
    own_parts: list[Path] = typer.Option([], "--parts", help="A Python file with parts of your own.", metavar="FILE"),
    trust_parts: bool = TrustParts,
    retry: bool = typer.Option(False, "--retry", help="Resume failed runs as well."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print what would run and start nothing."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    as_json: bool = Json,
) -> None:
    """Queue a grid of runs. Given again it goes on where it stopped: nothing is run twice."""
    flags: dict[str, Any] = {key: value for key, value in locals().items() if key not in OTHER}
    from engine.contract.recipe.catalog import catalog
    from presets.references import parts_with, source_file
    from tui.commands.batch import Order, carry
    from tui.plans.draft import from_flags
    from tui.plans.grid import cells
    from tui.plans.plan import resets
    from tui.plans.words import shared

    places = roots(runs_dir)
    files = [str(file) for file in own_parts]
    for preset in presets:  # a run brings its own parts along, unless an earlier file has their name
        files = parts_with(preset, files, places)
    found = cells({preset: source_file(preset, places) for preset in presets}, vary, flags | {"parts": files})
    parts = catalog(tuple(map(Path, files)))
    mark = found[0].draft.place["tags"].split()[0]
    order = Order(
        title=mark.replace(":", " "),
        label="cell",
        cells=found,
        seeds=from_flags({"seeds": seeds}).seeds(),
        roots=places,
        parts=parts,
        facts={"tag": mark},
        own_parts=files,
        placed=flags,
        notes=lambda: shared({cell.label: resets(cell.draft, cell.source, parts) for cell in found}),
        retry=retry,
        trust=trust_parts,
        after=f"`cifar-tui runs list --filter tag:{mark}` shows how they stand",
    )
    return carry(order, dry_run=dry_run, yes=yes, as_json=as_json)
