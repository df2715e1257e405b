"""A suite's tables: marks, dashes, notes, and what is written about runs that are missing."""

import math
from dataclasses import replace

import pytest

from engine.analysis.report import reproduce
from engine.contract.recipe.catalog import catalog
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Epoch
from engine.contract.run.store import summarize
from presets.loader import Edits
from presets.references import recipe_of
from tests.tui.drawing.suite_example import RECIPE, SUITE, lines
from tui.drawing.suite_figures import row_data
from tui.drawing.suite_table import describe_row, further_table, measured_table, reported_table
from tui.drawing.typeset import text


@pytest.fixture
def runs(ended_run):
    return [
        summarize(ended_run(RECIPE, seed, curve, device_name="a card"))
        for seed, curve in enumerate([(0.5, 0.97, 0.96), (0.5, 0.96, 0.95)])
    ]


def test_the_reported_table_marks_selections_and_keeps_empty_rows():
    table = reported_table(SUITE, ["-", "lr 1→2", "-", "-"])
    assert [column.head for column in table.columns] == ["row", "test %", "test loss", "what"]
    assert [row[1] for row in table.rows] == ["96.19*", "95.00±0.12", "50.00?", "-"]
    assert [row[2] for row in table.rows] == ["0.158", "-", "-", "-"]
    assert table.rows[1][3] == "in its words (quickstart lr 1→2)"
    assert len(table.legend) == 2


def test_equal_notes_are_one_note_and_another_source_is_a_note():
    table = reported_table(SUITE, ["-"] * 4)
    assert table.notes == ("odd", "Source: elsewhere", "out of memory in the source")
    assert table.marks == ((1,), (1, 2), (), (3,))


def test_measured_stands_under_the_selection_of_the_source_with_the_last_epoch_beside_it(runs):
    table = measured_table(SUITE, SUITE.rows, lines(runs), "")
    assert [column.head for column in table.columns] == [
        "row",
        "reported",
        "measured",
        "Δ",
        "last epoch",
        "n",
        "time",
        "device",
    ]
    best, last, unknown, empty = table.rows
    assert best[1:6] == ("96.19*", "96.50±0.71*", "+0.31", "95.50±0.71", "2")
    assert last[1:6] == ("95.00±0.12", "95.50±0.71", "+0.50", "95.50±0.71", "2")
    assert unknown[1:4] == ("50.00?", "95.50±0.71", "+45.50")
    assert empty[1:4] == ("-", "95.50±0.71", "-")
    assert best[6:] == ("3.0 s", "a card")


def test_a_row_without_runs_is_a_row_of_dashes():
    table = measured_table(SUITE, SUITE.rows, lines([]), "")
    assert table.rows[0] == ("a", "96.19*", "-", "-", "-", "0", "-", "-")


def test_without_best_on_test_there_is_no_second_column_for_the_last_epoch(runs):
    rows = SUITE.rows[1:2]
    table = measured_table(SUITE, rows, lines(runs)[1:2], "")
    assert "last epoch" not in [column.head for column in table.columns]


def test_one_run_has_no_spread_but_shows_the_uncertainty_of_the_test_set(runs):
    table = measured_table(SUITE, SUITE.rows, lines(runs[:1]), "")
    assert table.rows[0][2] == "97.00*"
    assert any("one run" in note and "±1.2" in note for note in table.legend), table.legend


def test_every_table_shows_how_the_runs_were_shrunk(runs):
    departure = "shrunk to 1 epoch"
    assert departure in " ".join(measured_table(SUITE, SUITE.rows, lines(runs), departure).lead)
    more = further_table(SUITE, SUITE.rows, lines(runs), departure)
    assert more is not None and departure in " ".join(more.lead)


def test_further_figures_stand_beside_ours(runs):
    table = further_table(SUITE, SUITE.rows, lines(runs), "")
    assert table is not None
    assert [column.head for column in table.columns] == ["row", "test loss"]
    assert [row[1] for row in table.rows] == ["0.158 / 0.035", "- / 0.045", "- / 0.045", "- / 0.045"]
    assert further_table(SUITE, SUITE.rows[2:3], lines(runs)[2:3], "") is None


