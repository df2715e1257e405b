"""The parts of a training step: shares of a bar, a legend, and a step that is one graph."""

import pytest

from tests.tui.reading import fits, text_of
from tui.drawing.parts_of_step import parts_of_step

EAGER = {"data": 0.4, "forward": 3.1, "backward": 5.8, "optimizer": 0.7}


def test_the_bar_has_a_section_for_each_part_and_the_legend_its_share():
    bars, legend = parts_of_step(EAGER, 57, 7)
    sections = {role: len(text) for text, role in bars if "━" in text}
    assert sum(sections.values()) == 57 - 7 - 3
    assert sections["part-3"] == pytest.approx(47 * 0.58, abs=1) and sections["mark"] == 2
    assert text_of([legend]).strip() == "━ forward 31  ━ backward 58  ━ optim 7  ━ data 4"


def test_a_step_that_is_one_graph_says_so():
    (_, legend) = parts_of_step({"data": 1.0, "step": 9.0}, 57, 7)
    assert text_of([legend]).strip() == "━ step 90  ━ data 10   one graph"


def test_without_a_timed_step_nothing_is_drawn():
    assert parts_of_step({}, 57, 7) == [] and parts_of_step({"data": 0.0}, 57, 7) == []


@pytest.mark.parametrize("width", [42, 57, 120])
def test_even_the_smallest_part_has_a_cell(width):
    lines = parts_of_step({"data": 1e-6, "forward": 1.0, "backward": 1e6, "optimizer": 0.0, "new": 3.0}, width, 7)
    assert fits(lines[:1], width, 1) and all(text for text, _ in lines[0] if text.strip())
    assert len(text_of(lines[:1])) == width
