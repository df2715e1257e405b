"""Drafts that repeat a run: from its command where that still leads to its recipe, else from the run itself."""

import json

import pytest

from engine.contract.recipe.catalog import catalog
from tui.forms.editor import FormEditor
from tui.plans.again import flags_of, own_parts, repeat_of
from tui.plans.draft import Draft, from_flags
from tui.plans.resolution import Resolver


def test_a_run_of_a_preset_becomes_that_preset_with_its_changes(make_run, root):
    run = make_run(seed=7, name="paper v2", tags=("a",), sets=("optimizer.lr=0.0123",))
    command = "cifar-tui --preset quickstart --seed 7 --epochs 3 --set optimizer.lr=0.0123 --headless"
    rewrite(run, command=command)
    draft = repeat_of(run, catalog(), [root]).draft
    assert draft.preset == "quickstart"
    assert dict(draft.sets) == {"epochs": "3", "optimizer.lr": "0.0123"}
    assert (draft.seeds(), draft.place["name"], draft.place["tags"]) == ([7], "paper v2", "a")
    assert Resolver(catalog()).take(draft, "quickstart").recipe.recipe_id == run.info().recipe_id


@pytest.mark.parametrize(
    "command",
    [
        "cifar-tui --preset quickstart --headless",  # leads to another recipe by now
        "cifar-tui --preset gone --headless",
        "cifar-tui runs import x",
        "cifar-tui --preset 'quickstart",
        "cifar-tui --preset quickstart --set nonsense=1 --headless",
        "",
    ],
)
def test_a_run_whose_command_leads_elsewhere_is_begun_from_itself(make_run, root, command):
    run = make_run(seed=3, sets=("optimizer.lr=0.0123",))
    rewrite(run, command=command)
    draft = repeat_of(run, catalog(), [root]).draft
    assert draft.preset == f"run:{run.id}"
    assert draft.seeds() == [3]
    assert FormEditor(draft, catalog(), [root]).recipe.recipe_id == run.info().recipe_id


def test_the_flags_of_a_command_are_read_back():
    draft = Draft(
        "quickstart", named={"model": "lenet"}, sets={"epochs": "3", "optimizer.momentum": "0.5"}, add_ops=("cutout",),
        drop_ops=("horizontal_flip",), place={"seeds": "4", "name": "it's mine", "tags": "a b", "wait_free_gb": "3.5"},
        parts=("/x/own.py",),
    )  # fmt: skip
    flags = flags_of(draft.command_line())
    assert flags is not None
    assert from_flags(flags) == draft


def rewrite(run, **values):
    """Change what run.json says, as another version or machine might have written it."""
    table = json.loads(run.run_json.read_text())
    run.run_json.write_text(json.dumps(table | values))


@pytest.mark.parametrize(
    "command",
    [
        "cifar-tui runs import x", "cifar-tui --preset quickstart --nonsense 1", "cifar-tui --preset", "",
        "cifar-tui --model lenet", "cifar-tui --preset 'quickstart", "cifar-tui --preset quickstart stray --lr 1",
    ],
)  # fmt: skip
def test_a_command_with_anything_else_in_it_is_not_read(command):
    assert flags_of(command) is None


def test_a_repeat_uses_the_runs_copies_of_own_parts(make_run, root):
    run = make_run(seed=1)
    run.parts.mkdir(exist_ok=True)
    (run.parts / "mine.py").write_text("")
    assert own_parts(run) == (str(run.parts / "mine.py"),)
    assert repeat_of(run, catalog(), [root]).draft.parts == own_parts(run)
