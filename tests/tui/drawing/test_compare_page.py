"""The panes of Compare together: what is dropped, and what never is."""

from dataclasses import replace

import pytest

from engine.analysis.judged import recipe_labels
from tests.tui.drawing.comparing import judged, marks, runs  # noqa: F401
from tests.tui.reading import fits, line_of, text_of
from tui.drawing.compare_page import Page, column_lines, lower_lines, verdict_pane


@pytest.fixture
def page(judged, marks):  # noqa: F811
    labels = recipe_labels(judged.marked, judged.baseline)
    return Page(judged, marks, labels, judged.marked[2].run.id, command="cifar-tui runs compare a b")


@pytest.mark.parametrize("height", [4, 5, 7, 9])
def test_at_every_height_the_chosen_run_keeps_its_row(page, height):
    lines = verdict_pane(page, 79, height, wide=False)
    assert fits(lines, 79, height) and f"▲ {page.chosen[-4:]}" in text_of(lines)


def test_the_verdicts_say_what_they_wait_for(page):
    waiting = replace(page, judged=replace(page.judged, models=None, recipes=None))
    assert "reading the predictions" in text_of(verdict_pane(waiting, 79, 9, wide=False))
    both = replace(waiting, by_recipe=True)
    assert "reading the runs of these recipes" in text_of(verdict_pane(both, 79, 9, wide=False))
    alone = replace(page, judged=replace(page.judged, marked=page.judged.marked[:1]))
    assert "mark a second run" in text_of(verdict_pane(alone, 79, 9, wide=False))


def test_the_column_begins_with_the_verdict_that_was_asked_for(page):
    models, recipes = column_lines(page, 70, 48), column_lines(replace(page, by_recipe=True), 70, 48)
    assert line_of(models[0]).startswith("━ verdict on these models")
    assert line_of(recipes[0]).startswith("━ verdict on two recipes")
    for words in ("every seed", "not to be concluded", "fields differ", "cost", "same as a command"):
        assert words in text_of(models)
    assert fits(models, 70, 999) and fits(lower_lines(page, 55), 55, 99)
