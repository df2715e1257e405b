"""The cases of the areas: their names, ranks and estimates; none is measured."""

from collections import Counter
from pathlib import Path

import pytest

from bench.areas import ALL, cases, with_figures
from bench.figures import figure
from bench.plan import Wishes


@pytest.mark.parametrize("quick", [False, True])
def test_every_case_has_a_name_of_its_own_and_an_estimate(quick: bool):
    found = list(cases(ALL, Wishes(quick, airbench=Path("checkout"))))
    assert {case.area for case in found} == set(ALL)
    assert Counter((case.area, case.name) for case in found).most_common(1)[0][1] == 1
    assert all(case.seconds > 0 for case in found)


def test_quick_takes_less_time():
    long, short = (sum(case.seconds for case in cases(ALL, Wishes(quick))) for quick in (False, True))
    assert short < long / 2


def test_the_limit_comes_first_and_the_zoo_last():
    rank = {(case.area, case.name): case.rank for case in cases(ALL, Wishes())}
    assert {area for (area, _), value in rank.items() if value == 0} == {"train"}
    assert {area for (area, _), value in rank.items() if value == max(rank.values())} == {"steps", "zoo"}
    assert rank["train", "cost by batch size"] > rank["train", "resnet18 against a plain loop"]


def test_without_a_checkout_there_is_no_speedrun():
    assert list(cases(["speedrun"], Wishes())) == []


def test_what_the_workbench_measured_is_a_figure_and_its_target_is_not():
    spread = figure([1.0, 2.0])
    assert with_figures({"what": "first paint", "measured": 0.3, "ratio": spread, "bar": 2.0, "unit": "s"}) == {
        "what": "first paint",
        "measured": figure([0.3]),
        "ratio": spread,
        "bar": 2.0,
        "unit": "s",
    }
