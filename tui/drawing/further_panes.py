"""The panes of Inspect and Compare on further test sets, those that a user brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from engine.analysis.between_sets import OnSet
from engine.contract.run.predicted import Predicted
from tui.drawing.format import NONE
from tui.drawing.further_sets import MEAN, corruption_table, on_set_table, on_set_title, sets_table
from tui.drawing.lines import Line, clip, fit, heading, hints, width_of

NAME: Final = "further test sets"
MOST: Final = 4
"""Sets that Overview lists at most; the key `d` goes through all of them."""


def further_pane(found: Sequence[Predicted], on: Predicted | None, width: int) -> list[Line]:
    """Accuracy, interval and images of each further test set, below the result on the test set; [] without any."""
    if not found:
        return []
    lines = [heading(NAME, width, [[*hints([("d", "show next")])]])]
    first = max(list(found).index(on) - MOST + 1, 0) if on in found and on is not None else 0
    shown = found[first : first + MOST]
    name = min(max(len(one.stem) for one in shown), max(width - 40, 12))
    for one, (_, accuracy, half, images, _, *error) in zip(shown, sets_table(shown).rows, strict=True):
        line: Line = [
            ("▸" if one is on else " ", "accent"),
            (f"{fit(one.stem, name)}  ", "strong" if one is on else ""),
        ]
        line.append((f"{accuracy} %" if one.labeled else "no labels", "strong"))
        line += [(f" {half}" if half != NONE else "", ""), (f"   {images}", "dim")]
        if one.corrupted:
            line.append((f", mean error {error[0]} %", "dim"))
        lines.append(line)
    if len(shown) < len(found):
        lines.append([(f" and {len(found) - len(shown)} more", "dim")])
    return [clip(line, width) for line in lines]


def corruption_pane(one: Predicted, width: int, height: int) -> list[Line]:
    """Accuracy by corruption and severity, in percent; the mean of the standard ones comes first."""
    table = corruption_table(one)
    rows = sorted(table.rows, key=lambda row: not row[0].startswith(MEAN))
    name = min(max(len(row[0]) for row in table.rows), max(width - 6 * 6 - 1, 10))
    heads = [column.head for column in table.columns]
    lines = [heading(f"{one.stem}, test % by severity", width, ["plain mean, not the mCE of ImageNet-C", "plain mean"])]
    lines.append([(f" {fit(heads[0], name)}" + "".join(f"{head:>6}" for head in heads[1:]), "dim")])
    for row in rows:
        role = "strong" if row[0].startswith(MEAN) else "dim" if row[0].endswith("(extra)") else ""
        lines.append([(f" {fit(row[0], name)}", role), *((f"{value:>6}", role) for value in row[1:])])
    if len(lines) > height > 3:
        lines = [*lines[: height - 1], [(f" and {len(lines) - height + 1} more rows", "dim")]]
    return [clip(line, width) for line in lines[: max(height, 0)]]


def on_sets_section(found: Sequence[OnSet], marks: Mapping[str, tuple[str, str]], width: int) -> list[Line]:
    """How the marked runs of a comparison do on each further test set; [] without any."""
    lines: list[Line] = []
    for one in found:
        lines.append(heading(on_set_title(one), width, ["Δ points, p corrected"]))
        for row, (run, accuracy, half, gap, _, _, p, verdict) in zip(one.rows, on_set_table(one).rows, strict=True):
            mark, role = marks.get(row.run, ("", ""))
            line: Line = [(f" {mark} {run}  ", role), (accuracy, "strong"), (f" {half}" if half != NONE else "", "dim")]
            line.append((" " * max(24 - width_of(line), 1), ""))
            if row.run == one.baseline:
                line.append((gap, "dim"))
            elif row.interval is not None:
                line += [(f"{gap:>6}", "strong"), (f"  p {p:<6}", "")]
                line.append((f" {verdict}", ""))
            else:
                line.append((verdict, "dim"))
            lines.append(clip(line, width))
    return lines
