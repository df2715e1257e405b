"""The line about the other live runs."""

import math

from tests.tui.reading import line_of
from tui.drawing.also_running import OtherRun, also_running, others_table


def test_the_other_live_run_has_a_line_and_the_rest_are_counted():
    others = [
        OtherRun("wrn28_10_ricap", "x-p7x2", "running", "cuda:1", 41, 200, 0.951, 7800),
        OtherRun("b", "y", "queued", "", 0, 9, math.nan),
    ]
    text = line_of(also_running(others, 120))
    assert "wrn28_10_ricap  p7x2  GPU 1  epoch 41/200" in text and "95.10 %   ~2 h 10" in text and "and 1 more" in text
    assert also_running([], 120) == []
    assert others_table(others).rows[0] == (
        "x-p7x2", "wrn28_10_ricap", "GPU 1", "running", "41", "200", "95.10", "~2 h 10"
    )  # fmt: skip
