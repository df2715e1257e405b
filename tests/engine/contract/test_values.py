"""JSON values in and out of dataclasses, against `json` and `tomllib`."""

import json
import math
import tomllib
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.values import (
    LARGEST,
    Count,
    Moment,
    Rate,
    Share,
    build,
    build_leniently,
    encode_table,
    parse,
    parse_lines,
    parse_toml,
    plain,
    read_float,
    read_int,
)


@dataclass(frozen=True)
class Sample:
    text: "str" = ""
    flag: "bool" = False
    number: "float" = 0.0
    whole: "int" = 0
    share: "Share" = 0.0
    count: "Count" = 0
    t: "Moment" = 0.0
    lr: "Rate" = 0.0
    tags: "tuple[str, ...]" = ()
    free: "dict[str, Any]" = field(default_factory=dict)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-LARGEST, LARGEST)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
samples = st.builds(
    Sample,
    text=st.text(),
    flag=st.booleans(),
    number=st.floats(),
    whole=st.integers(-LARGEST, LARGEST),
    share=st.floats(0, 1),
    count=st.integers(0, LARGEST),
    t=st.floats(0, 2e11),
    lr=st.floats(0),
    tags=st.lists(st.text(), max_size=3).map(tuple),
)


@given(json_values)
def test_plain_leaves_json_data_as_it_is(value):
    assert plain(value) == value == json.loads(json.dumps(plain(value), allow_nan=False))


def test_plain_writes_what_json_lacks():
    assert plain([math.nan, math.inf, -math.inf]) == ["nan", "inf", "-inf"]
    assert plain({"a": (1, np.float32(0.5)), "b": np.arange(3)}) == {"a": [1, 0.5], "b": [0, 1, 2]}
    with pytest.raises(AttributeError):
        plain(object())


@given(samples)
def test_a_dataclass_comes_back_as_it_was_written(sample):
    line = encode_table(sample)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert repr(build(Sample, json.loads(line))) == repr(sample)  # repr: NaN is not equal to itself


@given(st.dictionaries(st.sampled_from([*sorted(asdict(Sample())), "unknown"]), json_values))
def test_a_value_is_taken_or_keeps_its_default_and_is_named(table):
    found, bad = build_leniently(Sample, table)
    for name in bad:
        assert getattr(found, name) == getattr(Sample(), name)
        with pytest.raises(TypeError):
            build(Sample, {name: table[name]})
    good = {name: value for name, value in table.items() if name not in bad}
    assert build(Sample, good) == found
    assert 0 <= found.share <= 1 and found.count >= 0 and type(found.flag) is bool


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("share", 1.1),
        ("share", -0.1),
        ("count", -1),
        ("count", 1.0),
        ("t", "nan"),
        ("t", 1e18),
        ("flag", 1),
        ("whole", True),
    ],
)
def test_a_value_out_of_range_or_of_another_type_is_refused(name, value):
    with pytest.raises(TypeError):
        build(Sample, {name: value})


@given(st.binary(max_size=50) | json_values.map(lambda value: json.dumps(value).encode()))
def test_parse_is_json_that_holds_an_object(data):
    try:
        expected = json.loads(data)
    except ValueError:
        expected = None
    assert parse(data) == (expected if isinstance(expected, dict) else None)


@given(
    st.lists(
        st.one_of(
            st.just(b""), st.just(b"{},{}"), st.binary(max_size=10), json_values.map(lambda v: json.dumps(v).encode())
        )
    )
)
def test_a_block_of_lines_is_parsed_like_its_lines_one_by_one(lines):
    lines = [piece for line in lines for piece in line.split(b"\n")]
    expected = [parse(line) for line in lines if line.strip()]
    tables, garbage = parse_lines(b"\n".join(lines))
    assert tables == [table for table in expected if table is not None]
    assert garbage == sum(table is None for table in expected)


def test_toml_is_that_of_tomllib_and_every_failure_a_value_error():
    text = 'a = 1\nb = [0.5, "x"]\n[c]\nd = true\n'
    assert parse_toml(text) == tomllib.loads(text)
    for bad in ("a = ", "a = " + "[" * 5000, "a = 1" + "0" * 5000):
        with pytest.raises(ValueError):
            parse_toml(bad)


def test_numbers_beyond_53_bits_and_booleans_are_no_numbers():
    assert (read_float("nan") != read_float("nan"), read_float("-inf"), read_float(LARGEST)) == (
        True,
        -math.inf,
        2.0**53,
    )
    for read, value in (
        (read_float, LARGEST + 1),
        (read_float, True),
        (read_float, "1"),
        (read_int, 1.0),
        (read_int, False),
    ):
        with pytest.raises(TypeError):
            read(value)


def test_free_tables_are_cut_where_they_are_too_deep_or_a_number_too_large():
    deep: Any = 1
    for _ in range(20):
        deep = {"a": deep}
    found = build(Sample, {"free": deep | {"n": 10**400, "name": "nan", "x": "nan"}}).free
    assert math.isnan(found["n"]) and math.isnan(found["x"]) and found["name"] == "nan"
    depth = 0
    while isinstance(found, dict):
        found, depth = found["a"], depth + 1
    assert math.isnan(found) and depth < 20
