"""What the overview of a run shows, as tables: the panes print their cells, and exports write them whole."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from typing import Final

from engine.analysis.overview import ByClass, Overview, Stored
from engine.contract.clock import local_time
from engine.contract.run.initial import initial_words
from engine.contract.text import one_line
from tui.drawing.format import delta, file_size, gigabytes, number, percent, si, whole, work
from tui.drawing.typeset import FIGURES, Column, Table

_FACTS: Final = (Column("fact"), Column("value", wraps=True))

STATUS, TOOK, EXCLUDED, MESSAGE = "status", "took", "left out of means and verdicts", "message"
LAST, HALF, IMAGES = "test accuracy, last epoch, %", "95 % interval of one run, ±", "test images"
BEST_EPOCH, REPORTED = "best epoch", "accuracy of the preset, %"
ALIKE_MEASURED, ALIKE_REPORTED = "like for like, measured, %", "like for like, reported, %"
ALIKE_DIFFERENCE, ALIKE = "like for like, difference, points", "like for like"


def best_label(best_on: str) -> str:
    """The label of the accuracy of the best epoch, by what that was picked on."""
    return f"best-on-{best_on}, %"


def result_table(one: Overview) -> Table:
    """The result with its interval, and everything that it could be confused with; what is not known has no row."""
    run, alike = one.run, one.alike
    has_best = run.best_accuracy is not None and one.best_epoch > 0
    same = alike if alike is not None and alike.outcome != "not alike" else None
    rows = [
        (STATUS, run.status),
        (TOOK, work(run.seconds, run.estimated) if run.seconds else ""),
        (EXCLUDED, one_line(run.excluded)),
        (MESSAGE, run.message if run.status != "finished" else ""),
        (LAST, percent(run.last_accuracy) if run.last_accuracy is not None else ""),
        (HALF, f"{100 * one.interval.half:.2f}" if one.interval else ""),
        (IMAGES, whole(one.test_images) if one.test_images else ""),
        (best_label(run.best_on), percent(run.best_accuracy) if has_best and run.best_accuracy is not None else ""),
        (BEST_EPOCH, str(one.best_epoch) if has_best else ""),
        (REPORTED, reported_words(one)),
        (ALIKE_MEASURED, percent(same.measured) if same else ""),
        (ALIKE_REPORTED, percent(same.reported) if same else ""),
        (ALIKE_DIFFERENCE, delta(same.difference, 2) if same else ""),
        (ALIKE, alike.words if alike else ""),
    ]
    return Table("result", FIGURES, tuple(row for row in rows if row[1]))


def reported_words(one: Overview) -> str:
    """The accuracy that the preset promises: "reported 96.26*", with an asterisk if picked on the test images."""
    if one.promise is None:
        return ""
    star = "*" if one.promise.selection == "best_on_test" else ""
    kind = "measured" if one.promise.source == "measured" else "reported"
    return f"{kind} {percent(one.promise.accuracy)}{star}"


def made_table(one: Overview) -> Table:
    """How the run was made: its recipe, its data, its device, and what it cost."""
    return Table("how it was made", _FACTS, tuple((label, one_line(text)) for label, text in _made(one) if text))


def _made(one: Overview) -> list[tuple[str, str]]:
    run, info = one.run, one.info
    changed = "unchanged" if run.changes in ("", "-") else f"changed: {run.changes}"
    images = f"{one.train_images:,}" + (f" + {one.holdout_images:,} held out" if one.holdout_images else "")
    torch = info.versions.get("torch", "")
    device = [f"{run.device} {one.device}".strip(), one.precision, f"torch {torch}" if torch else ""]
    speed = [f"{whole(one.images_per_second)} img/s" if math.isfinite(one.images_per_second) else ""]
    speed.append(f"{one.epoch_seconds:.1f} s an epoch" if math.isfinite(one.epoch_seconds) else "")
    mean = f" ({one.watts:.0f} W mean)" if math.isfinite(one.watts) else ""
    total = f" of {gigabytes(one.total_bytes)} GB" if math.isfinite(one.total_bytes) else " GB"
    commit = str(info.git.get("commit", ""))[:7]
    dirty = ", with uncommitted changes" if info.git.get("dirty") else ", clean"
    return [
        ("recipe", f"{run.recipe_name}, {changed}"),
        ("origin", f"imported ({run.layout}) from {info.imported.get('folder', '')}" if run.layout else ""),
        ("starts from", initial_words(info)),
        ("seed", "" if run.layout else str(run.seed)),
        ("model", f"{run.model}, {si(one.params)} weights" if one.params else run.model),
        ("data", f"{run.data}, {images} images" if one.train_images else run.data),
        ("device", ", ".join(filter(None, device))),
        ("speed", ", ".join(filter(None, speed))),
        ("energy", f"{number(one.kwh)} kWh{mean}" if one.kwh > 0 else ""),
        ("peak memory", gigabytes(one.peak_bytes, 1) + total if math.isfinite(one.peak_bytes) else ""),
        ("commit", commit + dirty if commit else ""),
        ("host", ", ".join(filter(None, (run.host, _span(one))))),
    ]


def _span(one: Overview) -> str:
    """When the run began and ended: "27 Nov 22:10 to 28 Nov 03:22"; "" if it is not known when it began."""
    run = one.run
    begin, end = local_time(run.started or run.created), local_time(run.ended)
    span = begin.strftime("%d %b %H:%M") if begin else ""
    if not end or not run.ended:
        return span
    same_day = begin is not None and end.date() == begin.date()
    return f"{span} to {end.strftime('%H:%M' if same_day else '%d %b %H:%M')}"


def classes_table(classes: Sequence[ByClass], name: str = "test") -> Table:
    """Recall and precision by class.

    Args:
        name: what the images are called.
    """
    heads = (Column("class"), Column("recall, %", right=True), Column("precision, %", right=True))
    rows = tuple((one_line(one.name), percent(one.recall, 1), percent(one.precision, 1)) for one in classes)
    return Table(f"per class, {name}", heads, rows)


def files_table(files: Sequence[Stored]) -> Table:
    """Each file with its size and what it holds, and their size in all."""
    heads = (Column("file"), Column("size", right=True), Column("what it holds", wraps=True))
    rows = tuple((one.name, file_size(one.size_bytes), one.what) for one in files)
    return Table("files", heads, rows, legend=(f"{file_size(sum(one.size_bytes for one in files))} in all",))


def commands_table(one: Overview) -> Table:
    """The commands that repeat the run, print its figures, print this page, and export its epochs."""
    short = one.run.id[-4:]
    rows = (
        origin_command(one),
        ("figures", f"cifar-tui runs show {short} --json"),
        ("this page", f"cifar-tui runs show {short} --tab overview"),
        ("export", f"cifar-tui runs export {short} --out epochs.csv"),
    )
    return Table("say it with a command", (Column("what"), Column("command", wraps=True)), rows)


def origin_command(one: Overview) -> tuple[str, str]:
    """What repeats the run: its label, and the command. For an imported run that is the command that imported it; for
    one from files of figures, the one that prints what they would become.
    """
    if not one.run.layout:
        return "repeat", f"cifar-tui --preset run:{one.run.id[-4:]} --seed {one.run.seed}"
    folder = shlex.quote(str(one.info.imported.get("folder", "")))
    return ("import", one.info.command) if one.info.command else ("plan", f"cifar-tui runs import {folder} --dry-run")


def note_table(one: Overview, mixed: bool) -> Table:
    """The newest note, the tags, and what the asterisks mean.

    Args:
        mixed: whether the training accuracy is that on mixed images.
    """
    run = one.run
    rows = [
        ("note", one_line(run.notes[-1]) if run.notes else ""),
        ("tags", " ".join(map(one_line, run.tags))),
    ]
    starred = ("* best epoch picked on test; compare only with figures picked alike.",) if run.best_on == "test" else ()
    stars = (*starred, *(("train* on mixed images.",) if mixed else ()))
    return Table("note", _FACTS, tuple(row for row in rows if row[1]), legend=stars)
