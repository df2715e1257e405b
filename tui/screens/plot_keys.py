"""The keys that change how curves are drawn, the same on every screen with curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from tui.dashboard.options import AXES, SMOOTHING, X_RANGES, X_UNITS, Options, XUnit, next_value
from tui.keys.common import GLOBAL
from tui.keys.key import Key, footer
from tui.screens.run_actions import RunActions
from tui.widgets.key_line import KeyLine


class PlotKeys(RunActions):
    """A screen with curves: `a`, `x` and `w` change the options, and the footer shows the unit of the x axis."""

    KEYS: ClassVar[Sequence[Key]]
    X_UNITS: ClassVar[Sequence[XUnit]] = X_UNITS
    """The units that `x` cycles through."""

    def __init__(self) -> None:
        super().__init__()
        self._options = Options()

    def _draw(self) -> None:
        """Draw the curves with the current options."""
        raise NotImplementedError

    def _rows(self) -> Sequence[Key]:
        """The keys whose ranks the key line follows."""
        return self.KEYS

    def _pairs(self) -> list[tuple[str, str]]:
        return [(key, self._options.x if key == "x" else label) for key, label in footer([*self._rows(), *GLOBAL])]

    def _change(self, options: Options) -> None:
        self._options = options
        self.query_one(KeyLine).set_pairs(self._pairs())
        self._draw()

    def action_axis(self) -> None:
        self._change(replace(self._options, axis=next_value(AXES, self._options.axis)))

    def action_x_unit(self) -> None:
        self._change(replace(self._options, x=next_value(self.X_UNITS, self._options.x)))

    def action_smooth(self) -> None:
        self._change(replace(self._options, smooth=next_value(SMOOTHING, self._options.smooth)))

    def action_x_range(self) -> None:
        self._change(replace(self._options, x_range=next_value(X_RANGES, self._options.x_range)))

    def action_y_zoom(self, steps: int) -> None:
        """Zoom the y axis in by so many steps, out for a negative number."""
        self._change(replace(self._options, zoom=self._options.zoom + steps))

    def action_reset_view(self) -> None:
        """Show the whole range again, without a cursor."""
        self._change(replace(self._options, zoom=0, x_range="whole", cursor=0))

    def _last_epoch(self) -> int:
        """The last epoch that the cursor can read; 0 if there is none."""
        raise NotImplementedError

    def action_cursor(self, epochs: int) -> None:
        """Move the cursor by so many epochs; it appears at the last one."""
        last, now = self._last_epoch(), self._options.cursor
        if last:
            self._change(replace(self._options, cursor=min(max(now + epochs, 1), last) if now else last))
