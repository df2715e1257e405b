"""The preview of a run: its curve, its facts, and the accuracy that its preset promises."""

import numpy as np
import pytest

from tests.tui.demo import summary
from tests.tui.reading import HOSTILE, fits, text_of
from tui.drawing.run_columns import Marks
from tui.drawing.run_preview import AccuracyCurve, PreviewValues, below

EPOCHS = np.arange(1.0, 21.0)
PREVIEW = PreviewValues(summary(), AccuracyCurve(EPOCHS, 60 + 1.5 * EPOCHS), test_images=10_000)


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("height", [4, 6, 12])
def test_the_preview_fits_and_neutralizes_names(width, height):
    run = summary(name=HOSTILE, tags=(HOSTILE,), message=HOSTILE, status="failed", notes=(HOSTILE,))
    for preview in (PREVIEW, PreviewValues(run, AccuracyCurve(EPOCHS, EPOCHS)), PreviewValues(run)):
        lines = below(preview, Marks(), width, height, "braille")
        assert fits(lines, width, height) and "\x1b" not in text_of(lines)


def test_the_facts_have_the_interval_of_one_run_and_the_command_that_repeats_it():
    text = text_of(below(PREVIEW, Marks(), 120, 12, "braille"))
    assert "96.26 ±0.37 (95 % CI of one run)" in text
    assert "cifar-tui --preset run:k3f9" in text


@pytest.mark.parametrize(
    ("status", "text"), [("running", "no epoch finished yet"), ("failed", "no epoch was finished")]
)
def test_without_an_epoch_there_is_a_sentence_instead_of_a_curve(status, text):
    assert text in text_of(below(PreviewValues(summary(status=status)), Marks(), 80, 6, "braille"))


@pytest.mark.parametrize(("best_on", "text"), [("", "tested at the end"), ("test", "no test yet")])
def test_until_the_first_test_there_is_a_sentence_instead_of_a_curve(best_on, text):
    preview = PreviewValues(
        summary(status="running", best_on=best_on, last_accuracy=None), AccuracyCurve(EPOCHS, EPOCHS * np.nan)
    )
    assert text in text_of(below(preview, Marks(), 80, 6, "braille"))
