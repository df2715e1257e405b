"""How the screen is divided at every size."""

import itertools

from tui.dashboard.layout import layout


def test_at_80x24_every_pane_has_its_place_as_in_the_design():
    chosen = layout(80, 24, 10)
    assert (chosen.left, chosen.right) == (49, 29)
    assert (chosen.accuracy, chosen.loss, chosen.log) == (10, 6, 3)
    assert (chosen.per_class, chosen.gpu, chosen.rate, chosen.below) == (11, 5, 0, 1)


def test_at_120x40_rate_health_and_other_runs_come_in():
    chosen = layout(120, 40, 10)
    assert (chosen.left, chosen.right) == (65, 53)
    assert chosen.per_class == 12 and chosen.rate >= 6 and chosen.gpu >= 7 and chosen.below == 2


def test_the_panes_always_fill_the_screen_exactly():
    for width, height, classes in itertools.product(range(60, 220, 7), range(18, 70, 3), (0, 2, 10, 100)):
        chosen = layout(width, height, classes)
        assert chosen.left + 2 + chosen.right + (chosen.third + 2 if chosen.third else 0) == width
        assert 1 + 2 + chosen.body + chosen.log + chosen.below + 1 == height
        assert chosen.per_class + chosen.rate + chosen.gpu + chosen.health == chosen.body
        assert chosen.here + chosen.second + chosen.machine == (chosen.body if chosen.third else 0)
        assert chosen.accuracy >= 5 and chosen.loss >= 4 and chosen.gpu >= 3, "these never go"


def test_the_log_is_dropped_first():
    assert layout(80, 22, 10).log == 2
    assert layout(80, 20, 10).log == 0 and layout(80, 20, 10).gpu >= 3


def test_width_beyond_160_goes_to_another_run():
    narrow, wide, wider = layout(159, 45, 10), layout(160, 45, 10, 5), layout(200, 50, 10, 5)
    assert narrow.third == 0 and wide.third >= 49 and wider.third >= wide.third
    assert (wider.left, wider.right, wider.third) == (87, 56, 53)
    assert wide.second >= 15 and wide.health == 3 and wide.below == 0
