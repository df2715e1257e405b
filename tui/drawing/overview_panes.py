"""The panes of the overview of a run, but for its curves: the result, how it was made, its classes, files and notes."""

from __future__ import annotations

import math
import shlex
import time
from collections.abc import Sequence
from typing import Final

from engine.analysis.overview import ByClass, Overview, Stored
from engine.contract.clock import local_time
from engine.contract.run.initial import initial_words
from engine.contract.text import one_line
from tui.drawing.bars import bar
from tui.drawing.format import age, counted, delta, file_size, gigabytes, number, percent, si, whole, work
from tui.drawing.lines import Line, clip, fit, heading, hints, width_of, wrap
from tui.drawing.per_class import ClassRow, bar_floor
from tui.drawing.ruler import Ruled, ruler

LABEL: Final = 13
"""Width of the labels of facts."""
_ROLES: Final = {"reproduced": "ok", "within": "strong", "above": "strong", "below": "warn", "not alike": "warn"}


def result_pane(one: Overview, role: str, marks: str, width: int) -> list[Line]:
    """The headline, its interval, the ruler with everything that is confused with it, and the like-for-like line."""
    run = one.run
    took = f"took {work(run.seconds, run.estimated)}" if run.seconds else ""
    ended = f"{run.status} {age(time.time() - run.ended)}" if run.ended and not one.live else run.status
    lines = [heading("result", width, [" · ".join(filter(None, (ended, took))), ended])]
    if run.excluded:
        lines.append([(f" left out of means and verdicts: {one_line(run.excluded)}", "warn")])
    if run.message and run.status != "finished":
        lines += [[(f" {part}", "bad" if run.status == "failed" else "warn")] for part in wrap(run.message, width - 2)]
    if run.last_accuracy is None:
        return [*lines, [(" no test yet" if one.live else " was not tested", "dim")]]
    half = f" ±{100 * one.interval.half:.2f}" if one.interval else ""
    what = f"   test, last epoch; 95 % of one run, {whole(one.test_images)} images"
    lines.append([(f" {percent(run.last_accuracy)} %", "strong"), (half, ""), (what, "dim")])
    best = math.nan if run.best_accuracy is None or not one.best_epoch else run.best_accuracy
    reported = one.promise.accuracy if one.promise else math.nan
    if width >= 40:
        drawn = ruler(Ruled(run.last_accuracy, one.interval, best, reported, role, marks), width - 3)
        lines += [[(" ", ""), *line] for line in drawn]
    lines.append(_legend(one, best, reported, role, marks, width))
    if one.alike is not None:
        lines.append(_alike(one, width))
    return [clip(line, width) for line in lines]


def _legend(one: Overview, best: float, reported: float, role: str, marks: str, width: int) -> Line:
    run = one.run
    line: Line = [(f" {marks[0]} ", role), (f"last {percent(run.last_accuracy or 0.0)}", role)]
    if math.isfinite(best):
        line.append((f"   {marks[1]} best-on-{run.best_on} {percent(best)} @ {one.best_epoch}", role))
    else:
        line.append(("   tested at the end only" if not run.best_on else "", "dim"))
    if one.promise:
        star = "*" if one.promise.selection == "best_on_test" else ""
        kind = "measured" if one.promise.source == "measured" else "reported"
        text = f"   ┊ {kind} {percent(reported)}{star}"
        if width_of(line) + len(text) <= width:
            line.append((text, "reported"))
    return line


def _alike(one: Overview, width: int) -> Line:
    alike = one.alike
    assert alike is not None
    if alike.outcome == "not alike":
        return [(f" {alike.words}", "warn")]
    figures = f"{percent(alike.measured)} against {percent(alike.reported)}, {delta(alike.difference, 2)}: "
    line: Line = [(" like for like: ", "dim"), (figures, ""), (alike.words, _ROLES[alike.outcome])]
    return line if width_of(line) <= width else [(" alike: ", "dim"), *line[1:]]


def made_pane(one: Overview, width: int) -> list[Line]:
    """The facts about how the run was made, in labeled lines."""
    lines = [heading("how it was made", width)]
    for label, text in _facts(one):
        parts = wrap(one_line(text), max(width - LABEL - 1, 8))
        for i, part in enumerate(parts[:3]):
            lines.append([(fit(label if not i else "", LABEL), "dim"), (part, "")])
    return [clip(line, width) for line in lines]


