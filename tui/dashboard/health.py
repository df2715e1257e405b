"""Signs of healthy training, as a table: the line and the pane of the Dashboard print its cells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from engine.analysis.compare import spread_at
from engine.analysis.standing import Standing
from tui.dashboard.layout import WIDE
from tui.dashboard.view import RunView
from tui.drawing.format import NONE, delta, number
from tui.drawing.lines import Line, clip, heading, width_of
from tui.drawing.typeset import FIGURES, Table, by_label

_NORM, _RATIO, _NONFINITE, _STATE = "gradient norm", "update/weight", "values that are not finite", "state"
_DIFFERENCE, _AT, _SPREAD = "difference to the baseline, points", "compared", "spread over the seeds of the baseline"
_UNPAIRED, _BASELINE = "not compared", "baseline"
_WELL: Final = "all well"
_NOTHING: Final = "no epoch finished yet"


def health_table(view: RunView, base: RunView | None, siblings: Sequence[Standing] = ()) -> Table:
    """Norms, non-finite values, and the difference to the baseline beside the spread that its seeds have there.

    Args:
        base: the baseline run, as far as it has been read.
        siblings: runs of the baseline's recipe.
    """
    last, bad = view.last, _nonfinite(view)
    well = last is not None and not bad and math.isfinite(last.train_loss)
    rows = [
        (_NORM, number(last.grad_norm, 2) if last else NONE),
        (_RATIO, number(last.update_ratio, 4) if last else NONE),
        (_NONFINITE, str(bad)),
        (_STATE, _WELL if well else "" if last else _NOTHING),
        *_against(view, base, siblings),
    ]
    return Table("health", FIGURES, tuple(row for row in rows if row[1]))


def _nonfinite(view: RunView) -> int:
    """How many values that are not finite the run has met."""
    return sum(epoch.nonfinite for epoch in view.history.epochs)


def _against(view: RunView, base: RunView | None, siblings: Sequence[Standing]) -> list[tuple[str, str]]:
    """The difference to the baseline at one epoch and the spread of its seeds there; without one, why."""
    if base is None:
        return [(_BASELINE, "no baseline: b makes this run the baseline")]
    if base.run == view.run:
        return [(_BASELINE, "this run is the baseline")]
    if not view.comparable(base):
        return [(_UNPAIRED, f"baseline {base.short_id} was tested on other images")]
    difference, at, base_at = view.against(base)
    if not at:
        return [(_BASELINE, f"no test at an epoch of baseline {base.short_id} yet")]
    spread = spread_at(siblings, base_at)
    return [
        (_DIFFERENCE, delta(difference, 2)),
        (_AT, f"at epoch {at}" if at == base_at else f"at their last epochs, {at} and {base_at}"),
        (_SPREAD, f"seed sd {100 * spread.sd:.2f}, n={spread.n}" if spread.n > 1 else "one seed"),
    ]


def health_line(table: Table, width: int) -> Line:
    """The table in one line: the comparison with the baseline where it fits, else whether all is well."""
    cells = by_label(table)
    line: Line = [(" health   ", "dim"), *_norms(cells, " · " if width < WIDE else "   ")]
    fuller = [*line, ("   ", ""), *_comparison(cells)]
    if _BASELINE not in cells and width_of(fuller) <= width:
        return fuller
    return clip([*line, (f"  {_WELL}", "ok")] if cells.get(_STATE) == _WELL else line, width)


def health_pane(table: Table, width: int) -> list[Line]:
    """The table as a pane of three lines."""
    cells = by_label(table)
    right: Line = [(_WELL, "ok")] if cells.get(_STATE) == _WELL else []
    norms, compared = _norms(cells, "   "), _comparison(cells)
    lines = [
        heading("health", width, [right] if right else ()),
        norms if width_of(norms) <= width else _norms(cells, "  "),
        compared if width_of(compared) <= width else _comparison(cells, short=True),
    ]
    return [clip(line, width) for line in lines]


def _norms(cells: Mapping[str, str], gap: str) -> Line:
    if cells.get(_STATE) == _NOTHING:
        return [(_NOTHING, "dim")]
    bad = cells[_NONFINITE]
    role = "" if bad == "0" else "bad"
    return [
        ("grad norm ", "dim"), (cells[_NORM], ""), (f"{gap}update/weight ", "dim"),
        (cells[_RATIO], ""), (f"{gap}NaN ", role or "dim"), (bad, role),
    ]  # fmt: skip


def _comparison(cells: Mapping[str, str], *, short: bool = False) -> Line:
    """The difference to the baseline with the spread of its seeds, or why there is none.

    Args:
        short: leave out which epoch it is.
    """
    if _DIFFERENCE not in cells:
        return [(cells.get(_UNPAIRED) or cells[_BASELINE], "dim")]
    when = "" if short else f" {cells[_AT]}"
    return [(cells[_DIFFERENCE], "strong"), (f" to baseline{when} ({cells[_SPREAD]})", "dim")]
