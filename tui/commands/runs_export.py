"""`cifar-tui runs export`: the epochs of a run, or runs as event files.

`--weights` is in `export_weights`, `--all` in `runs_export_all`.
"""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from engine.contract.errors import BadInput
from engine.contract.text import one_line
from tui.commands.common import Refs, RunsDirs, TrustParts, finite, print_or_write, roots, say
from tui.commands.runs_export_all import EveryRun, Filter, export_all, refuse_without_all

if TYPE_CHECKING:
    from engine.contract.run.events import Epoch
    from engine.contract.run.folder import RunFolder


def export(
    refs: list[str] | None = typer.Argument(None, help=Refs.help, metavar="RUN...", show_default=False),
    every: bool = EveryRun,
    filter_text: str = Filter,
    form: str = typer.Option(
        "",
        "--format",
        help="csv (the default), json, or tensorboard; with --all csv, json, md, or latex; with --weights safetensors "
        "(the default), pth, or onnx.",
    ),
    out: Path | None = typer.Option(
        None,
        "--out",
        help="File to write to; without it, stdout. For weights and tensorboard a folder; without it, for tensorboard, "
        "tensorboard-logs.",
    ),
    weights: str = typer.Option(
        "", "--weights", help="Export weights instead, into the folder --out: final, best, or ema.", metavar="WHICH"
    ),
    names: str = typer.Option("cifar-tui", "--names", help="Names of the tensors: cifar-tui or niwenjin."),
    check: bool = typer.Option(False, "--check", help="Reload exported weights in a fresh process; compare logits."),
    as_json: bool = typer.Option(False, "--json", help="Same as --format json; of --weights, print the result so."),
    runs_dir: list[str] | None = RunsDirs,
    trust_parts: bool = TrustParts,
) -> None:
    """Export the epochs of a run, its weights, event files for TensorBoard, or with --all a table of all runs.

    The table has one row a run, and a column for each field that differs between runs.
    """
    from engine.contract.run.store import find

    if every and weights:
        raise BadInput("--weights exports the weights of one run: leave out --all")
    if not weights and (check or names != "cifar-tui"):
        raise BadInput("--check and --names go with --weights")
    if every:
        return export_all("json" if as_json else form or "csv", filter_text, out, roots(runs_dir), refs)
    refuse_without_all(refs, filter_text)
    if weights:
        from tui.commands.export_weights import WeightsOptions, export_weights

        wanted = WeightsOptions(weights, form or "safetensors", names, check, trust_parts)
        return export_weights(_only(refs, roots(runs_dir), "--weights"), wanted, out, as_json=as_json)
    form = "json" if as_json else form or "csv"
    if form not in FORMATS:
        raise BadInput(f"--format: got {form!r}, needs {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    if form == "tensorboard":
        return _event_files([find(roots(runs_dir), ref) for ref in dict.fromkeys(refs or ())], out or Path(EVENT_FILES))
    return _epochs(_only(refs, roots(runs_dir), f"--format {form}"), form, out)


def _only(refs: Sequence[str] | None, folders: Sequence[Path], option: str) -> RunFolder:
    """The one run that is named. BadInput if there are several."""
    from engine.contract.run.store import find

    first, *others = dict.fromkeys(refs or ())
    if others:
        raise BadInput(f"{option} exports one run at a time, got {1 + len(others)}")
    return find(folders, first)


def _epochs(folder: RunFolder, form: str, out: Path | None) -> None:
    """Print the epochs of a run as CSV or JSON, or write them to a file."""
    from engine.contract.run.fold import RunFold
    from tui.drawing.figures import unreadable_note

    fold = RunFold(folder.events).poll()
    rows = _epoch_rows(fold.course.epochs)
    if fold.garbage:
        say(f"warning: {unreadable_note(fold.garbage)}")
    text = json.dumps(finite({"id": folder.id, "epochs": rows}), indent=1) if form == "json" else _csv(rows)
    print_or_write(text, out)


FORMATS: Final = ("csv", "json", "tensorboard")
EVENT_FILES: Final = "tensorboard-logs"  # not "tensorboard", which `python -m` would import in place of the package


def _event_files(folders: Sequence[RunFolder], out: Path) -> None:
    """Write event files, one folder a run, and print the folders."""
    from engine.exchange.tensorboard.write import write_event_files

    for folder in folders:
        try:
            typer.echo(write_event_files(folder, out))
        except OSError as error:
            raise BadInput(f"--out {out}: {error.strerror}") from None
    say(f"to look at them: tensorboard --logdir {shlex.quote(str(out))}")


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
