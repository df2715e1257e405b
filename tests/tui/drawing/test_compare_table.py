"""The rows of Compare as text."""

from dataclasses import replace

import pytest

from engine.analysis.compare import table
from tests.tui.drawing.comparing import judged, runs  # noqa: F401
from tests.tui.reading import fits, line_of
from tui.drawing.compare_table import columns, draw_row, header, kilowatt_hours, notes

MARK = ("▲", "run-2")


def test_a_wide_row_has_all_figures_and_a_narrow_one_those_that_matter(judged):  # noqa: F811
    one = judged.marked[2]
    wide, narrow = (columns(judged.marked, judged.baseline, width) for width in (119, 79))
    row = line_of(draw_row(one, wide, MARK, at_cursor=True)).split()
    assert row[:5] == ["▸", "▲", one.run.id[-4:], "resnet34_cutmix", "averaging=ema"]
    assert row[5:8] == ["2", f"{100 * one.row.last:.2f}", "±0.26"] and row[9].startswith("+")
    assert line_of(header(wide, 119)).split()[-2:] == ["s/epoch", "kWh"] and row[-2] == "10"
    assert [column.head for column in narrow.figures] == ["seed", "last", "± 95 %", "best", "Δ base"]
    assert fits([draw_row(one, narrow, MARK, at_cursor=False), header(narrow, 79)], 79, 2)
    base = line_of(draw_row(judged.marked[0], wide, MARK, at_cursor=False)).split()
    assert base[0] == "b" and "base" in base and "-" in base


def test_a_difference_says_its_epoch_only_where_runs_were_not_compared_at_one_end(judged):  # noqa: F811
    assert "@" not in line_of(
        draw_row(judged.marked[1], columns(judged.marked, judged.baseline, 119), MARK, at_cursor=False)
    )
    short = replace(judged.marked[1], row=replace(judged.marked[1].row, last_epoch=30, at_epoch=30, base_epoch=30))
    marked = (judged.marked[0], short)
    shown = columns(marked, judged.baseline, 119)
    assert "@ 30" in line_of(draw_row(short, shown, MARK, at_cursor=False))


@pytest.mark.parametrize(
    ("outcome", "gap", "role"),
    [
        ("better", 0.006, "ok"),
        ("worse", -0.006, "warn"),
        ("open", 0.006, ""),
        ("same", -0.001, ""),
        ("not after correction", 0.006, ""),
        ("untested", 0.006, ""),
        ("better", 0.0, "dim"),
    ],
)
def test_a_difference_is_colored_only_where_the_paired_test_has_decided_it(judged, outcome, gap, role):  # noqa: F811
    one = replace(judged.marked[2], row=replace(judged.marked[2].row, against=gap))
    rows = tuple(replace(row, outcome=outcome) if row.run == one.run.id else row for row in judged.models.rows)
    shown = columns(judged.marked, judged.baseline, 119, replace(judged.models, rows=rows))
    (found,) = [part for part in draw_row(one, shown, MARK, at_cursor=False) if part[0].strip() == f"{100 * gap:+.2f}"]
    assert found[1] == role


def test_no_difference_is_colored_before_the_verdicts_are_known_or_without_pairing(judged):  # noqa: F811
    one = replace(judged.marked[2], row=replace(judged.marked[2].row, against=0.02))
    unpaired = tuple(replace(row, pair=None) for row in judged.models.rows)
    for models in (None, replace(judged.models, rows=unpaired)):
        shown = columns(judged.marked, judged.baseline, 119, models)
        (found,) = [part for part in draw_row(one, shown, MARK, at_cursor=False) if part[0].strip() == "+2.00"]
        assert found[1] == ""


def test_the_notes_name_the_signs_that_occur(judged):  # noqa: F811
    rows = table([replace(one.row.standing, excluded="wrong crop") for one in judged.marked], judged.baseline)
    assert any("picked on test" in text for text in notes(rows))
    assert sum("left out of means and verdicts: wrong crop" in text for text in notes(rows)) == 3


def test_energy_has_no_leading_zero():
    assert (kilowatt_hours(0.572), kilowatt_hours(float("nan"))) == (".57", "-")
