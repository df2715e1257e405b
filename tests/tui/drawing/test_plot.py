"""Charts as text: what is drawn where, in which order, and that nothing overflows."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.tui.reading import fits, text_of
from tui.drawing.axes import Axis, x_axis
from tui.drawing.charts import Chart, ChartStyle, Curve
from tui.drawing.format import to_ascii
from tui.drawing.plot import plot
from tui.drawing.ranges import fit_values, settle

NAN = math.nan
Y = Axis(0, 100)
RISE = Curve("test", range(1, 11), [50, 60, 70, 75, 80, 84, 87, 89, 90, 89], ("89.00",), "run-0", "●", best=9)


def drawn(series, width=40, height=9, style=None, x=None, y=None, **options):
    x, y = x or x_axis(10), y or Axis(40, 100)
    return plot(Chart("", tuple(series), x, y, "epoch", **options), width, height, style)


def text(*arguments, **options):
    return text_of(drawn(*arguments, **options)).splitlines()


def roles(lines):
    """(role, text) of everything that is not blank."""
    return [(role, text) for line in lines for text, role in line if text.strip()]


def test_a_run_is_a_joined_line_with_marks_at_its_last_and_its_best_epoch():
    assert text([RISE]) == [
        "100┤┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈",
        "   │                ⣀⣀⡠⠤⠤⠒○⠢● ● test",
        " 80┤┈┈┈┈┈┈┈┈┈┈┈⣀⠤⠒⠉⠉┈┈┈┈┈┈┈┈┈   89.00",
        "   │        ⣀⠤⠊",
        "   │      ⡠⠊",
        " 60┤┈┈┈┈⡠⠊┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈",
        "   │  ⠠⠊",
        " 40┤┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈",
        "   └0 ───────── 5 ──────── 10 epoch",
    ]


def test_without_color_its_mark_stands_on_the_line_and_its_raw_points_are_gone():
    noisy = Curve(
        "a", range(41), [50 + 9 * (i % 2) for i in range(41)], (), "run-1", "■", faint="faint-1", weight=0.9, slot=1
    )
    colored, plain = (drawn([noisy], 50, 9, ChartStyle(color=color), x_axis(40), Y) for color in (True, False))
    assert "faint-1" in dict(roles(colored)) and "faint-1" not in dict(roles(plain))
    marks = sorted(i - 4 for line in text_of(plain).splitlines() for i, letter in enumerate(line[:38]) if letter == "■")
    assert marks == [3, 17, 27]  # on the line, and at its last epoch


def test_marks_of_different_slots_never_stand_in_one_column():
    seen = set()
    for slot, mark in enumerate("●■▲◆▼●■▲"):
        flat = Curve("", [0, 10], [50, 50], (), f"run-{slot}", mark, slot=slot)
        (line,) = [line for line in text([flat], 103, 9, ChartStyle(0, color=False)) if mark in line]
        columns = {i for i, letter in enumerate(line[:-1]) if letter == mark} - {len(line) - 1}
        assert len(columns) >= 6 and not columns & seen
        seen |= columns


def test_two_runs_with_a_reported_figure_a_baseline_and_a_cursor_look_like_this():
    xs = np.arange(1.0, 41)
    reported = Curve("reported", [0, 50], [94, 94], ("94.00",), "reported", "┈", "level")
    base = Curve("8fq2", xs, 93 - 40 * 0.9**xs, ("92.41",), "baseline", "─", "plain")
    other = Curve("d2f8", xs[:20], 90 - 30 * 0.8 ** xs[:20], ("89.65",), "run-1", "▲", slot=2)
    run = Curve("test", xs[:30], 96 - 40 * 0.85 ** xs[:30], ("95.69", "Δ +3.28"), "run-0", "●", best=29)
    shown = text([reported, base, other, run], 60, 14, ChartStyle(13), Axis(0, 50), Axis(70, 97), cursor=25)
    assert shown == [
        "  │                    ⢀⣀⣀⣀⣀○●                  ● test",
        "95┤⠄⠠┈⠄⠠┈⠄⠠┈⠄⠠┈⠄⢀⣀⡠⠒⠒⠉⠉⠁⠄⠠┈⠄⠠┈⠄⠠┈⠄⠠┈⠄⠠┈⠄⠠┈⠄⠠┈⠄⠠   95.69",
        "  │           ⢀⠔⠁        │  ⣀⡠⠤⠤⠤⠒⠒⠒⠒⠒⠂           Δ +3.28",
        "90┤┈┈┈┈┈┈┈┈┈⢀⠔⠁⢀⣀⡠⠤⠤▲┈⡠⠤⠔⠊⠉⠉┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈ ┈ reported",
        "  │        ⡔⠁⠒⠉⠁  ⢀⠤⠒⠉   │                        94.00",
        "85┤┈┈┈┈┈┈⢀⠜⠃┈┈┈┈⡠⠔⠁┈┈┈┈┈┈│┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈ ─ 8fq2",
        "  │     ⢀⠎    ⢠⠊         │                        92.41",
        "  │    ⢠⡎   ⢀⠔⠁          │                      ▲ d2f8",
        "80┤┈┈┈⢀⢰⠁┈┈⢠⠃┈┈┈┈┈┈┈┈┈┈┈┈│┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈   89.65",
        "  │   ⡜⡎  ⢠⠃             │",
        "75┤┈┈⢰⡸┈┈⡰⠁┈┈┈┈┈┈┈┈┈┈┈┈┈┈│┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈",
        "  │  ⢀⠇ ⡰⠁               │",
        "70┤┈⢸⡜┈⢠⠃┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈│┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈",
        "  └0 ───── 10 ───── 20 ──── 30 ───── 40 ──── 50 epoch",
    ]


def test_a_plain_line_is_dotted_without_color():
    base = Curve("base", [0, 10], [50, 50], (), "baseline", "─", "plain")
    assert text([base], 31, 4, ChartStyle(color=True), y=Y)[1] == "   │" + "⠤" * 16 + " ─ base"
    assert text([base], 31, 4, ChartStyle(color=False), y=Y)[1] == "   │" + "⠄⠠ " * 5 + "⠄ ─ base"


def test_a_level_has_every_third_dot_and_one_that_is_out_of_sight_an_arrow():
    near = Curve("reported", [0, 10], [50, 50], ("50.00",), "reported", "┈", "level")
    far = Curve("reported", [0, 10], [150, 150], ("150.00",), "reported", "┈", "level")
    shown = text([near], 31, 4, y=Y)
    assert shown[1] == "   │" + "⠄⠠ " * 5 + "⠄ ┈ reported" and shown[2].endswith("   50.00")
    assert text([far], 31, 5)[0].endswith(" ↑ reported")


def test_the_run_in_question_is_drawn_over_the_others_and_they_over_what_they_are_compared_with():
    """All on one line: what is visible of each is what nothing later covers."""
    along = [0, 10], [50, 50]
    series = [
        Curve("base", [0, 20], [50, 50], (), "baseline", "", "plain"),
        Curve("other", [0, 10], [50, 50], (), "run-1", "", slot=1),
        Curve("test", [0, 5], [50, 50], (), "run-0", "●"),
        Curve("reported", *along, (), "reported", "", "level"),
    ]
    (line, *_) = drawn(series, 50, 2, ChartStyle(gutter=0, x_axis=False), Axis(0, 20), Axis(49, 51))[1:]
    order = [role for text, role in line if text.strip() and role not in ("rule", "dim")]
    assert order == ["run-0", "run-1", "baseline"]


@given(st.lists(st.lists(st.floats(0, 100), min_size=2, max_size=60), min_size=1, max_size=5), st.integers(20, 90))
def test_no_cell_mixes_two_curves(curves, width):
    """Each cell's dots are a subset of those of one curve drawn alone, the curve whose color it has."""
    style = ChartStyle(gutter=0, x_axis=False)
    series = [Curve("", range(len(ys)), ys, (), f"run-{i}") for i, ys in enumerate(curves)]
    cells = [
        [(letter, role) for text, role in line for letter in text] for line in drawn(series, width, 8, style, None, Y)
    ]
    for i, one in enumerate(series):
        alone = [[letter for text, _ in line for letter in text] for line in drawn([one], width, 8, style, None, Y)]
        for y, line in enumerate(cells):
            for x, (letter, role) in enumerate(line):
                if role == f"run-{i}":
                    assert letter == alone[y][x]


