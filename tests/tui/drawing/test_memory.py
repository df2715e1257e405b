"""The memory that a run will take, as bars, in one line and as data."""

from dataclasses import replace

from engine.analysis.memory import PeakMemory
from tests.tui.reading import fits as fits_into
from tests.tui.reading import line_of
from tui.drawing.memory import amount, fits, memory_data, memory_pane, memory_words

GB = 10**9
NEED = PeakMemory(0.1 * GB, 0.1 * GB, 0.1 * GB, 0.0, 4.4 * GB, 0.2 * GB)
CARDS = (("RTX 4090", 14 * GB, 24 * GB), ("RTX 4090", 6 * GB, 24 * GB), ("RTX 4090", 3 * GB, 24 * GB))


def test_each_card_says_whether_the_run_fits():
    lines = memory_pane(NEED, CARDS, 80, 5)
    texts = [line_of(line).rstrip() for line in lines]
    assert "memory on each card" in texts[0] and "estimate from counted activations" in texts[0]
    assert texts[1].endswith("fits, 9.1 GB left") and texts[2].endswith("fits, 1.1 GB left: tight")
    assert texts[3].endswith("does not fit: 1.9 GB too little")
    assert "this run ~4.9 GB, activations 4.4 GB" in texts[4]
    assert [fits(NEED, free, total)[1] for _, free, total in CARDS] == ["ok", "warn", "bad"]
    assert fits_into(lines, 80, 5)


def test_the_bar_shows_what_is_in_use_and_what_the_run_adds():
    (_, line, *_) = memory_pane(NEED, CARDS[:1], 80, 3)
    cells = {role: len(text) for text, role in line if set(text) == {"━"}}
    whole = sum(cells.values())
    assert abs(cells["baseline"] / whole - 10 / 24) < 0.02 and abs(cells["bar"] / whole - 4.9 / 24) < 0.02


def test_cards_without_a_line_are_counted():
    texts = [line_of(line).strip() for line in memory_pane(NEED, CARDS * 3, 80, 6)]
    assert len(texts) == 6 and texts[4] == "and 6 more: 4 of them fit" and "in use" in texts[5]


def test_what_is_unknown_is_not_made_up():
    partly = replace(NEED, activations=float("nan"))
    assert amount(NEED) == "~4.9 GB" and amount(partly) == "more than 500 MB"
    assert fits(partly, *CARDS[0][1:]) == ("14 GB free", "")
    assert "not counted" in memory_words(partly) and "no estimate" in memory_words(None)
    lines = [line_of(line) for line in memory_pane(None, (("a card", None, None), CARDS[0]), 80, 4)]
    assert "in use now" in lines[0] and "does not report" in lines[1] and "14 GB of 24 GB free" in lines[2]
    assert memory_data(None, CARDS) is None


def test_the_command_line_says_the_parts_of_the_sum():
    words = memory_words(NEED)
    assert words.startswith("GPU memory: ~4.9 GB on each card, an estimate (weights 100 MB, gradients 100 MB")
    assert "averages" not in words and "data set 200 MB" in words
    told = memory_data(NEED, CARDS[:1])
    assert told["total"] == NEED.total and told["complete"] is True
    assert told["cards"] == [{"name": "RTX 4090", "free": 14 * GB, "total": 24 * GB}]
