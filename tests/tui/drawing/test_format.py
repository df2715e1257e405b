"""Numbers as short text."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.drawing import format as fmt

NAN = math.nan


@pytest.mark.parametrize(
    ("function", "value", "shown"),
    [
        (fmt.percent, 0.93614, "93.61"),
        (fmt.percent, 1.0, "100.00"),
        (fmt.percent, NAN, "-"),
        (fmt.delta, 0.002, "+0.2"),
        (fmt.delta, -0.0049, "-0.5"),
        (fmt.delta, -0.0004, "+0.0"),
        (fmt.delta, NAN, "-"),
        (fmt.whole, 5213.7, "5,214"),
        (fmt.whole, NAN, "-"),
        (fmt.si, 21_282_122, "21.3 M"),
        (fmt.si, 62_006, "62 k"),
        (fmt.si, 999_999, "1 M"),
        (fmt.si, 12, "12"),
        (fmt.gigabytes, 11 * 2**30, "11"),
        (fmt.gigabytes, NAN, "-"),
        (fmt.gigabytes, 0, "0"),
        (fmt.gigabytes, 2**28, "<1"),
        (fmt.file_size, 3_100_000, "3.1 MB"),
        (fmt.file_size, NAN, "-"),
        (fmt.file_size, 171_000_000, "171 MB"),
        (fmt.file_size, 12, "12 B"),
        (fmt.keep_running, 1, "1 run keeps running"),
        (fmt.keep_running, 3, "3 runs keep running"),
        (fmt.age, 2, "2 s ago"),
        (fmt.age, 300, "5 min ago"),
        (fmt.age, 3 * 3600, "3 h ago"),
        (fmt.age, 12 * 86400, "12 d ago"),
        (fmt.age, math.inf, "-"),
    ],
)
def test_numbers_are_written_like_this(function, value, shown):
    assert function(value) == shown


@given(st.floats(0, 1), st.integers(1, 60))
def test_a_bar_fills_its_cells_in_proportion(fraction, cells):
    drawn = fmt.bar(fraction, cells, "░")
    assert cell_len(drawn) == cells
    eighths = sum(8 if c == "█" else 7 - "▉▊▋▌▍▎▏".index(c) if c in "▉▊▋▌▍▎▏" else 0 for c in drawn)
    assert abs(eighths - fraction * cells * 8) <= 1
    assert ("░" not in drawn and drawn == "█" * cells) == (fraction == 1)


def test_a_bar_of_something_tiny_is_not_empty_and_of_nothing_is():
    assert fmt.bar(1e-9, 10).strip() == "▏"
    assert fmt.bar(0.0, 10).strip() == ""
    assert fmt.bar(NAN, 3, "░") == "░░░"
    assert fmt.bar(0.5, 0) == ""


def test_a_spark_line_shows_gaps_where_nothing_was_measured():
    assert fmt.spark([0.0, 0.5, 1.0, NAN, 2.0], 10) == "▁▄█ █"
    assert fmt.spark([0.1] * 20, 4) == "▁▁▁▁"


@given(st.text(alphabet="─│└┬█▉▌▏░●•…▲→Δ°±⣀✓✗abc 1", max_size=40))
def test_the_ascii_twin_has_the_same_width_and_only_ascii(text):
    twin = fmt.to_ascii(text)
    assert twin.isascii()
    assert cell_len(twin) == cell_len(text)


def test_glyphs_follow_the_locale(monkeypatch):
    monkeypatch.setattr("locale.getpreferredencoding", lambda _: "UTF-8")
    monkeypatch.setenv("TERM", "tmux-256color")
    assert fmt.glyphs_of_terminal() == "braille"
    monkeypatch.setattr("locale.getpreferredencoding", lambda _: "ANSI_X3.4-1968")
    assert fmt.glyphs_of_terminal() == "ascii"


@pytest.mark.parametrize(
    ("term", "glyphs"),
    [("xterm-256color", "braille"), ("", "braille"), ("linux", "block"), ("vt100", "ascii"), ("dumb", "ascii")],
)
def test_glyphs_follow_the_terminal_where_its_font_is_known(monkeypatch, term, glyphs):
    monkeypatch.setattr("locale.getpreferredencoding", lambda _: "UTF-8")
    monkeypatch.setenv("TERM", term)
    assert fmt.glyphs_of_terminal() == glyphs


def test_marks_bars_and_curves_stay_apart_in_ascii():
    assert fmt.to_ascii("●■▲◆▼") == "o#^*v" and fmt.to_ascii("○□△◇▽") == "BBBBB"
    assert fmt.to_ascii("━━╸") == "===" and fmt.to_ascii("╺──") == "---"
    assert fmt.to_ascii("⣀⡠⠔⠊") == "...." and fmt.to_ascii("✓ ✗ ◌ ▸ │") == "+ x . > |"


def test_a_single_run_has_no_spread():
    assert fmt.mean_over_runs(0.884, 0.0011, 3, "*") == "88.40* ±0.11"
    assert fmt.mean_over_runs(0.8852, 0.0, 1) == "88.52"


def test_a_place_in_line_is_an_ordinal():
    places = {1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 13: "13th", 21: "21st", 112: "112th"}
    assert fmt.place_in_line(0) == ""
    assert {place: fmt.place_in_line(place) for place in places} == {
        place: f"{ordinal} in line" for place, ordinal in places.items()
    }
