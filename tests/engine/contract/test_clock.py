"""Times from files as local time, against `datetime`."""

import math
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.clock import LATEST, local_time


@given(st.floats(0, LATEST, exclude_max=True))
def test_a_time_is_that_of_datetime(t):
    assert local_time(t) == datetime.fromtimestamp(t) and local_time(t).timestamp() == pytest.approx(t, abs=1e-3)


@pytest.mark.parametrize("t", [-1.0, LATEST, 1e18, math.nan, math.inf, -math.inf])
def test_what_no_calendar_shows_is_none(t):
    assert local_time(t) is None
