"""`cifar-tui lr-find`: the options. `lr_sweep` does the work and is imported only when it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from tui.commands.common import Json, RunsDirs, TrustParts, roots
from tui.commands.options import with_flags
from tui.plans.flags import SWEEP


@with_flags(SWEEP)
def lr_find(
    flags: Mapping[str, Any],
    low: float | None = typer.Option(
        None, "--min", help="Smallest learning rate to try; by default a hundredth of the optimizer's own.", metavar="X"
    ),
    high: float | None = typer.Option(
        None, "--max", help="Largest learning rate to try; by default 30 times the optimizer's own.", metavar="X"
    ),
    steps: int | None = typer.Option(
        None,
        help="Number of learning rates to try, one per step; by default as many as fit into a minute, 200 to 1000.",
        metavar="N",
    ),
    runs_dir: list[str] | None = RunsDirs,
    trust_parts: bool = TrustParts,
    svg: Path | None = typer.Option(None, "--svg", help="Also write the plot as SVG.", metavar="FILE"),
    as_json: bool = Json,
) -> None:
    """Find a learning rate by a short sweep.

    Trains a fresh copy of the recipe while the learning rate rises, and plots the loss. Creates no run and changes
    none. Takes about a minute, or as long as --steps need.
    """
    from tui.commands import lr_sweep
    from tui.plans.sweep import SweepRange

    wanted = SweepRange(low, high, steps)
    raise SystemExit(lr_sweep.main(flags, roots(runs_dir), wanted, svg, trust=trust_parts, as_json=as_json))
