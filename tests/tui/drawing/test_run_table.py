"""The table of Results: what each column shows."""

import time

import pytest

from engine.contract.run.events import REASONS
from tests.tui.demo import summary
from tui.drawing.lines import width_of
from tui.drawing.run_columns import COLUMNS, Marks, layout
from tui.drawing.run_rows import ListRow
from tui.drawing.run_state import state_in_words, state_of
from tui.drawing.run_table import draw_row, footnote, header, news

HOSTILE = "\x1b[31m[red]evil[/red]\x07\nsecond line"


def text(line) -> str:
    return "".join(part for part, _ in line)


@pytest.mark.parametrize("width", [80, 100, 120, 160, 200])
def test_every_row_and_the_header_have_the_width_of_the_screen_less_the_scroll_bar(width):
    for marks in (Marks(), Marks(slots={summary().id: 5}, baseline=summary(folder="/nowhere/base"))):
        columns = layout(width, baseline=marks.baseline is not None)
        for run in (
            summary(),
            summary(status="failed", reason="gpu_memory", started=time.time() - 9e6),
            summary(name="n" * 90),
        ):
            assert width_of(draw_row(ListRow(run), columns, marks, True, time.time())) == width - 1
        assert width_of(draw_row(ListRow(heading="finished", right="9"), columns, marks, False, 0.0)) == width - 1
        assert width_of(header(columns, "when", False, marks)) == width - 1


@pytest.mark.parametrize(("best_on", "shown"), [("test", "96.51*"), ("holdout", "96.51")])
def test_the_row_says_where_the_best_epoch_was_picked_on_test(best_on, shown):
    run = summary(best_on=best_on)
    columns = layout(120)
    assert shown in text(draw_row(ListRow(run), columns, Marks(), False, time.time())).split()
    assert "best*" not in text(header(columns, "when", False, Marks()))
    assert bool(footnote([run], columns, Marks())) == (best_on == "test")
    assert footnote([run], layout(80), Marks()) == [], "without the column there is no star to explain"


def test_estimated_working_time_is_marked():
    columns = layout(120, {"took"})
    for estimated, shown in ((False, "9 m 07"), (True, "~9 m 07")):
        run = summary(seconds=547.0, estimated=estimated)
        assert f" {shown}  " in text(draw_row(ListRow(run), columns, Marks(), False, time.time()))


@pytest.mark.parametrize("reason", REASONS)
def test_no_reason_is_cut(reason):
    run = summary(status="failed", reason=reason)
    for width in (80, 120, 300):
        columns = layout(width)
        last = columns.columns[-1][1]
        assert "…" not in text(draw_row(ListRow(run), columns, Marks(), False, time.time()))[-last:]


def test_text_from_runs_is_one_clean_line():
    run = summary(name=HOSTILE, preset=HOSTILE, changes=HOSTILE, tags=(HOSTILE,), device=HOSTILE)
    drawn = text(draw_row(ListRow(run), layout(240, COLUMNS), Marks(), False, time.time()))
    assert "\x1b" not in drawn and "\x07" not in drawn and "\n" not in drawn
    assert "[red]evil" in drawn


def test_the_top_line_counts_ended_and_live_runs():
    from collections import Counter

    runs = [summary(status="running"), summary(status="queued"), summary()]
    line = text(news(Counter(finished=13, failed=1), 1000.0, 1000.0 + 9 * 3600, runs, 80))
    assert line == " since you left 9 h ago: 13 finished · 1 failed · 1 running · 1 queued"
    assert text(news(Counter(), 0.0, 1000.0, [], 80)).strip() == "nothing is running"


def test_runs_that_are_left_out_are_named_below_the_table():
    runs = [summary(), summary(excluded="wrong crop"), summary(excluded="[red]noise")]
    assert text(footnote(runs, layout(80), Marks())) == " 2 left out: wrong crop, [red]noise "
    assert state_of(runs[1])[0] == "✓ out" and state_in_words(runs[1])[0] == "✓ left out"
