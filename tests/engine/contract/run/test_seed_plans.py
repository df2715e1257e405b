"""Plans of seeds: the last line on a recipe holds, and garbage is skipped."""

import pytest

from engine.contract.errors import BadInput
from engine.contract.run.seed_plans import FILE, plan_seeds, planned_seeds


def test_the_last_plan_of_a_recipe_holds_and_the_largest_of_several_folders(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    assert planned_seeds([one, other, tmp_path / "none"]) == {}
    for recipe, seeds in (("a", 6), ("b", 3), ("a", 9), ("b", 0)):
        plan_seeds(one, recipe, seeds)
    plan_seeds(other, "a", 4)
    assert planned_seeds([one, other]) == {"a": 9}
    with (one / FILE).open("a") as file:
        file.write('not json\n{"recipe_id": 3, "seeds": 4}\n{"recipe_id": "c", "seeds": -1}\n')
    assert planned_seeds([one]) == {"a": 9}


def test_what_cannot_be_stored_is_refused(tmp_path):
    with pytest.raises(BadInput, match="needs 0 to"):
        plan_seeds(tmp_path, "a", -1)
    with pytest.raises(BadInput, match="cannot open"):
        plan_seeds(tmp_path / "none", "a", 3)
