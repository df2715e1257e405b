"""The parts of a training step as a bar in sections, with a legend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.contract.text import one_line
from tui.drawing.lines import Line, width_of

_STEPS: Final = {"forward": "part-1", "backward": "part-3", "optimizer": "part-0", "data": "mark", "step": "part-3"}
"""The role of each part."""
_SHORT: Final = {"optimizer": "optim"}
_SHORTEST: Final = {"forward": "fwd", "backward": "bwd", "optimizer": "optim"}
_ROOMY: Final = 50
"""Width in cells from which the parts have their full names."""


def step_shares(step_ms: Mapping[str, float]) -> dict[str, str]:
    """The share of each part of a step in percent; empty if no step was timed."""
    total = sum(step_ms.values())
    return {part: f"{100 * ms / total:.0f}" for part, ms in step_ms.items()} if total > 0 else {}


def parts_of_step(step_ms: Mapping[str, float], width: int, label: int) -> list[Line]:
    """The bar and its legend with shares in percent; nothing if no step was timed.

    A step that is one CUDA graph has only data and step, and the legend says so.

    Args:
        step_ms: milliseconds of each part.
        label: columns of the label at the left.
    """
    shares, total = step_shares(step_ms), sum(step_ms.values())
    if not shares:
        return []
    order = [part for part in _STEPS if part in step_ms] + [part for part in step_ms if part not in _STEPS]
    order.sort(key=lambda part: part == "data")
    room = width - label - (len(order) - 1)
    cells = {part: max(round(room * step_ms[part] / total), 1) for part in order}
    cells[max(cells, key=cells.__getitem__)] += room - sum(cells.values())
    bars: Line = [("step %".ljust(label), "dim")]
    legend: Line = []
    for i, part in enumerate(order):
        role = _STEPS.get(part, "dim")
        bars += [(" " * (i > 0), ""), ("━" * cells[part], role)]
        name = (_SHORT if width >= _ROOMY else _SHORTEST).get(part, one_line(part))
        legend += [("  " * (i > 0), ""), ("━ ", role), (f"{name} ", "dim"), (shares[part], "")]
    if "step" in step_ms:
        legend.append(("   one graph", "dim"))
    indent = max(min(label, width - width_of(legend)), 0)
    return [bars, [(" " * indent, ""), *legend]]