def test_runs_that_did_not_finish_are_named(runs, ended_run):
    failed = summarize(ended_run(RECIPE, 5, (0.3,), state="failed"))
    table = measured_table(SUITE, SUITE.rows, lines([*runs, failed]), "")
    assert table.rows[0][5] == "2+1"
    assert "not finished: a seed 5 failed (diverged) at epoch 1 of 3" in table.legend


def test_a_seed_that_was_run_again_counts_once_and_is_named(runs, ended_run):
    again = summarize(ended_run(RECIPE, runs[0].seed, (0.9, 0.9, 0.9)))
    table = measured_table(SUITE, SUITE.rows[:1], lines([*runs, again])[:1], "")
    assert table.rows[0][5] == "2"
    assert f"a: seed {runs[0].seed} is listed twice and counts once" in table.legend


def test_a_run_that_is_left_out_is_not_measured_and_is_named(runs):
    out = replace(runs[0], excluded="wrong crop")
    measured = lines([out, runs[1]])[:1]
    table = measured_table(SUITE, SUITE.rows[:1], measured, "")
    assert table.rows[0][5] == "1" and "a: 1 left out: wrong crop" in table.legend
    assert row_data(SUITE.rows[0], measured[0], "", "-")["left_out"] == "1 left out: wrong crop"


def test_a_best_epoch_that_was_picked_on_held_out_images_has_another_mark_than_the_sources(ended_run):
    run = ended_run(RECIPE, 0, ())
    with EventWriter(run.events) as events:
        for number, (test, held) in enumerate(((0.9, 0.5), (0.8, 0.7), (0.7, 0.6)), 1):
            events.write(Epoch(number, test_accuracy=test, holdout_accuracy=held, worked=float(number)))
    line = lines([summarize(run)])[0]
    table = measured_table(SUITE, SUITE.rows[:1], [line], "")
    assert table.rows[0][2] == "80.00h"
    assert "h best epoch, picked on images held out of training" in table.legend
    table = row_data(SUITE.rows[0], line, RECIPE.recipe_id, "-")
    assert math.isnan(table["best_on_test"]["test_accuracy"])
    assert table["best_on_holdout"]["test_accuracy"] == 0.8


def test_estimated_working_times_are_marked(runs):
    older = [replace(run, estimated=True) for run in runs]
    table = measured_table(SUITE, SUITE.rows[:1], lines(older)[:1], "")
    assert table.rows[0][6] == "~3.0 s" and any(note.startswith("~: estimated") for note in table.legend)
    assert row_data(SUITE.rows[0], lines(older)[0], "", "-")["measured"]["seconds_estimated"] is True


def test_a_report_with_seeds_fits_eighty_columns(runs):
    drawn = text(measured_table(SUITE, SUITE.rows, lines(runs), "", 80), 80)
    assert max(map(len, drawn.splitlines())) <= 80
    assert "device" in drawn or "on a card" in drawn


def test_a_device_column_that_does_not_fit_goes_below_the_table(ended_run):
    run = summarize(
        ended_run(RECIPE, 0, (0.5,) * 3, device_name="a card with a name of some sixty letters, which is a lot")
    )
    table = measured_table(SUITE, SUITE.rows, lines([run]), "", 80)
    assert "device" not in [column.head for column in table.columns]
    assert "on a card with a name of some sixty letters, which is a lot" in table.legend


def test_the_number_of_test_images_is_shown(runs, ended_run):
    assert "tested on 1,000 images" in measured_table(SUITE, SUITE.rows, lines(runs), "").legend
    other = recipe_of("quickstart", catalog(), Edits(fields={"epochs": 3}, sets=["data.test_slice=first:0.5"]))
    row = SUITE.rows[1]
    part = summarize(ended_run(other, 0, (0.5,) * 3, test_images=500))
    found = [lines(runs)[0], reproduce(row.id, other.recipe_id, "last", 0.95, [part])]
    legend = measured_table(SUITE, SUITE.rows[:2], found, "").legend
    assert {"tested on 1,000 images: a", "tested on 500 images: b"} <= set(legend)


def test_a_row_in_sentences_has_its_figures_side_by_side(runs):
    first, pairs, note, source = describe_row(SUITE.rows[0], lines(runs)[0], "lr 1→2")
    assert first == "quickstart lr 1→2" and (note, source) == ("odd", "somebody, 2021")
    assert pairs == "reported / ours:   test loss 0.158 / 0.035"
