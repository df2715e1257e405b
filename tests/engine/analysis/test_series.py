"""Growing columns: repeated rows replace earlier ones."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.series import Series

rows = st.lists(st.tuples(st.integers(0, 20), st.floats(0, 1)), max_size=60)


@given(st.lists(rows, max_size=5))
def test_a_series_is_what_cutting_and_appending_one_by_one_gives(parts):
    series, plain = Series(("value",)), []
    for part in parts:
        keys = np.array([key for key, _ in part], dtype=np.float64)
        series.extend(keys, np.array([[value] for _, value in part]).reshape(-1, 1))
        for key, value in part:
            plain = [row for row in plain if row[0] < key] + [(key, value)]
    assert series.column("value").tolist() == [value for _, value in plain]
    assert len(series) == len(plain)


def test_a_series_grows_far_beyond_its_first_size():
    series = Series(("value",))
    for start in range(0, 5000, 50):
        keys = np.arange(start, start + 50, dtype=np.float64)
        series.extend(keys, keys[:, None])
    assert series.column("value").tolist() == list(range(5000))
