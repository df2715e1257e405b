"""The preview at the right of a wide table: what it keeps at each height."""

import numpy as np
import pytest

from engine.analysis.against import Against
from engine.analysis.stats import Interval
from tests.tui.demo import summary
from tests.tui.reading import HOSTILE, fits, text_of
from tui.drawing.per_class import ClassRow
from tui.drawing.run_columns import Marks
from tui.drawing.run_preview import AccuracyCurve, PreviewValues
from tui.drawing.run_side import recipe_pane, side

EPOCHS = np.arange(1.0, 101.0)
BASE = summary(id="20261122-101530-base", folder="/nowhere/base", last_accuracy=0.96)
RUN = summary(notes=("reviewer 2 asked for averaging",))
NAMES = ("airplane", "cat", "dog")
PREVIEW = PreviewValues(
    run=RUN,
    curve=AccuracyCurve(EPOCHS, 60 + 0.36 * EPOCHS),
    test_images=10_000,
    classes=tuple(ClassRow(name, 0.9 + 0.02 * i, 0.0, 0.01 - 0.02 * i) for i, name in enumerate(NAMES)),
    confused=(95, 3, 2, 1, 90, 9, 0, 4, 96),
    baseline=BASE,
    baseline_curve=AccuracyCurve(EPOCHS, 59 + 0.36 * EPOCHS),
    fields=tuple((f"field.{i}", str(i)) for i in range(40)),
)
MARKS = Marks(baseline=BASE, against={RUN.folder: Against(0.0026, Interval(0.0, 0.005), 150, 124, 10_000)})


@pytest.mark.parametrize("width", [52, 66, 72])
@pytest.mark.parametrize("height", [22, 32, 43, 48, 90])
@pytest.mark.parametrize("chart", [True, False])
def test_the_preview_fits_and_keeps_the_essentials(width, height, chart):
    lines = side(PREVIEW, MARKS, width, height, "braille", chart=chart)
    text = text_of(lines)
    assert fits(lines, width, height)
    for words in ("k3f9", "96.26 ±0.37", "+0.26", "26 fewer mistakes than base", "files and command"):
        assert words in text
    assert ("accuracy %" in text) == chart
    if height >= 32:
        assert "per class" in text and "reviewer 2 asked" in text
    if height >= 43:
        assert "most frequent mistakes" in text and "cat        → dog" in text


def test_a_run_that_is_left_out_and_hostile_text_are_plain_words():
    run = summary(
        name=HOSTILE,
        tags=(HOSTILE,),
        changes=HOSTILE,
        excluded=HOSTILE,
        notes=(HOSTILE,),
        message=HOSTILE,
        status="lost",
    )
    text = text_of(side(PreviewValues(run), Marks(), 66, 48, "braille"))
    assert "left out of means and verdicts: " in text and "\x1b" not in text
    assert "no baseline: b makes the run under the cursor the baseline" in text


def test_why_two_runs_are_not_paired_is_said():
    marks = Marks(baseline=BASE, against={RUN.folder: Against(why="no predictions")})
    assert "not paired with base: no predictions" in text_of(side(PREVIEW, marks, 66, 43, "braille"))


@pytest.mark.parametrize(("width", "height"), [(50, 8), (104, 8), (132, 30)])
def test_the_recipe_fills_columns_from_top_to_bottom(width, height):
    lines = recipe_pane(PREVIEW, width, height)
    assert fits(lines, width, height) and "…" not in text_of(lines)
    assert text_of(lines).splitlines()[1].startswith("field.0 ") and "field" in text_of(lines[:1])
    assert recipe_pane(PreviewValues(RUN), width, height) == []
