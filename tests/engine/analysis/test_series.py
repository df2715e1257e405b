"""Growing columns: repeated rows replace earlier ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.series import Series

rows = st.lists(st.tuples(st.integers(0, 20), st.floats(0, 1)), max_size=60)


@given(st.lists(rows, max_size=5))
def test_a_series_is_what_cutting_and_appending_one_by_one_gives(parts):
    series, plain = Series(("key", "value")), []
    for part in parts:
        series.extend(np.array(part, dtype=np.float64).reshape(-1, 2))
        for key, value in part:
            plain = [row for row in plain if row[0] < key] + [(key, value)]
    assert list(zip(series.column("key"), series.column("value"), strict=True)) == plain
    assert len(series) == len(plain)


def test_a_series_grows_far_beyond_its_first_size():
    series = Series(("key", "value"))
    for start in range(0, 5000, 50):
        keys = np.arange(start, start + 50, dtype=np.float64)
        series.extend(np.column_stack((keys, 2 * keys)))
    assert series.column("key").tolist() == list(range(5000))
    assert series.column("value").tolist() == list(range(0, 10_000, 2))


@pytest.mark.parametrize(("rows", "left"), [(0, []), (3, [7, 8, 9]), (6, [4, 5, 6, 7, 8, 9]), (20, list(range(10)))])
def test_only_the_last_rows_are_kept_on_request(rows, left):
    series = Series(("key",))
    series.extend(np.arange(10.0)[:, None])
    series.keep_last(rows)
    assert series.column("key").tolist() == left
