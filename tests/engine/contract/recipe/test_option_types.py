"""Options of parts: what their pydantic models accept is what a plain comparison of the limits accepts."""

import math
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.contract.recipe.option_types import Rule, schema_of
from engine.contract.recipe.params import Param

limits = st.none() | st.floats(-2, 2)


def accepts(param: Param, value: Any) -> bool:
    try:
        schema_of("part", (param,)).model_validate({param.name: value})
    except ValidationError:
        return False
    return True


def inside(param: Param, value: float) -> bool:
    return (
        math.isfinite(value)
        and (param.ge is None or value >= param.ge)
        and (param.gt is None or value > param.gt)
        and (param.le is None or value <= param.le)
        and (param.lt is None or value < param.lt)
    )


@given(
    st.builds(Param, st.just("x"), st.just("float"), st.just(0.0), ge=limits, gt=limits, le=limits, lt=limits),
    st.floats(),
)
def test_a_number_is_accepted_inside_its_limits(param, value):
    assert accepts(param, value) == inside(param, value)


@given(st.lists(st.floats(-2, 2), max_size=4))
def test_the_limits_of_a_list_hold_for_each_item(values):
    param = Param("x", "list[float]", (), ge=-1.0, lt=1.0)
    assert accepts(param, values) == all(inside(param, value) for value in values)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("int", [3, -1], [True, "3", 1.5, math.nan]),
        ("float", [0.5, 2], [True, "0.5", math.inf]),
        ("bool", [True, False], [1, "true"]),
        ("str", ["a"], [1]),
        ("list[int]", [[1, 2], []], [[True], 1, ["1"]]),
        ("list[str]", [["a"]], [[1]]),
    ],
)
def test_a_type_takes_nothing_else(kind: str, good: list[Any], bad: list[Any]):
    assert all(accepts(Param("x", kind), value) for value in good)
    assert not any(accepts(Param("x", kind), value) for value in bad)


def test_choices_and_required_options():
    choice = Param("x", "choice", "a", choices=("a", "b"))
    assert accepts(choice, "b") and not accepts(choice, "c") and choice.range == "a | b"
    with pytest.raises(ValidationError, match="Field required"):
        schema_of("part", (Param("of", "list[Op]", required=True),)).model_validate({})


def test_a_rule_is_typed_as_an_inline_table_of_what_it_changes():
    for rule in (Rule(match="*"), Rule(match='a"b', lr=64, decay=1 / 64), Rule(match="stem.*", until=1e-3)):
        assert Rule(**tomllib.loads(f"rule = {rule.inline()}")["rule"]) == rule
    assert Rule(match="*.bias", lr=64, decay=1).inline() == '{match = "*.bias", lr = 64.0}'
