"""`cifar-tui lr-find`: the flags. What it does is in `lr_sweep`, which is imported only when it is asked for."""

from __future__ import annotations

from pathlib import Path

import typer

from tui.commands.common import Json, RunsDirs, TrustParts, roots


def lr_find(
    preset: str = typer.Option("", help="A preset's name, a TOML file, suite:NAME/ROW or run:RUN.", metavar="P"),
    model: str = typer.Option("", help="Another model.", metavar="M"),
    augmentation: str = typer.Option("", help="Another named augmentation.", metavar="A"),
    batch_size: int | None = typer.Option(None, help="Images a step.", metavar="N"),
    sets: list[str] = typer.Option([], "--set", help="Change any field: optimizer.momentum=0.8", metavar="KEY=VALUE"),
    add_ops: list[str] = typer.Option([], "--add-op", help="Add an op: color_jitter:hue=0.1", metavar="O"),
    drop_ops: list[str] = typer.Option([], "--drop-op", help="Drop an op by name.", metavar="O"),
    low: float | None = typer.Option(None, "--min", help="Smallest rate; else what suits the optimizer.", metavar="X"),
    high: float | None = typer.Option(None, "--max", help="Largest rate; else what suits the optimizer.", metavar="X"),
    steps: int | None = typer.Option(
        None, help="How many rates to try, one a step; else as many as fit into a minute, 200 to 1000.", metavar="N"
    ),
    seed: str = typer.Option("", help="Seed of weights and batches.", metavar="N"),
    device: str = typer.Option("", help="auto, cpu, cuda, cuda:1 or mps.", metavar="D"),
    threads: int | None = typer.Option(None, help="CPU threads; 0 takes all cores.", metavar="N"),
    data_dir: str = typer.Option("", help="Folder with the data set.", metavar="DIR"),
    runs_dir: list[str] | None = RunsDirs,
    own_parts: list[Path] = typer.Option([], "--parts", help="A Python file with parts of your own.", metavar="FILE"),
    trust_parts: bool = TrustParts,
    as_json: bool = Json,
) -> None:
    """Find a learning rate: train a fresh copy of a recipe while the rate rises, and plot the loss.

    No run is made or touched. Takes a minute, or as long as its steps do.
    """
    from tui.commands import lr_sweep
    from tui.plans.sweep import Wanted

    flags = {
        "preset": preset,
        "model": model,
        "augmentation": augmentation,
        "batch_size": batch_size,
        "sets": sets,
        "add_ops": add_ops,
        "drop_ops": drop_ops,
        "seed": seed,
        "device": device,
        "threads": threads,
        "data_dir": data_dir,
        "parts": [str(file) for file in own_parts],
        "trust_parts": trust_parts,
    }
    raise SystemExit(lr_sweep.main(flags, roots(runs_dir), Wanted(low, high, steps), as_json=as_json))
