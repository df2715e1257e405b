"""The language of the filter while it is typed."""

import pytest

from engine.analysis.filter import KEYS, parse_filter
from tui.drawing.filter_hint import EXAMPLES, MEANING, filter_hint, knows
from tui.drawing.lines import width_of


def text(typed, width=120):
    return "".join(part for part, _ in filter_hint(typed, width))


def test_every_key_of_the_language_has_an_example_that_parses():
    assert set(MEANING) == set(KEYS)
    for example in (*EXAMPLES, *(meaning.partition("  ")[0] for meaning in MEANING.values())):
        parse_filter(example)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("", "acc>0.95   model:resnet34   status:failed"),
        ("tag:paper ", "acc>0.95"),
        ("sta", "status:failed  or live"),
        ("sta", "started<4w"),
        ("tag:paper -sta", "status:failed"),
        ("acc>", "acc>0.95  last test accuracy"),
        ("status:f", "status:finished   status:failed"),
        ("reason:gpu", "reason:gpu_memory"),
    ],
)
def test_the_hint_follows_the_word_that_is_typed(typed, shown):
    assert shown in text(typed) and knows(typed)


def test_a_word_that_begins_no_key_is_not_known():
    assert not knows("sed>5") and not knows("tag:a zzz") and knows("tag:a ")


@pytest.mark.parametrize("width", [20, 80, 132])
@pytest.mark.parametrize("typed", ["", "s", "e", "status:", "size>"])
def test_the_hint_loses_whole_parts_where_there_is_no_room(typed, width):
    line = filter_hint(typed, width)
    assert width_of(line) <= width + 3 or len(line) == 4, "one part is always shown"
