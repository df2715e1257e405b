"""Defaults for the placement from the configuration file."""

import os
from pathlib import Path

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.run.store import runs_root
from engine.exchange.tensorboard import needed
from tui.plans.configured import configured
from tui.plans.draft import from_flags
from tui.plans.plan import plan
from tui.plans.resolution import Resolver


@pytest.fixture
def config():
    file = Path(os.environ["XDG_CONFIG_HOME"]) / "cifar-tui" / "config.toml"
    file.parent.mkdir(parents=True)
    return file


def planned(**flags):
    quick = {"preset": "quickstart", "device": "cpu", "sets": ["compute.precision=fp32"], **flags}
    return plan(Resolver(catalog()).take(from_flags(quick), "quickstart"), runs_root())


def test_a_plan_takes_what_the_file_says_unless_a_flag_says_otherwise(config):
    bare = planned()
    config.write_text('[placement]\ntensorboard = true\nkeep = "none"\ntags = ["mine", "box"]\n')
    made = planned(keep="all")
    assert (made.placement.tensorboard, made.placement.keep, made.placement.tags) == (True, "all", ("mine", "box"))
    assert made.recipe.recipe_id == bare.recipe.recipe_id
    assert not bare.placement.tensorboard


def test_the_flag_needs_the_package_and_says_how_to_install_it(monkeypatch):
    assert planned(tensorboard=True).placement.tensorboard
    monkeypatch.setattr(needed, "find_spec", lambda name: None)
    with pytest.raises(BadInput) as refused:
        planned(tensorboard=True)
    (problem,) = refused.value.problems
    assert problem.startswith("--tensorboard needs") and "pip install 'cifar-tui[tensorboard]'" in problem


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[placement]\ntensorbord = true\n",
            "placement.tensorbord is not a placement field; did you mean tensorboard?",
        ),
        ('[placement]\nkeep = "some"\n', "placement.keep"),
        ("placement = 3\n", "placement is not a table"),
        ("[", "cannot read"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_the_file(config, text, said):
    config.write_text(text)
    with pytest.raises(BadInput) as error:
        configured()
    assert said in str(error.value) and str(config) in str(error.value)
