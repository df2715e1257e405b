"""Messages for a user's mistake: one line each, the nearest choice, or all of a few."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.errors import FEW, BadInput, nearest, nearest_or_all, user_path

NAMES = ("resnet18", "resnet34", "lenet", "vgg16")


def test_problems_are_lines():
    assert str(BadInput(["one", "two"])) == "one\ntwo" and BadInput("one").problems == ["one"]


@given(st.sampled_from(NAMES), st.integers(0, 3), st.sampled_from("xyz"))
def test_a_name_with_one_letter_changed_is_recognized(name, at, letter):
    assert nearest(name[:at] + letter + name[at + 1 :], [name]) == f"; did you mean {name}?"
    assert nearest(name.upper(), NAMES) == f"; did you mean {name}?"


def test_few_choices_are_listed_where_none_is_close():
    assert nearest("zzz", NAMES) == ""
    assert nearest_or_all("zzz", NAMES) == "; choose from resnet18, resnet34, lenet, vgg16"
    assert nearest_or_all("zzz", ["sgd"]) == "; the only choice is sgd"
    assert nearest_or_all("zzz", ()) == "" == nearest_or_all("zzz", [f"{i:03}" for i in range(FEW + 1)])
    assert nearest_or_all("lenets", NAMES) == "; did you mean lenet?"


def test_a_home_folder_is_filled_in_as_pathlib_does():
    assert user_path("~/data") == Path("~/data").expanduser() and user_path("/data") == Path("/data")
    with pytest.raises(BadInput, match="'~nobody-here/x': no such user"):
        user_path("~nobody-here/x")