def _facts(one: Overview) -> list[tuple[str, str]]:
    run, info = one.run, one.info
    changed = "changed in nothing" if run.changes in ("", "-") else f"changed: {run.changes}"
    images = f"{one.train_images:,}" + (f" + {one.holdout_images:,} held out" if one.holdout_images else "")
    torch = info.versions.get("torch", "")
    device = [f"{run.device} {one.device}".strip(), one.precision, f"torch {torch}" if torch else ""]
    speed = [f"{whole(one.images_per_second)} img/s" if math.isfinite(one.images_per_second) else ""]
    speed.append(f"{one.epoch_seconds:.1f} s an epoch" if math.isfinite(one.epoch_seconds) else "")
    mean = f" ({one.watts:.0f} W mean)" if math.isfinite(one.watts) else ""
    total = f" of {gigabytes(one.total_bytes)} GB" if math.isfinite(one.total_bytes) else " GB"
    commit = str(info.git.get("commit", ""))[:7]
    dirty = ", with uncommitted changes" if info.git.get("dirty") else ", clean"
    begin, end = local_time(run.started or run.created), local_time(run.ended)
    span = begin.strftime("%d %b %H:%M") if begin else ""
    span += (
        f" to {end.strftime('%H:%M' if begin and end.date() == begin.date() else '%d %b %H:%M')}"
        if end and run.ended
        else ""
    )
    facts = [
        ("recipe", f"{run.preset or run.model}, {changed}"),
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
        ("host", ", ".join(filter(None, (run.host, span)))),
    ]
    return [(label, text) for label, text in facts if text]


def classes_pane(classes: Sequence[ByClass], width: int, height: int, name: str = "test") -> list[Line]:
    """Recall as a bar, recall and precision as figures; the worst class stands out.

    Args:
        name: what the images are called.
    """
    shown = classes[: max(height - 1, 0)]
    title = f"per class, {name} %" if len(shown) == len(classes) else f"{len(shown)} worst of {len(classes)} classes, %"
    lines = [heading(title, width, ["recall   precision", "recall"])]
    floor = bar_floor([ClassRow(one.name, one.recall) for one in classes])
    cells = max(width - 12 - 8 - 12, 4)
    for i, one in enumerate(shown):
        role = "hot" if not i else ""
        share = max(one.recall - floor, 0.0) / (1.0 - floor) if math.isfinite(one.recall) else math.nan
        lines.append(
            [
                (fit(one_line(one.name), 12), role),
                *bar(share, cells, role or "bar"),
                (percent(one.recall, 1).rjust(8), role or "strong"),
                (percent(one.precision, 1).rjust(12), "dim"),
            ]
        )
    return [clip(line, width) for line in lines]


def files_pane(files: Sequence[Stored], width: int, height: int) -> list[Line]:
    """Each file with its size and what it holds."""
    total = file_size(sum(one.size_bytes for one in files))
    lines = [heading("files", width, [[(total, "strong"), ("   ", ""), *hints([("D", "delete")])], total])]
    rows = max(height - 1, 0)
    shown = files if len(files) <= rows else files[: max(rows - 1, 0)]
    for one in shown:
        lines.append(
            [(fit(one.name, 23), ""), (file_size(one.size_bytes).rjust(9), "strong"), (f"  {one.what}", "dim")]
        )
    if len(shown) < len(files):
        lines.append([(f"and {counted(len(files) - len(shown), 'more file')}", "dim")])
    return [clip(line, width) for line in lines]


def origin_command(one: Overview) -> tuple[str, str]:
    """What repeats the run: its label, and the command. For an imported run that is the command that imported it; for
    one from files of figures, the one that prints what they would become.
    """
    if not one.run.layout:
        return "repeat", f"cifar-tui --preset run:{one.run.id[-4:]} --seed {one.run.seed}"
    folder = shlex.quote(str(one.info.imported.get("folder", "")))
    return ("import", one.info.command) if one.info.command else ("plan", f"cifar-tui runs import {folder} --dry-run")


def commands_pane(one: Overview, width: int) -> list[Line]:
    """The commands that repeat the run, print its figures, print this page, and export its epochs."""
    short = one.run.id[-4:]
    rows = (
        origin_command(one),
        ("figures", f"cifar-tui runs show {short} --json"),
        ("this page", f"cifar-tui runs show {short} --tab overview"),
        ("export", f"cifar-tui runs export {short} --out epochs.csv"),
    )
    lines = [heading("say it with a command", width, [hints([("y", "copy")])])]
    if width >= 110:
        for first, second in (rows[:2], rows[2:]):
            half = width // 2
            line: Line = [(f" {first[0]:<10}", "dim"), (fit(first[1], half - 12), "")]
            lines.append([*line, (f" {second[0]:<10}", "dim"), (second[1], "")])
    else:
        lines += [[(f" {label:<10}", "dim"), (command, "")] for label, command in rows]
    return [clip(line, width) for line in lines]


def note_pane(one: Overview, mixed: bool, width: int) -> list[Line]:
    """The newest note, the tags, and what the asterisks mean."""
    run = one.run
    lines = [heading("note", width, [hints([("e", "edit"), ("t", "tags")], "   ")])]
    note = one_line(run.notes[-1]) if run.notes else "none yet: what should be remembered about this run?"
    tags = " ".join(map(one_line, run.tags))
    tail: Line = [("   tags ", "dim"), (tags, "strong")] if tags else []
    lines.append(
        [(f" {fit(note, max(min(len(note), width - 3 - width_of(tail)), 8))}", "" if run.notes else "dim"), *tail]
    )
    words = "* best epoch picked on test; compare only with figures picked alike." if run.best_on == "test" else ""
    words += " train* on mixed images." if mixed else ""
    return [clip(line, width) for line in [*lines, *([[(f" {words.strip()}", "dim")]] if words else [])]]
