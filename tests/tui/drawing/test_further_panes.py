"""The panes on further test sets: no line is too wide, and what is left out is counted."""

import pytest

from engine.analysis.between_sets import OnSet, SetVerdict
from engine.analysis.stats import Interval
from engine.analysis.verdict import Rules
from engine.contract.run.predicted import Predicted
from tests.tui.reading import text_of
from tui.drawing.further_panes import MOST, corruption_pane, further_pane, on_sets_section
from tui.drawing.lines import width_of

NAMES = ("gaussian_noise", "elastic_transform", "speckle_noise")
ROWS = [
    {"name": name, "standard": name != "speckle_noise", "accuracy": [1.0, 0.8, 0.7, 0.6, 0.5], "tta_accuracy": []}
    for name in NAMES
]
CORRUPTED = Predicted(
    name="cifar10-c", layout="corruptions", images=15 * 10_000, accuracy=0.72, sd=0.2, corruptions=ROWS
)
NEWER = Predicted(name="cifar10.1-v6", images=2000, accuracy=0.864)
SETS = [CORRUPTED, NEWER, *(Predicted(name=f"set-{i}", images=9) for i in range(4))]


@pytest.mark.parametrize("width", [40, 60, 100])
def test_the_sets_are_listed_with_the_one_that_is_shown(width):
    lines = further_pane(SETS, None, width)
    assert all(width_of(line) <= width for line in lines) and text_of([lines[-1]]).strip() == "and 2 more"
    assert "86.40 % ±1.50" in text_of([lines[2]]) and len(lines) == MOST + 2
    assert text_of([further_pane(SETS, NEWER, width)[2]]).startswith("▸cifar10.1-v6")
    assert text_of([further_pane(SETS, SETS[-1], width)[MOST]]).startswith("▸set-3")
    assert further_pane([], None, width) == []


@pytest.mark.parametrize("width", [48, 60, 100])
def test_the_mean_over_corruptions_comes_first_and_the_rest_is_counted(width):
    lines = corruption_pane(CORRUPTED, width, 30)
    assert all(width_of(line) <= width for line in lines)
    assert [text_of([line]).strip()[:7] for line in lines[2:]] == ["mean of", *(name[:7] for name in NAMES)]
    assert "72.0" in text_of([lines[2]]) and "100.0" in text_of([lines[2]])
    assert text_of([corruption_pane(CORRUPTED, width, 5)[-1]]).strip() == "and 2 more rows"


def test_runs_on_a_set_stand_below_its_name():
    rows = (
        SetVerdict("20261122-101530-aaaa", NEWER),
        SetVerdict("20261122-101530-bbbb", NEWER, -0.01, Interval(-0.02, -0.001), 0.03, 0.03, "worse"),
        SetVerdict("20261122-101530-cccc", NEWER, reason="its answers cannot be read"),
    )
    found = OnSet("cifar10.1-v6", "d" * 64, rows[0].run, rows, Rules())
    texts = [text_of([line]) for line in on_sets_section([found], {rows[0].run: ("●", "run-0")}, 80)]
    assert "cifar10.1-v6, 2,000 images (1 comparison)" in texts[0]
    assert texts[1].startswith(" ● aaaa  86.40 ±1.50") and texts[1].rstrip().endswith("base")
    assert "-1.00  p .03    ▼ more mistakes" in texts[2] and "its answers cannot be read" in texts[3]
