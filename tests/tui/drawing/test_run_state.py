"""What a run is called in a table: its state, and when it started."""

import pytest

from tests.tui.demo import summary
from tui.drawing.run_state import epochs_of, label_of, state_in_words, state_of, when_of


@pytest.mark.parametrize(
    ("values", "shown", "words"),
    [
        ({"status": "finished"}, "✓", "✓ finished"),
        ({"status": "failed", "reason": "gpu_memory"}, "✗ mem", "✗ GPU memory"),
        ({"status": "failed", "reason": "diverged"}, "✗ nan", "✗ diverged"),
        ({"status": "failed", "reason": "traceback"}, "✗ err", "✗ failed"),
        ({"status": "failed"}, "✗ err", "✗ failed"),
        ({"status": "running"}, "●", "● running"),
        ({"status": "queued"}, "◌", "◌ queued"),
        ({"status": "stopped"}, "■stop", "■ stopped"),
        ({"status": "lost", "reason": "reboot"}, "?boot", "? reboot"),
    ],
)
def test_each_state_has_a_sign_that_is_readable_without_color_and_words_if_they_fit(values, shown, words):
    assert state_of(summary(**values))[0] == shown
    assert state_in_words(summary(**values))[0] == words


def test_a_waiting_run_shows_its_place_and_an_old_one_its_date():
    now = 1_795_300_000.0
    assert when_of(summary(status="queued", place=3), now) == "#3"
    assert when_of(summary(status="running"), now) == "now"
    assert when_of(summary(started=now - 600), now) == "10 min"
    assert when_of(summary(started=now - 5 * 3600), now) == "5 h"
    assert when_of(summary(started=now - 20 * 86400), now).split()[1] in ("Oct", "Nov")
    assert "/" in when_of(summary(started=now - 900 * 86400), now)


def test_the_label_is_the_name_and_the_tags():
    assert label_of(summary(name="paper v2", tags=("a", "b"))) == "paper v2 #a #b"
    assert label_of(summary()) == "" and epochs_of(summary()) == "500/500"
