"""How the user wants to see the curves, and the cells available for them."""

from tui.dashboard.options import AXES, Frame, Options, next_value
from tui.drawing.charts import ChartStyle


def test_a_key_that_cycles_comes_back_to_the_first_value():
    seen, value = [], AXES[0]
    for _ in AXES:
        seen.append(value)
        value = next_value(AXES, value)
    assert seen == list(AXES) and value == AXES[0]


def test_the_kind_of_axis_decides_the_scale_of_both_plots():
    scales = {axis: (Options(axis=axis).accuracy_scale, Options(axis=axis).loss_scale) for axis in AXES}
    assert scales == {
        "log error": (None, "linear"),
        "log loss": (None, "log"),
        "linear": ("linear", "linear"),
    }


def test_a_wide_frame_has_a_wider_gutter():
    wide, narrow = Frame(60, 9), Frame(50, 9)
    assert (wide.gutter, narrow.gutter) == (16, 11)
    assert wide.style(3) == ChartStyle(16, 3, True, "braille", True)
