"""`cifar-tui runs export`: the epochs of a run as CSV or JSON. `--all` is in `runs_export_all`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from engine.contract.errors import BadInput
from engine.contract.text import one_line
from tui.commands.common import Ref, RunsDirs, finite, print_or_write, roots, say
from tui.commands.runs_export_all import EveryRun, Filter, export_all, refuse_without_all

if TYPE_CHECKING:
    from engine.contract.run.events import Epoch


def export(
    run: str = typer.Argument("", help=Ref.help, metavar="RUN", show_default=False),
    every: bool = EveryRun,
    filter_text: str = Filter,
    form: str = typer.Option("csv", "--format", help="Format: csv or json; with --all also md or latex."),
    out: Path | None = typer.Option(None, "--out", help="File to write to. Without it, stdout is used."),
    as_json: bool = typer.Option(False, "--json", help="Same as --format json."),
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Export the epochs of a run, or with --all a table of all runs: one row a run, each changed field a column."""
    if every:
        return export_all("json" if as_json else form, filter_text, out, roots(runs_dir), run)
    refuse_without_all(run, filter_text)
    from engine.contract.run.fold import RunFold
    from engine.contract.run.store import find
    from tui.drawing.figures import unreadable_note

    form = "json" if as_json else form
    if form not in ("csv", "json"):
        raise BadInput(f"--format: got {form!r}, needs csv or json")
    folder = find(roots(runs_dir), run)
    fold = RunFold(folder.events).poll()
    rows = _epoch_rows(fold.course.epochs)
    if fold.garbage:
        say(f"warning: {unreadable_note(fold.garbage)}")
    text = json.dumps(finite({"id": folder.id, "epochs": rows}), indent=1) if form == "json" else _csv(rows)
    print_or_write(text, out)
    return None


EXPORTED: Final = (
    "epoch", "train_loss", "train_accuracy", "train_mixed", "test_loss", "test_accuracy", "holdout_loss",
    "holdout_accuracy", "clean_train_loss", "clean_train_accuracy", "lr", "images_per_second", "grad_norm",
    "update_ratio", "nonfinite", "weights", "raw_test_accuracy", "test_top5", "tta", "tta_accuracy", "t",
)  # fmt: skip


def _epoch_rows(epochs: Sequence[Epoch]) -> list[dict[str, Any]]:
    """One row per epoch; what was not measured is None."""
    rows = []
    for event in epochs:
        values = {name: getattr(event, name) for name in EXPORTED}
        row = {key: None if value != value else _safe(value) for key, value in values.items()}
        rows.append(row | {"per_class": list(event.per_class)})
    return rows


def _safe(value: Any) -> Any:
    """A value that is safe in a file: text on one line, without anything that cannot be encoded."""
    return one_line(value) if isinstance(value, str) else value


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO()
    classes = max((len(row["per_class"]) for row in rows), default=0)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*EXPORTED, *(f"class_{i}" for i in range(classes))])
    for row in rows:
        writer.writerow([row[name] for name in EXPORTED] + row["per_class"])
    return text.getvalue()