@given(st.lists(st.floats(1, 99), min_size=1, max_size=200))
def test_the_line_passes_through_the_mean_of_each_of_its_columns(values):
    x = Axis(0, 199)
    lines = drawn([Curve("", range(len(values)), values, (), "run-0")], 43, 10, ChartStyle(0, x_axis=False), x, Y)
    cells = [[letter for text, role in line if role in ("run-0", "grid", "") for letter in text] for line in lines]
    columns, rows = 2 * len(cells[0]), 40
    at = np.rint(np.arange(len(values)) / 199 * (columns - 1)).astype(int)
    bits = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
    for column in set(at):
        row = round((1 - np.mean(np.array(values)[at == column]) / 100) * (rows - 1))
        letter = cells[row // 4][column // 2]
        assert (ord(letter) - 0x2800) & bits[column % 2][row % 4]


def test_raw_points_are_the_lowest_and_the_highest_of_their_column():
    ys = [10.0, 90.0, 50.0, 50.0] * 50
    lines = drawn(
        [Curve("", range(200), ys, (), "run-0", faint="faint-0")], 13, 10, ChartStyle(0, x_axis=False), Axis(0, 199), Y
    )
    faint = [i for i, line in enumerate(lines) if any(role == "faint-0" for _, role in line)]
    assert faint == [1, 8]


def test_the_cursor_is_a_line_behind_the_curves():
    shown = text([RISE], cursor=5.0)
    crossed = [row for row, line in enumerate(shown) if "│" in line[4:]]
    assert len(crossed) == 7 and len({shown[row].index("│", 4) for row in crossed}) == 1


@pytest.mark.parametrize(("glyphs", "allowed"), [("braille", "⠁⣿"), ("block", "▀▟"), ("ascii", "..")])
def test_each_level_of_glyphs_has_its_own_dots(glyphs, allowed):
    lines = drawn([Curve("", range(11), range(0, 110, 10), (), "run-0")], 30, 8, ChartStyle(0, glyphs=glyphs), None, Y)
    letters = {letter for line in lines for text, role in line if role == "run-0" for letter in text}
    assert letters and all(allowed[0] <= letter <= allowed[1] for letter in letters)


def test_in_ascii_the_marks_are_letters_and_the_best_one_is_b():
    letters = to_ascii("".join(text([RISE], style=ChartStyle(glyphs="ascii"))))
    assert {"o", "B", "."} <= set(letters) and letters.isascii()


@example([5e-324], 40, 0, "linear")
@example([5e-324], 40, 4, "linear")
@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=40),
    st.integers(0, 90),
    st.integers(0, 20),
    st.sampled_from(["linear", "log"]),
)
def test_no_line_is_ever_wider_or_higher_than_asked(values, width, height, scale):
    series = Curve(
        "a label that is rather long", range(len(values)), values, ("value 1", "value 2"), mark="●", weight=0.6
    )
    y = settle(fit_values([np.array(values, dtype=float)], scale=scale))
    lines = drawn([series], width, height, None, x_axis(len(values)), y)
    assert len(lines) == height and fits(lines, width, height)


def test_nothing_to_plot_still_has_axes():
    lines = text([], 40, 8)
    assert lines[-1].lstrip().startswith("└0 ─") and all("│" in line or "┤" in line for line in lines[:-1])


def test_the_x_axis_is_one_row_that_names_its_ticks_and_itself():
    assert text([], 62, 5, None, x_axis(112, 500))[-1] == "   └0 ──────── 50 ─────── 100 ─────── 150 ───── 200 epoch"
