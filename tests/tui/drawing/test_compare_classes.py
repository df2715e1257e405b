"""The class pane: counts of the chosen run, bars of the others, one line where there is no room."""

from dataclasses import replace

from tests.tui.drawing.comparing import judged, marks, runs  # noqa: F401
from tests.tui.reading import fits, line_of, text_of
from tui.drawing.compare_classes import class_rows, classes_line, classes_pane


def test_fixed_and_new_of_all_classes_add_up_to_the_verdict(judged, marks):  # noqa: F811
    verdict = judged.models.rows[1]
    rows = class_rows(judged, verdict.run)
    assert sum(row.won for row in rows) == verdict.pair.counts.won
    assert sum(row.lost for row in rows) == verdict.pair.counts.lost
    lines = classes_pane(judged, marks, verdict.run, 60, 11)
    assert fits(lines, 60, 11) and "fixed" in line_of(lines[0]) and line_of(lines[1]).split()[0] == "airplane"
    assert int(line_of(lines[1]).split()[-2]) == rows[0].won


def test_other_runs_stand_beside_where_there_is_room(judged, marks):  # noqa: F811
    first, second = (row.run for row in judged.models.rows)
    lines = classes_pane(judged, marks, first, 124, 13)
    assert fits(lines, 124, 13) and f"▲ {second[-4:]}" in line_of(lines[0])
    pair = replace(judged, marked=judged.marked[:2])
    assert "accuracy %" in line_of(classes_pane(pair, marks, first, 124, 13)[0])
    alone = replace(judged, marked=judged.marked[:1])
    assert "97." in text_of(classes_pane(alone, marks, first, 124, 13))


def test_without_predictions_the_events_tell_the_differences(judged, marks):  # noqa: F811
    unpaired = replace(judged, models=None)
    rows = class_rows(unpaired, judged.marked[2].run.id)
    assert len(rows) == 10 and all(row.won < 0 for row in rows) and any(row.difference for row in rows)


def test_one_line_names_the_largest_differences_and_keeps_its_key(judged):  # noqa: F811
    line = line_of(classes_line(judged, judged.marked[2].run.id, 79))
    assert line.startswith(" classes") and line.endswith("tab bars") and " .. " in line and len(line) <= 79


def test_bars_are_colored_for_the_classes_that_the_test_has_decided(judged, marks):  # noqa: F811
    """One run differs from the baseline by its seed alone, another one in every class."""
    seen = set()
    for run in (one.run.id for one in judged.marked[1:]):
        rows = class_rows(judged, run)
        for row, line in zip(rows, classes_pane(judged, marks, run, 60, 14)[1:], strict=False):
            colored = {"ok", "warn"} & {role for text, role in line if text.strip()}
            assert bool(colored) == (row.is_clear and row.difference != 0), (row, line)
            seen.add(row.is_clear)
    assert seen == {True, False}
