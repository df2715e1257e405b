"""The verdict panes: their rows at several widths, and their sentences in a few lines."""

import pytest

from engine.analysis.judged import recipe_labels
from tests.tui.drawing.comparing import judged, marks, runs  # noqa: F401
from tests.tui.reading import fits, line_of, text_of
from tui.drawing.compare_verdicts import (
    model_lines_of,
    models_heading,
    models_lines,
    recipe_lines_of,
    recipes_lines,
    seeds_strip,
    sentence,
)


@pytest.mark.parametrize(
    ("width", "heads"),
    [(79, []), (119, ["fixed", "new", "mid-p", "Holm"]), (65, [])],
)
def test_models_have_an_interval_around_zero_at_every_width(judged, marks, width, heads):  # noqa: F811
    changes = {one.run.id: one.changes for one in judged.marked}
    lines = models_lines(judged.models, changes, marks, judged.marked[2].run.id, width)
    text = text_of(lines)
    assert fits(lines, width, 3) and "│" in text and "━" in text and "▲ fewer mistakes" in text
    assert all(head in text for head in heads)
    assert "each against b" in line_of(models_heading(judged.models, width, [("o", "key")]))


def test_recipes_have_their_means_and_say_why_there_is_no_test(judged, marks):  # noqa: F811
    labels = recipe_labels(judged.marked, judged.baseline)
    by_recipe = {one.run.recipe_id: marks[one.run.id] for one in reversed(judged.marked)}
    lines = recipes_lines(judged.recipes, labels, by_recipe, "", 100)
    assert "no test" in text_of(lines) and "96." in text_of(lines)
    said = text_of(recipe_lines_of(judged.recipes, labels, by_recipe, "", 100, 4))
    assert "a test needs at least 2 seeds of each" in said
    strip = seeds_strip(judged.recipes, by_recipe, 70)
    assert "every seed" in line_of(strip[0]) and line_of(strip[0]).count("●") == 2 and fits(strip, 70, 3)


def test_a_sentence_loses_its_end_before_a_figure_is_cut(judged, marks):  # noqa: F811
    run = judged.marked[2].run.id
    whole = text_of(model_lines_of(judged.models, marks, run, 200, 4))
    assert "fixed" in whole and "Another seed may differ." in whole
    short = text_of(model_lines_of(judged.models, marks, run, 79, 2))
    assert "Another seed" not in short and "after 2 comparisons)." in short
    cut = text_of(sentence("one two three four five six", ("●", "run-0"), 14, 1))
    assert cut.endswith("…")
