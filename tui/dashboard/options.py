"""How the user wants to see curves, and the cells available for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from tui.drawing.axes import Scale
from tui.drawing.charts import ChartStyle
from tui.drawing.format import Glyphs

T = TypeVar("T")
XUnit = Literal["epoch", "step", "time"]
AxisStyle = Literal["log error", "log loss", "linear"]
Metric = Literal["loss", "learning rate", "images/s", "gradient norm", "update/weight"]

X_UNITS: Final[tuple[XUnit, ...]] = ("epoch", "step", "time")
AXES: Final[tuple[AxisStyle, ...]] = ("log error", "log loss", "linear")
METRICS: Final[tuple[Metric, ...]] = ("loss", "learning rate", "images/s", "gradient norm", "update/weight")
SMOOTHING: Final = (0.0, 0.6, 0.9, 0.97)


@dataclass(frozen=True, slots=True)
class Options:
    """How the user wants to see the curves. Changed by single keys, never stored."""

    axis: AxisStyle = "log error"
    x: XUnit = "epoch"
    smooth: float = 0.0
    """Weight of the moving average, 0 for none."""
    metric: Metric = "loss"

    @property
    def accuracy_scale(self) -> Scale:
        """The scale of the accuracy axis."""
        return "linear" if self.axis == "linear" else "log error"

    @property
    def loss_scale(self) -> Scale:
        """The scale of the loss axis."""
        return "log" if self.axis == "log loss" else "linear"


@dataclass(frozen=True, slots=True)
class Frame:
    """The cells available for a chart."""

    width: int
    height: int
    """Without the heading."""
    glyphs: Glyphs = "braille"
    x_axis: bool = True

    @property
    def wide(self) -> bool:
        """Whether labels and settings are written out in full."""
        return self.width >= 55

    @property
    def gutter(self) -> int:
        """Width of the label gutter in cells."""
        return 14 if self.wide else 11

    @property
    def rows(self) -> int:
        """Rows of the plot, without the x axis."""
        return max(self.height - 2 * self.x_axis, 2)

    def style(self, tick_width: int, x_name: str = "") -> ChartStyle:
        """The style of a chart in this frame."""
        return ChartStyle(self.gutter, tick_width, self.x_axis, self.glyphs, x_name if self.wide else "")


def next_value(values: Sequence[T], now: T) -> T:
    """The value after `now`, or the first one after the last: for keys that cycle through values."""
    return values[(values.index(now) + 1) % len(values)]
