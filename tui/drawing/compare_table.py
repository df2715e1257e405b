"""The table of Compare as lines: the runs, their means over seeds, and the fields in which their recipes differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.analysis.compare import ABSENT, Comparison, Difference, Group
from engine.contract.text import one_line
from tui.drawing.format import NONE, delta, percent, picked, whole, work
from tui.drawing.lines import Line, clip, fit, heading


@dataclass(frozen=True, slots=True)
class TableLine:
    """One line of the list; `run` is the position of the run it stands for, -1 for none."""

    kind: Literal["heading", "columns", "run", "text", "group", "difference"]
    run: int = -1
    text: str = ""
    row: Comparison | None = None
    group: Group | None = None
    difference: Difference | None = None


def table_lines(
    rows: Sequence[Comparison],
    groups: Sequence[Group],
    differences: Sequence[Difference],
    unreadable: Sequence[str] = (),
) -> list[TableLine]:
    """All lines of the list, in order."""
    lines = [TableLine("columns")]
    lines += [TableLine("run", index, row=row) for index, row in enumerate(rows)]
    seeded = [group for group in groups if group.last.n > 1 or group.repeated or group.left_out]
    if seeded:
        lines.append(TableLine("heading", text="mean ± standard deviation over seeds, finished runs"))
        lines += [TableLine("group", group=group) for group in seeded]
    if len(rows) > 1:
        count = f"{len(differences)} field{' differs' if len(differences) == 1 else 's differ'}"
        lines.append(TableLine("heading", text=count if differences else "same recipe"))
        lines += [TableLine("difference", difference=difference) for difference in differences]
    lines += [TableLine("text", text=text) for text in unreadable]
    if any(row.interval for row in rows):
        images = max(row.standing.test_images for row in rows)
        lines.append(
            TableLine(
                "text",
                text=f"± 95 % interval from the test set size ({whole(images)} images) alone, not over seeds",
            )
        )
    lines += [TableLine("text", text=text) for text in notes(rows)]
    return lines


def notes(rows: Sequence[Comparison]) -> list[str]:
    """What the signs in the rows mean, for the signs that occur."""
    texts = []
    if any(row.standing.best_on == "test" and not math.isnan(row.best) for row in rows):
        texts.append("* best epoch picked on test; compare only with figures picked the same way")
    if any(row.at == "@ end" for row in rows):
        texts.append("@ end: both runs have finished, after different numbers of epochs")
    if len({row.standing.data for row in rows} - {""}) > 1 or len({row.standing.test_images for row in rows} - {0}) > 1:
        texts.append("runs tested on other images than the baseline show no difference to it")
    texts += [
        f"{row.standing.id[-4:]} is left out of means and verdicts: {one_line(row.standing.excluded)}"
        for row in rows
        if row.standing.excluded
    ]
    return texts


def draw_line(
    line: TableLine, baseline: str, width: int, at_cursor: bool, marks: Sequence[tuple[str, str]] = ()
) -> Line:
    """One line of the list in `width` cells.

    Args:
        baseline: the id of a run, or empty.
        marks: the mark and role of each run, in their order.
    """
    if line.kind == "heading":
        return heading(line.text, width - 1)
    if line.kind == "columns":
        return _columns(width)
    if line.row is not None:
        return clip(_run(line.row, marks[line.run], baseline, width, at_cursor), width)
    if line.group is not None:
        return clip(_group(line.group), width)
    if line.difference is not None:
        return _difference(line.difference, marks, width)
    return clip([(f"  {line.text}", "dim")], width)


def _has_speed(width: int) -> bool:
    """Whether the images-per-second column fits."""
    return width >= 86


def _widths(width: int) -> tuple[int, int]:
    """Widths in cells of the recipe column and of each gap between the figures."""
    extra = max(width - 86, 0)
    return 15 + min(extra // 3, 16), min(extra // 12, 3)


def _columns(width: int) -> Line:
    name, gap = _widths(width)
    pad = " " * gap
    figures = [
        "   epoch",
        "   last      ",
        "  best ",
        "  Δ base     ",
        "    time",
        *(["  img/s"] if _has_speed(width) else []),
    ]
    text = f"    id   {fit('recipe', name)} seed{''.join(pad + figure for figure in figures)}"
    return clip([(text, "dim")], width)


def _run(row: Comparison, mark: tuple[str, str], baseline: str, width: int, at_cursor: bool) -> Line:
    one = row.standing
    name, room = _widths(width)
    pad = " " * room
    half = f"±{100 * row.interval.half:.2f}" if row.interval else ""
    is_base = one.id == baseline
    gap = delta(row.against, 2)
    against = "base" if is_base else f"{gap} {row.at}".rstrip()
    role = "dim" if is_base or gap in (NONE, "+0.00") else "ok" if row.against > 0 else "warn"
    return [
        ("▸" if at_cursor else " ", "mark"),
        ("b" if is_base else " ", "mark"),
        (f"{mark[0][0]} ", mark[1]),
        (f"{one.id[-4:]} ", mark[1]),
        (fit(one_line(one.name), name), "strong" if at_cursor else ""),
        (f"{one.seed:>5}", ""),
        (f"{pad}{f'{row.last_epoch}/{one.epochs}':>8}", ""),
        (f"{pad}{percent(row.last):>7}", "strong"),
        (f" {half:<5}", "dim"),
        (f"{pad}{picked(row.best, one.best_on):>7}", ""),
        (f"{pad}{against:>13}", role),
        (f"{pad}{work(one.seconds, one.estimated):>8}", "dim"),
        *([(f"{pad}{whole(one.images_per_second):>7}", "dim")] if _has_speed(width) else []),
    ]


def _group(group: Group) -> Line:
    def figure(mean: float, sd: float) -> str:
        return f"{percent(mean)} ± {100 * sd:.2f}" if not math.isnan(sd) else percent(mean)

    seeds = " ".join(str(seed) for seed in group.seeds)
    star = "*" if group.best_on == "test" else ""
    line: Line = [
        (f"    {fit(one_line(group.name), 22)}", ""),
        (f" last {figure(group.last.mean, group.last.sd)}", "strong"),
        (f"   best{star} {figure(group.best.mean, group.best.sd)}" if group.best_on else "", ""),
        (f"   n={group.last.n}   seeds {seeds}", "dim"),
    ]
    if group.repeated:
        line.append((f"   {group.repeated}", "warn"))
    if group.left_out:
        line.append((f"   {group.left_out}", "warn"))
    if group.unfinished:
        line.append((f"   {group.unfinished} not finished", "dim"))
    return line


def _difference(difference: Difference, marks: Sequence[tuple[str, str]], width: int) -> Line:
    """A field and its value in each recipe; a value that several runs share is written once."""
    name_width = 30 if width >= 100 else 24
    shared: dict[str, list[int]] = {}
    for index, value in enumerate(difference.values):
        shared.setdefault(value, []).append(index)
    line: Line = [(f"    {fit(difference.field, name_width - 1)} ", "")]
    share = max((width - name_width - 4) // len(shared) - 2, 8)
    for value, runs in shared.items():
        pens = "".join(marks[run][0] for run in runs)
        text = fit(one_line(value) if value != ABSENT else NONE, max(share - len(pens) - 1, 4)).rstrip()
        line += [(f"{pens} ", marks[runs[0]][1]), (f"{fit(text, share - len(pens))} ", "")]
    return clip(line, width)
