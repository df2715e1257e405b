"""How the user wants to see curves, and the cells available for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from tui.drawing.axes import Scale
from tui.drawing.charts import ChartStyle
from tui.drawing.format import Glyphs

T = TypeVar("T")
XUnit = Literal["epoch", "step", "time", "schedule"]
AxisStyle = Literal["log error", "log loss", "linear"]
XRange = Literal["whole", "last half", "last fifth"]
Metric = Literal["loss", "learning rate", "images/s", "gradient norm", "update/weight"]

X_UNITS: Final[tuple[XUnit, ...]] = ("epoch", "step", "time")
X_UNITS_OF_MANY: Final[tuple[XUnit, ...]] = (*X_UNITS, "schedule")
"""For runs of different lengths: "schedule" is the share of a run's own epochs."""
AXES: Final[tuple[AxisStyle, ...]] = ("log error", "log loss", "linear")
METRICS: Final[tuple[Metric, ...]] = ("loss", "learning rate", "images/s", "gradient norm", "update/weight")
SMOOTHING: Final = (0.0, 0.6, 0.85, 0.95)
X_RANGES: Final[tuple[XRange, ...]] = ("whole", "last half", "last fifth")


@dataclass(frozen=True, slots=True)
class Options:
    """How the user wants to see the curves. Changed by single keys, never stored."""

    axis: AxisStyle = "log error"
    x: XUnit = "epoch"
    x_range: XRange = "whole"
    smooth: float = 0.6
    """Weight of the smoothing, 0 for none."""
    metric: Metric = "loss"
    zoom: int = 0
    """Steps that the y axis is zoomed in by; negative for out."""
    cursor: int = 0
    """The epoch that the cursor reads; 0 without a cursor."""
    every_gpu: bool = False
    """Whether each of more than three GPUs has a line of its own."""

    @property
    def accuracy_scale(self) -> Scale | None:
        """The scale of the accuracy axis; None for the one that suits the values."""
        return "linear" if self.axis == "linear" else None

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
    color: bool = True

    @property
    def wide(self) -> bool:
        """Whether labels and settings are written out in full."""
        return self.width >= 55

    @property
    def gutter(self) -> int:
        """Width of the label gutter in cells."""
        return 16 if self.wide else 11

    def style(self, tick_width: int = 0) -> ChartStyle:
        """The style of a chart in this frame."""
        return ChartStyle(self.gutter, tick_width, self.x_axis, self.glyphs, self.color)


def next_value(values: Sequence[T], now: T) -> T:
    """The value after `now`, or the first one after the last: for keys that cycle through values."""
    return values[(values.index(now) + 1) % len(values)]
