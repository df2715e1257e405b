"""Numbers as text: digits, units and what was not measured."""

import math

import pytest

from engine.contract import numbers

NAN = math.nan


@pytest.mark.parametrize(
    ("function", "value", "shown"),
    [
        (numbers.number, 1.2466, "1.247"),
        (numbers.number, 0.0011, "1.1e-3"),
        (numbers.number, 2.5e9, "2.5e9"),
        (numbers.number, math.inf, "inf"),
        (numbers.number, -math.inf, "-inf"),
        (numbers.number, 0.0, "0.000"),
        (numbers.number, NAN, "-"),
        (numbers.learning_rate, 0.004412, "0.00441"),
        (numbers.learning_rate, 1.23e-5, "1.2e-5"),
        (numbers.learning_rate, 0.0, "0"),
        (numbers.duration, 9.6, "9.6 s"),
        (numbers.duration, 9.97, "10 s"),
        (numbers.duration, 59.7, "1 m 00"),
        (numbers.duration, 75, "1 m 15"),
        (numbers.duration, 3599.6, "1 h 00"),
        (numbers.duration, 3900, "1 h 05"),
        (numbers.duration, 86_399, "1 d 0 h"),
        (numbers.duration, 200_000, "2 d 8 h"),
        (numbers.duration, -3, "0.0 s"),
        (numbers.duration, NAN, "-"),
    ],
)
def test_a_number_reads_as_a_person_writes_it(function, value, shown):
    assert function(value) == shown


@pytest.mark.parametrize(("count", "shown"), [(0, "0 runs"), (1, "1 run"), (3, "3 runs")])
def test_a_noun_follows_its_count(count, shown):
    assert numbers.counted(count, "run") == shown
