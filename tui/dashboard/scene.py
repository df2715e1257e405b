"""Everything that the panes of the Dashboard show, as one value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from engine.analysis.standing import Standing
from engine.contract.run.status import Status
from tui.dashboard.accuracy_series import CurveStyle
from tui.dashboard.options import Options
from tui.dashboard.view import RunView
from tui.drawing.also_running import OtherRun
from tui.drawing.runs_here import HereRun


@dataclass(frozen=True, slots=True)
class Second:
    """Another run beside the one that is shown."""

    view: RunView
    look: CurveStyle


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that the panes show."""

    view: RunView
    state: Status
    base: RunView | None = None
    """The baseline run, as far as it has been read."""
    siblings: Sequence[Standing] = ()
    """Runs of the baseline's recipe, for the spread over its seeds."""
    rates: Sequence[float] = ()
    """The learning rate over the whole run; empty if unknown."""
    others: Sequence[OtherRun] = ()
    options: Options = field(default_factory=Options)
    zoom: Literal["", "accuracy", "lower"] = ""
    look: CurveStyle = field(default_factory=CurveStyle)
    here: Sequence[HereRun] = ()
    """All runs, for the list from 160 columns on."""
    second: Second | None = None
