"""The recipes of Results: which runs a mean counts, and how its seeds are drawn."""

import statistics

import pytest

from tests.tui.demo import summary
from tests.tui.reading import fits, text_of
from tui.drawing.recipe_table import recipe_rows, recipe_table


def runs(recipe, ends, **facts):
    return [
        summary(id=f"20261122-101530-{recipe}{i:03d}", recipe_id=recipe, seed=i, last_accuracy=end, **facts)
        for i, end in enumerate(ends)
    ]


def test_a_recipe_counts_each_seed_once_and_no_run_that_is_left_out_or_unfinished():
    found = [*runs("a", (0.96, 0.97)), *runs("b", (0.98, 0.99)), *runs("c", (0.5,))]
    found += [summary(recipe_id="a", seed=2, last_accuracy=0.1, excluded="wrong crop")]
    found += [summary(recipe_id="a", seed=3, last_accuracy=0.1, status="failed")]
    found += [summary(recipe_id="a", seed=1, last_accuracy=0.95, created=9.0)]  # the newest run of a seed counts
    first, second = recipe_rows(found)
    assert (first.last.n, first.last.mean) == (2, pytest.approx(0.985)), "the highest mean stands first"
    assert second.last.mean == pytest.approx(0.955) and second.last.sd == pytest.approx(statistics.stdev((0.96, 0.95)))
    assert second.left_out == "1 left out: wrong crop"
    assert "1 left out: wrong crop" in text_of(recipe_table([second], {}, 140, 9))


@pytest.mark.parametrize("width", [60, 104, 132])
def test_the_table_fits_and_marked_seeds_carry_their_marks(width):
    found = recipe_rows([*runs("a", (0.96, 0.97, 0.965)), *runs("b", (0.94, 0.95), changes="lr .005→.01")])
    for height in (3, 5, 9):
        lines = recipe_table(found, {found[0].runs[0].id: 1}, width, height)
        assert fits(lines, width, height)
    text = text_of(recipe_table(found, {found[0].runs[0].id: 1}, width, 9))
    assert "96.50" in text and ".50" in text and ("■" in text) == (width > 90)


def test_without_two_seeds_of_a_recipe_a_sentence_says_what_is_missing():
    assert "a mean needs at least two" in text_of(recipe_table(recipe_rows(runs("a", (0.9,))), {}, 104, 5))
