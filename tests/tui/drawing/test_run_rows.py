"""The order and the groups of the rows of Results."""

import statistics
from dataclasses import replace

import pytest

from tests.tui.demo import summary
from tui.drawing.run_rows import SORTS, list_rows


def test_live_runs_stand_on_top_whatever_the_order():
    runs = [summary(id="a" * 20, last_accuracy=0.99), summary(id="b" * 20, status="queued", last_accuracy=None)]
    for sort in SORTS:
        for reverse in (False, True):
            rows = list_rows(runs, sort, reverse)
            assert [row.heading for row in rows if row.heading] == ["waiting", "finished"]
            assert rows[1].run is runs[1]


@pytest.mark.parametrize("sort", SORTS)
def test_every_column_sorts_both_ways_and_missing_numbers_come_last(sort):
    runs = [
        summary(
            id=f"{i:020d}", last_accuracy=acc, best_accuracy=acc, seed=i, started=float(i), seconds=float(i), epoch=i
        )
        for i, acc in enumerate((0.5, None, 0.9))
    ]
    down = [row.run for row in list_rows(runs, sort)[1:]]
    up = [row.run for row in list_rows(runs, sort, reverse=True)[1:]]
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
    rows = list_rows(runs, group=True)
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
    heading = next(row.heading for row in list_rows(runs, group=True) if row.heading)
    assert heading == f"resnet34_cutmix  97.00 ±{sd:.2f} (n=2; seed 1 is listed twice and counts once)"
    twice = list_rows([runs[0], runs[0]], group=True)
    assert twice[0].heading == "resnet34_cutmix  96.00 (n=1; seed 0 is listed twice and counts once)", "no ±0.00"


def test_a_run_that_is_left_out_is_listed_and_is_not_in_the_mean():
    runs = [summary(id=f"{i:020d}", recipe_id="a", seed=i, last_accuracy=end) for i, end in enumerate((0.96, 0.1))]
    runs[1] = replace(runs[1], excluded="wrong crop")
    rows = list_rows(runs, group=True)
    assert rows[0].heading == "resnet34_cutmix  96.00 (n=1; 1 left out: wrong crop)" and len(rows) == 3
    assert list_rows(runs[1:], group=True)[0].heading == "resnet34_cutmix  1 left out: wrong crop"


def test_pinned_runs_stand_above_all_others_and_each_state_has_its_heading():
    states = ("finished", "failed", "queued", "running", "stopped", "starting", "lost")
    runs = [summary(id=f"{i:020d}", status=state, started=float(i)) for i, state in enumerate(states)]
    runs.append(summary(id="9" * 20, pinned=True, status="stopped"))
    rows = list_rows(runs)
    headings = [(row.heading, row.right) for row in rows if row.heading]
    assert headings == [
        ("pinned", "1"), ("running", "2"), ("waiting", "1"), ("finished", "1"), ("failed or stopped", "3"),
    ]  # fmt: skip
    assert rows[1].run is runs[-1] and sum(row.run is not None for row in rows) == len(runs)
