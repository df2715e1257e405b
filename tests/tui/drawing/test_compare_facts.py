"""Fields, notes, cost and command of Compare."""

from dataclasses import replace

import pytest

from tests.tui.drawing.comparing import judged, marks, runs  # noqa: F401
from tests.tui.reading import fits, line_of, text_of
from tui.drawing.compare_facts import (
    command_section,
    cost_section,
    equal_section,
    facts_line,
    fields_section,
    notes_section,
    without_beginning,
)


@pytest.mark.parametrize("width", [48, 56, 72])
def test_fields_that_differ_name_the_value_of_each_run(judged, marks, width):  # noqa: F811
    lines = fields_section(judged, marks, width, every=False)
    text = text_of(lines)
    assert fits(lines, width, 99) and "fields differ" in text and "f all fields" in text
    row = next(line for line in text.splitlines() if line.startswith(" averaging "))
    assert "off" in row and "ema" in row
    everything = fields_section(judged, marks, width, every=True)
    assert len(everything) > 60 and "f differing only" in line_of(everything[0])


def test_long_lists_of_operations_are_cut_where_they_begin_alike():
    values = ["crop + flip + jitter + mixup", "crop + flip + jitter", "crop + flip + jitter + mixup"]
    assert without_beginning(values, 20) == ["… + jitter + mixup", "… + jitter", "… + jitter + mixup"]
    assert without_beginning(values, 40) == values
    assert without_beginning(["a" * 30, "b" * 30], 20) == ["a" * 30, "b" * 30]
    assert without_beginning(values[::2], 20) == values[::2], "equal values have no difference to show"


def test_an_unreadable_recipe_is_named(judged, marks):  # noqa: F811
    damaged = replace(judged, marked=(*judged.marked[:2], replace(judged.marked[2], recipe=None)))
    name = judged.marked[2].run.id[-4:]
    assert f"{name}: its recipe cannot be read" in text_of(fields_section(damaged, marks, 72, every=False))
    assert f"{name}: its recipe cannot be read" in line_of(facts_line(damaged, 79))
    assert "n = 1" in line_of(facts_line(judged, 79))


def test_what_may_not_be_concluded_and_the_key_that_mends_it(judged):  # noqa: F811
    models = notes_section(judged, 60, by_recipe=False)
    assert fits(models, 60, 99) and "each run is n = 1" in text_of(models) and "N queues more seeds" in text_of(models)
    recipes = text_of(notes_section(judged, 60, by_recipe=True))
    assert "best* enters" in recipes and "each run is n = 1" not in recipes


def test_cost_is_the_time_to_an_accuracy_and_the_energy_in_all(judged, marks):  # noqa: F811
    lines = cost_section(judged, marks, 72)
    assert "time to 95 %" in line_of(lines[0]) and len(lines) == 4 and "kWh" in line_of(lines[1])
    assert fits(lines, 72, 4)


def test_command_and_equal_fields_fit(judged):  # noqa: F811
    command = command_section("cifar-tui runs compare " + " ".join(one.run.id for one in judged.marked), 60)
    assert fits(command, 60, 3) and "y copy" in line_of(command[0])
    equal = equal_section(judged, 72, 10)
    assert fits(equal, 72, 10) and "fields are the same" in line_of(equal[0])


def test_a_run_that_was_picked_for_its_accuracy_is_named(judged):  # noqa: F811
    first, second, third = (one.run.id for one in judged.marked)
    picked = {first: (1, 27), second: (3, 27), third: (0, 0)}
    text = text_of(notes_section(judged, 72, by_recipe=False, picked=picked))
    assert "picked as best of 27: expect less from a new seed" in text
    assert "picked as number 3 by accuracy of 27" in text and text.count("picked as") == 2
