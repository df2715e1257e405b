"""The chart of a learning-rate sweep: its span, its curves, and the suggested rate."""

import math

import pytest

from engine.analysis.lr_curve import LrCurve
from tests.tui.reading import fits, text_of
from tui.drawing.rate_chart import rate_chart

RATES = tuple(10 ** (-5 + i / 10) for i in range(41))
LOSSES = tuple(2.3 - 1.5 / (1 + math.exp(-(i - 20) / 3)) for i in range(41))


def curve(steepest=0.001):
    return LrCurve(RATES, LOSSES, LOSSES, steepest, RATES[40], RATES[35], False)


def test_the_axis_spans_the_whole_sweep_and_the_suggestion_is_marked():
    text = text_of(rate_chart(curve(), 1e-5, 1.0, 80, 16, "braille"))
    assert text.startswith("━ loss against learning rate ─") and text.splitlines()[-1].split()[::2] == [
        "└1e-5",
        "1e-4",
        ".001",
        ".01",
        ".1",
        "1",
    ]
    assert "take" in text and "smooth" in text and "●" in text


def test_without_a_suggestion_nothing_is_marked():
    text = text_of(rate_chart(curve(math.nan), 1e-5, 1.0, 80, 16, "braille"))
    assert "take" not in text and "●" not in text and "smooth" in text


@pytest.mark.parametrize("width", [30, 60, 120])
@pytest.mark.parametrize("glyphs", ["braille", "block", "ascii"])
def test_no_chart_overflows_with_or_without_steps(width, glyphs):
    for shown in (curve(), LrCurve((), (), (), math.nan, math.nan, math.nan, False)):
        assert fits(rate_chart(shown, 1e-5, 1.0, width, 12, glyphs), width, 12)
