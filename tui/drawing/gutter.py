"""The labels beside a chart: each as near to the end of its curve as the others allow, in the order of values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rich.cells import cell_len

from tui.drawing.lines import Line, clip, width_of


@dataclass(frozen=True, slots=True)
class Label:
    """The lines of a label, and where it wants to stand."""

    lines: tuple[Line, ...]
    row: int
    """The row that its first line wants."""
    value: float = 0.0
    """Of two labels that want one row, the higher value stands above."""
    priority: int = 1
    """The lowest loses lines first; a label of priority 0 may vanish."""


@dataclass(slots=True)
class _Block:
    """Labels that touch each other. `wishes`: for each, the row where the block would have to begin for its sake."""

    wishes: list[float] = field(default_factory=list)

    @property
    def start(self) -> float:
        return sum(self.wishes) / len(self.wishes)


def pooled(wanted: Sequence[float], heights: Sequence[int]) -> list[float]:
    """Where blocks of these heights begin, in their order, so that none overlap and each is near to where it wants.

    Pool adjacent violators: a block that overlaps the one above joins it, and both begin at the mean of what their
    members want. This minimizes the sum of squared distances (Barlow et al., Statistical Inference under Order
    Restrictions, 1972).
    """
    blocks: list[_Block] = []
    above = 0
    for want, height in zip(wanted, heights, strict=True):
        blocks.append(_Block([want - above]))
        above += height
        while len(blocks) > 1 and blocks[-2].start > blocks[-1].start:
            last = blocks.pop()
            blocks[-1].wishes += last.wishes
    starts = [block.start for block in blocks for _ in block.wishes]
    return [start + sum(heights[:i]) for i, start in enumerate(starts)]


def place(labels: Sequence[Label], width: int, height: int) -> list[Line]:
    """The labels in `height` lines of at most `width` cells."""
    ordered = _shortened(sorted(labels, key=lambda label: (label.row, -label.value)), width, height)
    heights = [len(label.lines) for label in ordered]
    free = height - sum(heights)
    rows: list[Line] = [[] for _ in range(height)]
    above = 0
    for start, label in zip(pooled([label.row for label in ordered], heights), ordered, strict=True):
        first = above + min(max(int(start - above + 0.5), 0), free)
        for row, line in enumerate(label.lines, first):
            rows[row] = clip(line, width)
        above += len(label.lines)
    return rows


def _shortened(labels: Sequence[Label], width: int, height: int) -> list[Label]:
    """Labels whose lines fit: values move up beside their names, further lines go, then whole references."""
    kept = list(labels)

    def too_high() -> bool:
        return sum(len(label.lines) for label in kept) > height

    for change in (_joined, _cut):
        for i in sorted(range(len(kept)), key=lambda i: kept[i].priority):
            while too_high() and (shorter := change(kept[i], width)) is not None:
                kept[i] = shorter
    while too_high():
        kept.remove(min(kept, key=lambda label: label.priority))
    return kept


def _joined(label: Label, width: int) -> Label | None:
    """The label with its second line on its first; None if there is no room, or nothing to join."""
    if len(label.lines) < 2:
        return None
    first, second, *rest = label.lines
    value = "".join(text for text, _ in second).strip()
    if " " in value or width_of(first) + 1 + cell_len(value) > width:
        return None
    joined: Line = [*first, (f" {value}", second[-1][1])]
    return replace(label, lines=(joined, *rest))


def _cut(label: Label, width: int) -> Label | None:
    """The label without its last line; None if it has only one."""
    return replace(label, lines=label.lines[:-1]) if len(label.lines) > 1 else None
