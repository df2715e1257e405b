"""The table of Results: its head, one line per run, and the lines around it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from engine.analysis.seeds import left_out
from engine.contract.run.store import Summary
from engine.contract.text import one_line
from tui.drawing.format import age
from tui.drawing.lines import Line, clip, fit, heading
from tui.drawing.marks import mark_of, role_of
from tui.drawing.run_columns import COLUMNS, Cell, ColumnLayout, Marks
from tui.drawing.run_rows import SORTS, ListRow


def header(layout: ColumnLayout, sort: str, reverse: bool, marks: Marks) -> Line:
    """The column heads; an arrow shows the column that the rows are sorted by, and its direction."""
    arrow = "↓" if SORTS[sort].falling != reverse else "↑"
    line: Line = [("id".rjust(layout.lead - 2) + "  ", "dim")]
    for column, width in layout.columns:
        here = column.sort == sort
        text = marks.scale.head(width) if column.key == "interval" else column.head + (arrow if here else "")
        align = "right" if column.right else "left"
        line += [(" " * layout.gap, ""), (fit(text, width, align), "strong" if here else "dim")]
    return line


def sort_of(head: str) -> str:
    """The sort of the column with this head, as `header` writes it; "" for a column that cannot be sorted by."""
    name = head.strip(" ↑↓")
    return next((column.sort for column in COLUMNS.values() if column.head == name), "")


def draw_row(row: ListRow, layout: ColumnLayout, marks: Marks, at_cursor: bool, now: float) -> Line:
    """The line of one row."""
    run = row.run
    if run is None:
        return heading(row.heading, layout.width - 1, [row.right])
    marked, slot = run.id in marks.slots, marks.slots.get(run.id)
    base = marks.baseline is not None and run.folder == marks.baseline.folder
    plain = "strong" if at_cursor else ""
    mark = mark_of(slot, run.id) if marked else ""
    lead = layout.lead - 6
    mark = f" {mark}" if lead > 2 else mark[:1]
    line: Line = [
        ("▸" if at_cursor else " ", "mark"),
        ("b" if base else " ", "mark"),
        (fit(mark, lead), role_of(slot) if marked else ""),
        (run.id[-4:], role_of(slot) if marked else "id"),
    ]
    for column, width in layout.columns:
        line.append((" " * layout.gap, ""))
        line += column.draw(Cell(run, width, marks, plain, now))
    return line


def news(since: Counter[str], left: float, now: float, runs: Sequence[Summary], width: int) -> Line:
    """The top line: what ended since the workbench was closed, and what is running or queued."""
    live = Counter(run.status for run in runs if run.live)
    parts: list[tuple[str, str]] = []
    for state, words, role in (
        ("finished", "finished", "ok"),
        ("failed", "failed", "bad"),
        ("lost", "lost", "bad"),
        ("stopped", "stopped", "warn"),
        ("preempted", "preempted", "warn"),
    ):
        if since[state]:
            parts.append((f"{since[state]} {words}", role))
    start = f" since you left {age(now - left)}: " if parts else " "
    running = sum(live.values()) - live["queued"]
    parts += [(f"{running} running", "live")] if running else []
    parts += [(f"{live['queued']} queued", "warn")] if live["queued"] else []
    if not parts:
        parts = [("nothing is running", "dim")]
    line: Line = [(start, "dim")]
    for i, part in enumerate(parts):
        line += [(" · ", "dim")] if i else []
        line.append(part)
    return clip(line, width)


def footnote(runs: Sequence[Summary], layout: ColumnLayout, marks: Marks) -> Line:
    """The runs that are left out and why, the meaning of the star if any row shows one, and that of the intervals."""
    star = layout.has("best") and any(run.best_on == "test" and run.best_accuracy is not None for run in runs)
    out = left_out(one_line(run.excluded) for run in runs if run.excluded)
    parts = [(f" {out} ", "warn")] if out else []
    parts += [(" * best epoch picked on test; compare only with papers that did the same", "dim")] if star else []
    if marks.baseline is not None and layout.has("interval"):
        parts.append((f"   ━ 95 % interval of Δ to b {marks.baseline.id[-4:]}, same images", "dim"))
    return clip(parts, layout.width)
