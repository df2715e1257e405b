"""Each recipe is resolved once on the way from a wish to its runs, however much is read of it."""

import json
from pathlib import Path

import pytest

import engine.contract.recipe.resolve as resolving
from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.run.store import RunFolder, runs_root
from presets import loader, suites
from tui.commands import batch as batch_command
from tui.commands import train
from tui.forms.editor import FormEditor
from tui.plans import batch
from tui.plans.again import repeat_of
from tui.plans.draft import Draft, from_flags
from tui.plans.plan import plan
from tui.plans.resolution import Resolver
from tui.plans.suite import Shrink, items

FAST = ("schedule.warmup=0", "compute.precision=fp32")


@pytest.fixture
def resolved(monkeypatch):
    """The recipes that were resolved, in order: every table that becomes a recipe is checked for conflicts once."""
    found = []
    conflicts = resolving.conflicts

    def counting(recipe, parts):
        found.append(recipe)
        return conflicts(recipe, parts)

    monkeypatch.setattr(resolving, "conflicts", counting)
    return found


@pytest.fixture
def started(monkeypatch):
    """Nothing is really started; the list says which runs would have been."""
    runs = []

    def start(folder, **options):
        runs.append(folder.id)

    monkeypatch.setattr(batch_command, "carry_out", lambda *args, **how: batch.carry_out(*args, start=start))
    return runs


def take(*, preset="quickstart", sets=FAST, **flags):
    return Resolver(catalog()).take(from_flags({"preset": preset, "device": "cpu", "sets": sets, **flags}), preset)


# --- once -----------------------------------------------------------------------------------------------------


def test_nothing_is_resolved_before_it_is_read(resolved):
    found = take()
    assert resolved == []
    assert found.recipe is found.recipe and found.note == ""
    assert len(resolved) == 1


def test_a_preset_without_changes_is_its_own_recipe(resolved):
    found = take(sets=())
    assert found.recipe is found.base
    assert found.resets() == [] and len(resolved) == 1


def test_a_plan_resolves_the_preset_and_the_draft_once_each(resolved):
    found = take(model="lenet", sets=(*FAST, "optimizer=adam"))
    assert found.resets()
    planned = plan(found, runs_root())
    assert plan(found, runs_root(), seeds=(1, 2)).recipe == planned.recipe
    assert len(resolved) == 2


@pytest.mark.parametrize(
    ("flags", "times"),
    [((), 1), (("--lr", "0.1"), 1), (("--set", "optimizer=adam"), 2), (("--model", "lenet", "--epochs", "4"), 2)],
)
def test_a_dry_run_resolves_the_draft_once_and_the_preset_only_for_what_is_reset(cli_train, resolved, flags, times):
    assert cli_train("--preset", "quickstart", "--dry-run", *flags) == 0
    assert len(resolved) == times


def test_training_resolves_the_preset_and_the_draft_once_each(cli_train, resolved, monkeypatch):
    started = []
    monkeypatch.setattr(train, "launch", lambda planned: started.append(planned) or [])
    assert (
        cli_train("--preset", "quickstart", "--detach", "--headless", "--device", "cpu", "--set", "optimizer=adam") == 0
    )
    assert len(resolved) == 2 and started[0].recipe.optimizer.name == "adam"


