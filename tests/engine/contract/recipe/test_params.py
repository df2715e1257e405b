"""Options of parts as people read them."""

import pytest

from engine.contract.recipe.params import Param


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ({}, ""),
        ({"ge": 0.0}, "0 <= x"),
        ({"gt": 0.0, "le": 1.0}, "0 < x <= 1"),
        ({"lt": 0.5}, "x < 0.5"),
        ({"ge": 0, "lt": 2**63}, "0 <= x"),
    ],
)
def test_a_range_is_short_text(limits: dict[str, float], text: str):
    assert Param("x", "float", **limits).range == text
