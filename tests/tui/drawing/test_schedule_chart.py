"""A schedule as charts: the learning rate, and the momentum if the schedule changes it."""

import pytest

from engine.contract.recipe.catalog import catalog
from presets.loader import Edits
from presets.references import recipe_of
from tests.tui.reading import fits, text_of
from tui.drawing.schedule_chart import charts, momenta, own_momentum

CONSTANT = recipe_of("quickstart", catalog())
CYCLED = recipe_of("quickstart", catalog(), Edits(schedule="one_cycle", sets=["schedule.momentum_low=0.85"]))


def test_the_momentum_falls_while_the_rate_rises():
    own = own_momentum(CYCLED)
    values = momenta(CYCLED, [i / 100 for i in range(101)])
    assert values[0] == pytest.approx(own, abs=0.01) and min(values) == pytest.approx(0.85, abs=0.01)
    assert momenta(CONSTANT, [0.0, 0.5]) == []


@pytest.mark.parametrize(("recipe", "count"), [(CONSTANT, 1), (CYCLED, 2)])
def test_only_a_momentum_that_changes_has_a_chart(recipe, count):
    lines = charts(recipe, 80, 12, "braille")
    assert fits(lines, 80, 12 * count) and len(lines) == 12 * count
    assert ("momentum" in text_of(lines)) == (count == 2)
    assert text_of(lines).startswith(f"━ learning rate · {recipe.schedule.name}, updated every ")
