"""`cifar-tui runs export`: the epochs of a run as CSV or JSON. Weights are in `export_weights`."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from engine.contract.errors import BadInput
from engine.contract.text import one_line
from tui.commands.common import Ref, RunsDirs, TrustParts, finite, roots, say

if TYPE_CHECKING:
    from engine.contract.run.events import Epoch


def export(
    run: str = Ref,
    form: str = typer.Option(
        "", "--format", help="Format of the output: csv (the default) or json; of --weights, safetensors, pth or onnx."
    ),
    out: Path | None = typer.Option(None, "--out", help="File to write to. Without it, stdout is used."),
    weights: str = typer.Option(
        "", "--weights", help="Export weights instead, into the folder --out: final, best, or ema.", metavar="WHICH"
    ),
    names: str = typer.Option("cifar-tui", "--names", help="Names of the tensors: cifar-tui or niwenjin."),
    check: bool = typer.Option(False, "--check", help="Reload exported weights in a fresh process; compare logits."),
    as_json: bool = typer.Option(False, "--json", help="Same as --format json; of --weights, print the result so."),
    runs_dir: list[str] | None = RunsDirs,
    trust_parts: bool = TrustParts,
) -> None:
    """Export the epochs of a run as CSV or JSON, or its weights for other programs."""
    from engine.contract.run.fold import RunFold
    from engine.contract.run.store import find
    from tui.drawing.figures import unreadable_note

    if weights:
        from tui.commands.export_weights import Wanted, export_weights

        wanted = Wanted(weights, form or "safetensors", names, check, trust_parts)
        return export_weights(find(roots(runs_dir), run), wanted, out, as_json=as_json)
    if check or names != "cifar-tui":
        raise BadInput("--check and --names go with --weights")
    form = "json" if as_json else form or "csv"
    if form not in ("csv", "json"):
        raise BadInput(f"--format: got {form!r}, needs csv or json")
    folder = find(roots(runs_dir), run)
    fold = RunFold(folder.events).poll()
    rows = _epoch_rows(fold.course.epochs)
    if fold.garbage:
        say(f"warning: {unreadable_note(fold.garbage)}")
    text = json.dumps(finite({"id": folder.id, "epochs": rows}), indent=1) if form == "json" else _csv(rows)
    if out is None:
        sys.stdout.write(text)
        return None
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--out {out}: {error.strerror}") from None
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
