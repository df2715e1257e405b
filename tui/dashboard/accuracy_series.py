"""The series of an accuracy chart: the run, what it promises, and the baseline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.analysis.compare import where
from engine.analysis.series import Array
from engine.contract.text import one_line
from tui.dashboard.options import Options
from tui.dashboard.positions import epoch_positions
from tui.dashboard.view import RunView
from tui.drawing.axes import Axis
from tui.drawing.charts import Curve
from tui.drawing.format import delta, percent
from tui.drawing.marks import faint_role_of, mark_of, role_of


@dataclass(frozen=True, slots=True)
class CurveStyle:
    """How a curve looks: its roles, its mark and its slot. By default that of a run that is shown alone."""

    role: str = "run-0"
    faint: str = "faint-0"
    mark: str = "●"
    slot: int = 0

    @classmethod
    def of(cls, slot: int | None, run_id: str = "") -> CurveStyle:
        """The look of a run in this slot."""
        return cls(role_of(slot), faint_role_of(slot), mark_of(slot, run_id), slot or 0)


def accuracy_series(
    view: RunView, base: RunView | None, options: Options, x: Axis, look: CurveStyle, *, wide: bool
) -> list[Curve]:
    """Faint series first, because later ones are drawn over them. Accuracies are in percent."""
    series: list[Curve] = []
    compared = base if base is not None and base.run != view.run and view.comparable(base) else None
    promise = view.promise
    if promise is not None and x.high > x.low:
        label = "reported" if promise.source != "measured" else "measured"
        series.append(
            Curve(
                label,
                [x.low, x.high],
                [100 * promise.accuracy] * 2,
                (percent(promise.accuracy),),
                "reported",
                "┈",
                "level",
            )
        )
    if compared is not None:
        series.append(_baseline(view, compared, options, wide=wide))
    xs = epoch_positions(view, options)

    def shown(label: str, column: str, pen: CurveStyle, best: float = np.nan) -> Curve:
        values = view.history.epoch(column)
        value = [percent(_last(values))]
        if label.startswith("test") and compared is not None and view.against(compared)[1]:
            value.append(f"Δ {delta(view.against(compared)[0], 2)}")
        return Curve(
            one_line(label), xs, 100.0 * values, tuple(value), pen.role, pen.mark, faint=pen.faint,
            weight=options.smooth, best=best, slot=pen.slot,
        )  # fmt: skip

    if not view.train_mixed:
        series.append(shown("train", "train_accuracy", CurveStyle("train", "faint-train", "•", 1)))
    series.append(shown("train clean", "clean_train_accuracy", CurveStyle("clean", "", "∙", 2)))
    series.append(shown("holdout", "holdout_accuracy", CurveStyle("other", "", "◦", 3)))
    epochs = view.history.epoch("epoch")
    best = xs[epochs == view.best_epoch]
    label = "test" if view.weights == "raw" else f"test {view.weights}"
    series.append(shown(label, "test_accuracy", look, float(best[0]) if len(best) else np.nan))
    return [one for one in series if len(one.points[0])]


def _baseline(view: RunView, base: RunView, options: Options, *, wide: bool) -> Curve:
    """The baseline's curve; its value is that of the epoch at which both runs are compared."""
    _, at, base_at = view.against(base)
    value = base.accuracy_at(base_at if at else base.done_epochs)[1]
    label, figure = base.short_id, percent(value)
    if wide:
        label, figure = f"{label} base", f"{figure} {where(at, base_at)}" if at else figure
    accuracy = 100.0 * base.history.epoch("test_accuracy")
    xs = epoch_positions(base, options)
    return Curve(label, xs, accuracy, (figure,), "baseline", "─", "plain", "faint-baseline", options.smooth)


def _last(values: Array) -> float:
    seen = values[np.isfinite(values)]
    return float(seen[-1]) if len(seen) else np.nan
