"""Saved comparisons as files: what is kept, what is refused, what a damaged file does."""

from dataclasses import replace

import pytest

from engine.contract.errors import BadInput
from tui import comparisons
from tui.comparisons import SavedComparison, check_name, folder, load, remove, save, saved
from tui.dashboard.options import AXES, X_UNITS_OF_MANY

ONE = SavedComparison(
    "paper", ("20261122-101530-k3f9", "20261122-101530-8fq2"), "20261122-101530-8fq2", "time", "linear", True
)


def test_a_comparison_comes_back_as_it_was_saved():
    assert save(ONE) == folder() / "paper.json"
    assert load("paper") == ONE and saved() == [ONE]
    assert ONE.summary == "2 runs against 8fq2, recipes"
    save(replace(ONE, x="epoch"), replace=True)
    assert load("paper").x == "epoch"
    remove("paper")
    assert saved() == []


def test_the_axes_are_those_of_the_charts():
    assert (comparisons.X_UNITS, comparisons.AXES) == (X_UNITS_OF_MANY, AXES)


@pytest.mark.parametrize("name", ["", "../x", "a b", "list", "save", "x" * 65])
def test_a_name_that_cannot_be_a_file_or_is_a_command_is_refused(name):
    with pytest.raises(BadInput, match="comparison name"):
        check_name(name)
    with pytest.raises(BadInput, match="comparison name"):
        save(replace(ONE, name=name), replace=True)


def test_a_name_is_used_once_and_two_runs_are_needed():
    save(ONE)
    with pytest.raises(BadInput, match="already exists"):
        save(ONE)
    with pytest.raises(BadInput, match="at least two runs"):
        save(replace(ONE, name="short", runs=ONE.runs[:1]))


def test_an_unknown_name_offers_the_nearest_and_damaged_files_are_left_out():
    with pytest.raises(BadInput, match="none is saved"):
        load("papr")
    save(ONE)
    with pytest.raises(BadInput, match="paper"):
        load("papr")
    (folder() / "bad.json").write_text("{")
    (folder() / "odd.json").write_text('{"runs": ["a", "b"], "x": 3, "axis": null, "baseline": "c"}')
    assert [one.name for one in saved()] == ["odd", "paper"]
    assert load("odd") == SavedComparison("odd", ("a", "b"))
