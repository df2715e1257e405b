"""How New run divides the screen."""

import pytest

from tui.forms.layout import divide

SIZES = [(80, 24), (120, 40), (160, 45), (200, 50)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("changes", [0, 1, 3, 40])
@pytest.mark.parametrize("problems", [0, 2])
def test_the_form_keeps_most_of_its_rows_however_much_has_changed(size, changes, problems):
    division = divide(*size, 0, changes, problems)
    assert division.foot == sum(division.rows[name] for name in ("#command", "#changed", "#changes", "#help", "#wrong"))
    assert size[1] - 3 - division.foot >= size[1] // 2
    assert division.rows["#changes"] <= changes and division.rows["#wrong"] == min(problems, 1)


@pytest.mark.parametrize("size", SIZES)
def test_pictures_and_memory_stand_beside_the_form_only_on_a_large_terminal(size):
    division = divide(*size, 2, 0)
    wide = size[0] >= 160
    assert division.wide == wide and (division.rows["#seen"] > 0) == wide
    assert (division.rows["#memory"] > 0) == wide
    if wide:  # what is left is for the learning rate
        assert size[1] - 3 - sum(division.rows[name] for name in ("#seen", "#memory", "#lower")) >= 8


def test_a_wide_terminal_of_few_rows_leaves_the_pictures_out_first():
    assert divide(160, 36, 2, 0).rows["#seen"] == 0 < divide(160, 36, 2, 0).rows["#lower"]
