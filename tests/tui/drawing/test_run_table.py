"""The rows of Results without a screen: their order, their headings and what stands in each column."""

import statistics
import time

import pytest

from engine.contract.run.events import REASONS
from tests.tui.demo import summary
from tui.drawing.lines import width_of
from tui.drawing.run_rows import SORTS, Row, rows_of
from tui.drawing.run_table import (
    Columns,
    Marks,
    draw_row,
    footnote,
    header,
    news,
    state_in_words,
    state_of,
    took_of,
    when_of,
)

HOSTILE = "\x1b[31m[red]evil[/red]\x07\nsecond line"


def text(line) -> str:
    return "".join(part for part, _ in line)


@pytest.mark.parametrize("width", [80, 100, 120, 160, 200])
def test_every_row_and_the_header_have_the_width_of_the_screen_less_the_scroll_bar(width):
    columns = Columns.for_width(width)
    for run in (
        summary(),
        summary(status="failed", reason="gpu_memory", started=time.time() - 9e6),
        summary(name="n" * 90),
    ):
        assert width_of(draw_row(Row(run), width, columns, Marks(), True, time.time())) == width - 1
    assert width_of(header(columns, "when", False)) == width - 1


def test_live_runs_stand_on_top_whatever_the_order():
    runs = [summary(id="a" * 20, last_accuracy=0.99), summary(id="b" * 20, status="queued", last_accuracy=None)]
    for sort in SORTS:
        for reverse in (False, True):
            rows = rows_of(runs, sort, reverse)
            assert [row.heading for row in rows if row.heading] == ["running and queued 1", "ended 1"]
            assert rows[1].run is runs[1]


@pytest.mark.parametrize("sort", SORTS)
def test_every_column_sorts_both_ways_and_missing_numbers_come_last(sort):
    runs = [
        summary(
            id=f"{i:020d}", last_accuracy=acc, best_accuracy=acc, seed=i, started=float(i), seconds=float(i), epoch=i
        )
        for i, acc in enumerate((0.5, None, 0.9))
    ]
    down = [row.run for row in rows_of(runs, sort)[1:]]
    up = [row.run for row in rows_of(runs, sort, reverse=True)[1:]]
    key = SORTS[sort].of
    assert [key(run) for run in down] == sorted(map(key, runs), reverse=SORTS[sort].falling)
    assert [key(run) for run in up] == sorted(map(key, runs), reverse=not SORTS[sort].falling)
    if sort in ("last", "best"):
        assert getattr(down[-1], f"{sort}_accuracy") is None


def test_runs_of_one_recipe_stand_together_under_their_mean():
    ends = (0.96, 0.97, 0.95)
    runs = [
        summary(id=f"{i:020d}", recipe_id="a", seed=i, last_accuracy=end, started=float(i))
        for i, end in enumerate(ends)
    ]
    runs.append(summary(id="9" * 20, recipe_id="b", changes="lr .005→.01", last_accuracy=0.9, started=1.5))
    runs.append(
        summary(id="8" * 20, recipe_id="b", changes="lr .005→.01", status="failed", last_accuracy=0.1, started=1.2)
    )
    rows = rows_of(runs, group=True)
    assert [row.heading for row in rows if row.heading] == [
        f"resnet34_cutmix  96.00 ±{100 * statistics.stdev(ends):.2f} (n=3)",
        "resnet34_cutmix lr .005→.01  90.00 (n=1)",
    ]
    assert [row.run.recipe_id for row in rows if row.run] == ["a", "a", "a", "b", "b"]


def test_a_seed_that_was_run_again_counts_once_and_is_named():
    ends = {0: 0.96, 1: 0.97}
    runs = [summary(id=f"{i:020d}", recipe_id="a", seed=i, last_accuracy=end, created=1.0) for i, end in ends.items()]
    runs.append(summary(id="5" * 20, recipe_id="a", seed=1, last_accuracy=0.98, created=2.0))  # the newest counts
    sd = 100 * statistics.stdev((0.96, 0.98))
    heading = next(row.heading for row in rows_of(runs, group=True) if row.heading)
    assert heading == f"resnet34_cutmix  97.00 ±{sd:.2f} (n=2; seed 1 is there twice and counts once)"
    twice = rows_of([runs[0], runs[0]], group=True)
    assert twice[0].heading == "resnet34_cutmix  96.00 (n=1; seed 0 is there twice and counts once)", "no ±0.00"


