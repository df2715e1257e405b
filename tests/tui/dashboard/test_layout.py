"""How the screen is divided at every size."""

import itertools

from tui.dashboard.layout import layout


def test_at_80x24_every_pane_has_its_place_as_in_the_design():
    chosen = layout(80, 24, 10)
    assert (chosen.left, chosen.right) == (50, 29)
    assert (chosen.accuracy, chosen.loss, chosen.log) == (10, 7, 3)
    assert (chosen.per_class, chosen.gpu, chosen.rate, chosen.below) == (11, 6, 0, 0)


def test_at_120x40_rate_health_and_other_runs_come_in():
    chosen = layout(120, 40, 10)
    assert (chosen.left, chosen.right) == (60, 59)
    assert chosen.per_class == 12 and chosen.rate >= 6 and chosen.gpu >= 7 and chosen.below == 2


def test_the_panes_always_fill_the_screen_exactly():
    for width, height, classes in itertools.product(range(60, 220, 7), range(18, 70, 3), (0, 2, 10, 100)):
        chosen = layout(width, height, classes)
        assert chosen.left + 1 + chosen.right == width
        assert 1 + 2 + chosen.body + chosen.log + chosen.below + 1 == height
        assert chosen.per_class + chosen.rate + chosen.gpu == chosen.body
        assert chosen.accuracy >= 5 and chosen.loss >= 4 and chosen.gpu >= 3, "these never go"


def test_the_log_is_dropped_first():
    assert layout(80, 23, 10).log == 2
    assert layout(80, 20, 10).log == 0 and layout(80, 20, 10).gpu >= 3
