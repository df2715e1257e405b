"""The figure of a suite: each row has its name, its marks where the axis says, and its figures as text."""

import xml.etree.ElementTree as ET

import pytest

from engine.contract.run.store import summarize
from tests.tui.drawing.suite_example import RECIPE, SUITE, lines
from tui.drawing.suite_chart import suite_part
from tui.drawing.svg import page

SVG = "{http://www.w3.org/2000/svg}"


def test_reported_and_measured_stand_on_one_axis(ended_run):
    runs = [summarize(ended_run(RECIPE, seed, [0.5, 0.6, last])) for seed, last in ((0, 0.94), (1, 0.96))]
    root = ET.fromstring(page([suite_part(SUITE, SUITE.rows, lines(runs), "3 epochs")]))
    shown = [element.text for element in root.iter(f"{SVG}text")]
    assert {"A table", "a", "in its words", "c", "d"} <= set(shown)
    assert "95.00±.12 / 95.00±1.41 (n = 2)" in shown or "95.00±0.12 / 95.00±1.41 (n = 2)" in shown, shown
    assert any("our runs: 3 epochs" in words for words in shown)
    disks = [mark for mark in root.iter(f"{SVG}circle") if mark.get("r") == "4"]
    diamonds = list(root.iter(f"{SVG}polygon"))
    assert len(disks) == 4 + 1 and len(diamonds) == 3 + 1, "one each for the legend; d was not reported"
    x = {round(float(mark.get("cx"))) for mark in disks[:4]}
    (reported_b,) = (float(mark.get("points").split()[1].split(",")[0]) for mark in diamonds[1:2])
    assert reported_b == pytest.approx(float(disks[1].get("cx")), abs=0.2), "95 % reported, 95 % measured"
    assert len(x) >= 1


def test_without_runs_only_what_was_reported_is_drawn():
    root = ET.fromstring(page([suite_part(SUITE, SUITE.rows, lines([]), "")]))
    assert len(list(root.iter(f"{SVG}circle"))) == 1, "that of the legend"