@pytest.fixture
def cli_train(monkeypatch, capfd):
    from tui import cli

    def call(*words):
        monkeypatch.setattr("sys.argv", ["cifar-tui", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        capfd.readouterr()
        return end.value.code or 0

    return call


def test_new_run_resolves_each_draft_once_until_it_is_planned(resolved):
    form = FormEditor(Draft("quickstart"), catalog(), [Path("/nowhere")])
    assert len(resolved) == 1, "a preset without changes"
    form.put("optimizer.lr", "0.1")
    assert len(resolved) == 2
    form.put("place.device", "cpu")
    form.put("place.gpus", "none")
    assert "place.gpus" in form.problems
    form.undo()
    form.check()  # as a start does
    planned = plan(form.resolution, runs_root())
    assert len(resolved) == 2, "the placement changes no recipe"
    assert planned.recipe.optimizer.options["lr"] == 0.1


def test_a_grid_of_four_resolves_its_preset_and_each_item_once(cli_train, resolved, started, capfd):
    words = [
        "grid",
        "--preset",
        "quickstart",
        "--device",
        "cpu",
        "--seeds",
        "2",
        *(w for s in FAST for w in ("--set", s)),
    ]
    cli_train(*words, "--vary", "model=lenet,resnet20", "--vary", "lr=0.1,0.05", "--yes")
    assert len(started) == 8
    assert len(resolved) == 5, "four items and one preset, through checks, plans, messages and the start"


SUITE = """
title = "t"
description = "d"
source = "s"
[base]
recipe = "quickstart"
model = "lenet"
set = ["schedule.warmup=0", "compute.precision=fp32"]
[[rows]]
id = "a"
[[rows]]
id = "b"
set = ["batch_size=64"]
[[rows]]
id = "c"
set = ["epochs=4"]
"""


@pytest.fixture
def suite():
    path = loader.user_folder() / "suites" / "three.toml"
    path.parent.mkdir(parents=True)
    path.write_text(SUITE)
    return suites.load("three")


def test_a_suite_of_three_resolves_its_preset_and_each_row_once(suite, cli_train, resolved, started):
    cli_train("suites", "run", "three", "--device", "cpu", "--seeds", "2")
    assert len(started) == 6
    assert len(resolved) == 4


def test_a_shrunk_row_is_resolved_once_as_published_and_once_as_it_runs(suite, resolved):
    made = items(suite, suite.rows, Shrink(epochs=4), catalog())
    assert len(resolved) == 3, "as published, to know what shrinks"
    batch.prepare(made, (0, 1), [runs_root()], catalog())
    assert len(resolved) == 3 + 1 + 1, "row b shrinks, row a shrinks to what row c is already, and the preset"


def test_repeating_a_run_resolves_its_recipe_once(make_run, root, resolved):
    run = make_run(seed=3, sets=("optimizer.lr=0.0123",))
    table = json.loads(run.run_json.read_text())
    command = "cifar-tui --preset quickstart --epochs 3 --set optimizer.lr=0.0123 --headless"
    run.run_json.write_text(json.dumps(table | {"command": command}))
    resolved.clear()
    found = repeat_of(RunFolder(run.path), catalog(), [root])
    assert found.draft.preset == "quickstart" and found.recipe.recipe_id == run.info().recipe_id
    assert len(resolved) == 1


# --- what it comes to -----------------------------------------------------------------------------------------


def test_too_few_epochs_are_made_to_fit_and_said():
    found = take(sets=("epochs=1",))
    assert found.recipe.schedule.options["warmup"] == 0.25
    assert found.note == "to fit into 1 epoch instead of 8: schedule.warmup 2 -> 0.25"


def test_problems_are_raised_whenever_the_recipe_is_read():
    found = take(sets=("modle=lenet", "epochs=0"))
    for _ in range(2):
        with pytest.raises(BadInput) as caught:
            _ = found.recipe
        assert any("did you mean model" in problem for problem in caught.value.problems)


def test_what_a_picked_part_resets_is_said():
    assert take(lr=0.05).resets() == []
    (line,) = take(sets=(*FAST, "optimizer=muon")).resets()
    assert line.startswith("optimizer: muon starts from its own options: lr 0.02 (was 0.2)")


def test_parts_that_the_origin_has_picked_already_are_not_reset_again(suite):
    same, muon = (items(suite, suite.rows, Shrink(sets=(text,)), catalog()) for text in ("epochs=3", "optimizer=muon"))
    assert [item.resolution.resets() for item in same] == [[], [], []]
    assert all("optimizer: muon" in line for item in muon for line in item.resolution.resets())
    assert all("model" not in line for item in muon for line in item.resolution.resets())