@pytest.mark.parametrize(("best_on", "shown"), [("test", "96.51*"), ("holdout", "96.51")])
def test_the_row_says_where_the_best_epoch_was_picked_on_test(best_on, shown):
    run = summary(best_on=best_on)
    drawn = "".join(text for text, _ in draw_row(Row(run), 80, Columns(), Marks(), False, time.time()))
    assert shown in drawn.split()
    assert "best*" not in "".join(text for text, _ in header(Columns(), "when", False))
    assert bool(footnote([run], 80)) == (best_on == "test")


def test_time_at_work_that_was_judged_by_wall_clocks_is_marked():
    assert took_of(summary(seconds=547.0)) == "9 m 07"
    assert took_of(summary(seconds=547.0, estimated=True)) == "~9 m 07"


@pytest.mark.parametrize(
    ("values", "shown", "words"),
    [
        ({"status": "finished"}, "✓", "✓ finished"),
        ({"status": "failed", "reason": "gpu_memory"}, "✗ mem", "✗ GPU memory"),
        ({"status": "failed", "reason": "diverged"}, "✗ nan", "✗ diverged"),
        ({"status": "failed", "reason": "traceback"}, "✗ err", "✗ failed"),
        ({"status": "failed"}, "✗ err", "✗ failed"),
        ({"status": "running"}, "●", "● running"),
        ({"status": "queued"}, "◌", "◌ queued"),
        ({"status": "stopped"}, "■stop", "■ stopped"),
        ({"status": "lost", "reason": "reboot"}, "?boot", "? reboot"),
    ],
)
def test_each_state_has_a_sign_that_reads_without_colour_and_words_where_there_is_room(values, shown, words):
    assert state_of(summary(**values))[0] == shown
    assert state_in_words(summary(**values))[0] == words


@pytest.mark.parametrize("reason", REASONS)
def test_no_reason_is_cut(reason):
    run = summary(status="failed", reason=reason)
    for width in (80, 100):
        columns = Columns.for_width(width)
        assert "…" not in text(draw_row(Row(run), width, columns, Marks(), False, time.time()))[-columns.state :]


def test_a_waiting_run_shows_its_place_and_an_old_one_its_date():
    now = 1_795_300_000.0
    assert when_of(summary(status="queued", place=3), now) == "#3"
    assert when_of(summary(status="running"), now) == "now"
    assert when_of(summary(started=now - 600), now) == "10 min"
    assert when_of(summary(started=now - 5 * 3600), now) == "5 h"
    assert when_of(summary(started=now - 20 * 86400), now).split()[1] in ("Oct", "Nov")
    assert "/" in when_of(summary(started=now - 900 * 86400), now)


def test_text_from_runs_is_one_clean_line():
    run = summary(name=HOSTILE, preset=HOSTILE, changes=HOSTILE, tags=(HOSTILE,), device=HOSTILE)
    drawn = text(draw_row(Row(run), 200, Columns.for_width(200), Marks(), False, time.time()))
    assert "\x1b" not in drawn and "\x07" not in drawn and "\n" not in drawn
    assert "[red]evil" in drawn


def test_the_top_line_counts_what_ended_and_what_goes_on():
    from collections import Counter

    runs = [summary(status="running"), summary(status="queued"), summary()]
    said = text(news(Counter(finished=13, failed=1), 1000.0, 1000.0 + 9 * 3600, runs, 80))
    assert said == " since you left 9 h ago: 13 finished · 1 failed · 1 running · 1 queued"
    assert text(news(Counter(), 0.0, 1000.0, [], 80)).strip() == "nothing runs now"
