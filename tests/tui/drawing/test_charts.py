"""Charts as text: what is drawn where, what is left out, and that nothing overflows."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.drawing.axes import Axis, accuracy_axis, finite, value_axis, x_axis
from tui.drawing.charts import ChartStyle, Series, chart, downsample, smooth

NAN = math.nan
RISE = Series("test", range(1, 11), [50, 60, 70, 75, 80, 84, 87, 89, 90, 91], ("91.00",))


def text_of(lines):
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def roles_of(lines):
    return {role for line in lines for text, role in line if text.strip()}


def test_a_rising_accuracy_is_drawn_like_this():
    x, y = x_axis(10), accuracy_axis([RISE.y], 7)
    assert text_of(chart([RISE], 40, 9, x, y, ChartStyle(gutter=11))) == [
        "  │                        ⢀⡠ ⣀ test",
        "90┤                  ⣀⡠⠔⠒⠒⠉⠁     91.00",
        "  │               ⡠⠔⠊",
        "80┤            ⣀⠤⠊",
        "  │        ⢀⡠⠒⠉",
        "60┤      ⡠⠊⠁",
        "50┤  ⢀⡠⠔⠉",
        "  └┬────┬────┬────┬────┬────┬",
        "   0    2    4    6    8  10",
    ]


def test_every_series_writes_its_label_and_value_beside_the_plot():
    low = Series("train*", [0, 10], [1.2, 1.2], ("1.247",), "train", "•")
    high = Series("baseline", [0, 10], [2.0, 2.0], ("8fq2", "at 10", "2.000"), "baseline", "·")
    lines = chart([low, high], 60, 12, x_axis(10), value_axis([low.y, high.y], 10), ChartStyle(gutter=14))
    gutter = [line[46:].strip() for line in text_of(lines)]
    assert [note for note in gutter if note] == ["· baseline", "8fq2", "at 10", "2.000", "• train*", "1.247"]
    assert {"train", "baseline"} <= roles_of(lines)
    plot = "\n".join(line[:46] for line in text_of(lines))
    assert "•" in plot and "·" in plot


def test_labels_that_do_not_fit_lose_their_middle_lines_first():
    many = [Series(f"s{i}", [0, 10], [i, i], ("id", "at 3", f"{i}.0")) for i in range(3)]
    gutter = [
        line[29:].strip() for line in text_of(chart(many, 40, 6, x_axis(10), value_axis([[0, 2]], 4), ChartStyle()))
    ]
    assert gutter == ["⣀ s2", "2.0", "⣀ s1", "1.0", "⣀ s0", "0.0"]


@pytest.mark.parametrize(("glyphs", "allowed"), [("braille", "⠀⣿"), ("block", "▀▟"), ("ascii", "**")])
def test_each_glyph_level_draws_with_its_own_marks(glyphs, allowed):
    plain_y = Axis(0, 100)
    lines = chart([Series("", range(11), range(0, 110, 10))], 30, 8, x_axis(10), plain_y, ChartStyle(0, glyphs=glyphs))
    drawn = {c for line in lines for text, role in line if role == "test" for c in text if c != " "}
    assert drawn and all(allowed[0] <= c <= allowed[1] for c in drawn)


@example([5e-324], 40, 0, "linear")
@example([5e-324], 40, 4, "linear")
@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=40),
    st.integers(0, 90),
    st.integers(0, 20),
    st.sampled_from(["linear", "log"]),
)
def test_no_line_is_ever_wider_or_higher_than_asked(values, width, height, scale):
    series = Series("a label that is rather long", range(len(values)), values, ("value 1", "value 2"))
    y = value_axis([values], max(height - 2, 1), scale)
    lines = chart([series], width, height, x_axis(len(values)), y, ChartStyle(gutter=11, x_name="epoch"))
    assert len(lines) == height
    assert all(sum(cell_len(text) for text, _ in line) <= width for line in lines)


@given(st.lists(st.floats(-1e6, 1e6) | st.just(NAN), min_size=1, max_size=400), st.integers(1, 30))
def test_downsampling_keeps_the_extremes_of_every_column(values, columns):
    x, y = np.arange(len(values), dtype=float), np.array(values)
    kept_x, kept_y = downsample(x, y, 0.0, float(len(values)), columns)
    column = np.minimum((x / len(values) * columns).astype(int), columns - 1)
    kept_column = np.minimum((kept_x / len(values) * columns).astype(int), columns - 1)
    assert np.all(np.diff(kept_x) > 0)
    for i in range(columns):
        there = y[(column == i) & np.isfinite(y)]
        here = kept_y[kept_column == i]
        assert len(here) <= 2 or np.isfinite(y).sum() <= 2
        if len(there):
            assert here.min() == there.min() and here.max() == there.max()


@given(st.lists(st.floats(-1e3, 1e3) | st.just(NAN), max_size=700), st.sampled_from([0.6, 0.9, 0.97]))
def test_smoothing_is_the_debiased_moving_average(values, weight):
    expected, total, mass = [], 0.0, 0.0
    for value in values:
        if not math.isnan(value):
            total, mass = weight * total + value, weight * mass + 1
        expected.append(NAN if math.isnan(value) else total / mass)
    np.testing.assert_allclose(smooth(values, weight), expected, rtol=1e-9, atol=1e-9)


def test_without_weight_smoothing_changes_nothing():
    np.testing.assert_array_equal(smooth([1.0, NAN, 3.0], 0.0), [1.0, NAN, 3.0])


def test_nothing_to_plot_still_has_axes():
    lines = text_of(chart([], 40, 8, x_axis(0), value_axis([], 6), ChartStyle()))
    assert lines[-2].lstrip().startswith("└┬") and lines[-1].split()[0] == "0"
    assert len(finite([])) == 0


def test_a_chart_is_as_wide_as_asked_whatever_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    x, y = Axis(0, 500, ((0, "0"), (500, "500"))), Axis(0, 1)
    last = text_of(chart([Series("", [0, 500], [0, 1])], 200, 8, x, y, ChartStyle(gutter=0)))[-1]
    assert last.endswith("500") and cell_len(last) >= 198
