"""The GPU memory that a run will take, as an estimate: beside what each card has free, and in one line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from engine.analysis.memory import MISSING, Card, PeakMemory
from engine.contract.text import file_size
from tui.drawing.lines import Line, clip, heading, width_of

TIGHT: Final = 0.1
"""Share of a card that is left, below which a run may fail: the CUDA context and workspace are not in the estimate."""
_LEAST_BAR: Final = 8


def amount(memory: PeakMemory) -> str:
    """ "~4.9 GB"; "more than 1.2 GB" where the activations are unknown."""
    return f"{'~' if memory.complete else 'more than '}{file_size(memory.total)}"


def fits(memory: PeakMemory, free: int, total: int) -> tuple[str, str]:
    """Whether the run fits into the free memory of a card, in words, and their role."""
    left = free - memory.total
    if left < 0:
        return f"does not fit: {file_size(-left)} too little", "bad"
    if not memory.complete:
        return f"{file_size(free)} free", ""
    if left < TIGHT * total:
        return f"fits, {file_size(left)} left: tight", "warn"
    return f"fits, {file_size(left)} left", "ok"


def memory_pane(memory: PeakMemory | None, cards: Sequence[Card], width: int, height: int) -> list[Line]:
    """A bar for each card: what is in use and what the run would add; below them what the parts of the bars mean.

    Args:
        memory: the estimate; None for a model of unknown size.
        height: lines there are; cards that do not fit in are counted in the last but one.
    """
    basis = "estimate" if memory and not memory.complete else "estimate from counted activations"
    lines = [heading("memory on each card", width, [basis if memory else "in use now"])]
    room = max(height - 2, 1)
    shown = cards if len(cards) <= room else cards[: max(room - 1, 1)]
    remarks = [_remark(memory, card) for card in shown]
    words = max((len(text) for text, _ in remarks), default=0)
    lines += [
        _card(i, card, memory, width - words, text) for i, (card, text) in enumerate(zip(shown, remarks, strict=True))
    ]
    if hidden := cards[len(shown) :]:
        lines.append([(f" {_hidden(hidden, memory)}", "dim")])
    return [*lines, _legend(memory, width)][:height]


def _remark(memory: PeakMemory | None, card: Card) -> tuple[str, str]:
    """What is said of a card, and its role."""
    _, free, total = card
    if free is None or not total:
        return "the driver does not report its memory", "dim"
    return fits(memory, free, total) if memory else (f"{file_size(free)} of {file_size(total)} free", "")


def _card(number: int, card: Card, memory: PeakMemory | None, width: int, remark: tuple[str, str]) -> Line:
    """The bar of a card in `width` cells, and what is said of it after them."""
    _, free, total = card
    label: Line = [(f"GPU {number}  ", "dim")]
    if free is None or not total:
        return [*label, remark]
    cells = max(width - width_of(label) - 3, _LEAST_BAR)
    before = min(round((1.0 - free / total) * cells), cells)
    ours = min(max(round(memory.total / total * cells), 1), cells - before) if memory else 0
    role = remark[1] if remark[1] in ("warn", "bad") else "bar"
    bar: Line = [("━" * before, "baseline"), ("━" * ours, role), ("━" * (cells - before - ours), "track")]
    return [*label, *bar, ("  ", ""), remark]


def _hidden(cards: Sequence[Card], memory: PeakMemory | None) -> str:
    """What is said of the cards for which there is no line."""
    known = [(free, total) for _, free, total in cards if free is not None and total]
    if memory is None or not known:
        return f"and {len(cards)} more"
    enough = sum(free >= memory.total for free, _ in known)
    return f"and {len(cards)} more: {'all fit' if enough == len(cards) else f'{enough} of them fit'}"


def _legend(memory: PeakMemory | None, width: int) -> Line:
    line: Line = [("       ━", "baseline"), (" in use", "dim")]
    if memory is None:
        return [*line, ("   this run: unknown for this model with these options", "dim")]
    line += [("   ━", "bar"), (f" this run {amount(memory)}", "")]
    largest = f"activations {file_size(memory.activations)}" if memory.complete else MISSING
    longer: Line = [*line, (f", {largest}" if memory.complete else f": {largest}", "dim")]
    return longer if width_of(longer) <= width else clip(line, width)


def memory_words(memory: PeakMemory | None) -> str:
    """The estimate and what it consists of, for the command line."""
    if memory is None:
        return "GPU memory: no estimate for this model with these options"
    parts = {name: value for name, value in asdict(memory).items() if value and not math.isnan(value)}
    listed = ", ".join(f"{'data set' if name == 'data' else name} {file_size(value)}" for name, value in parts.items())
    missing = "" if memory.complete else f"; {MISSING}"
    return f"GPU memory: {amount(memory)} on each card, an estimate ({listed}{missing}; without the CUDA context)"


def memory_data(memory: PeakMemory | None, cards: Sequence[Card]) -> dict[str, Any] | None:
    """The estimate as plain data: bytes by part, their total, and what is free on each card; None without one."""
    if memory is None:
        return None
    free = [{"name": name, "free": free, "total": total} for name, free, total in cards]
    return asdict(memory) | {"total": memory.total, "complete": memory.complete, "cards": free}
