"""What a comparison reads of the marked runs."""

import math

import pytest

from engine.analysis.marked import read_marked
from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Placement
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Epoch, RunStarted, System
from engine.contract.run.store import create, runs_root
from presets import loader, references


def recipe(*sets):
    return references.recipe_of("quickstart", catalog(), loader.Edits(sets=["epochs=4", "schedule.warmup=0", *sets]))


@pytest.fixture
def powered():
    """A run of four epochs of ten seconds each on a GPU that takes 360 W."""
    run = create(runs_root(), recipe(), seed=0, placement=Placement(), preset="quickstart")
    with EventWriter(run.events) as events:
        events.write(RunStarted(t=1e9, epochs=4, test_images=1000))
        for number, accuracy in enumerate((0.5, 0.94, 0.95, 0.955), 1):
            for second in range(0, 10, 2):
                gpus = [{"index": 0, "power": 360.0}]
                events.write(System(t=1e9 + 10 * (number - 1) + second, gpus=gpus))
            events.write(
                Epoch(number, test_accuracy=accuracy, t=1e9 + 10 * number, seconds={"train": 9.0, "evaluate": 1.0})
            )
    return run


def test_each_run_has_its_difference_changes_milestones_and_energy(powered, ended_run):
    other = ended_run(recipe("optimizer.lr=0.1"), 0, (0.5, 0.6, 0.7, 0.8))
    base, second = read_marked([powered, other], powered.id)
    assert (base.changes, second.changes) == ("-", "lr .2→.1")
    assert [(one.target, one.epoch, one.seconds) for one in base.milestones[:3]] == [
        (0.90, 2, 20.0), (0.94, 2, 20.0), (0.95, 3, 30.0),
    ]  # fmt: skip
    assert base.milestones[3].epoch == 0
    assert base.energy == pytest.approx(360 * 38 / 3.6e6)
    assert math.isnan(second.energy) and second.milestones[0].epoch == 0
    assert math.isnan(base.row.against) and second.row.against == pytest.approx(0.8 - 0.955)
    assert (base.run.id, base.row.standing.id) == (powered.id, powered.id)


def test_a_run_whose_recipe_is_damaged_is_an_error_with_its_name(powered, ended_run):
    other = ended_run(recipe(), 1, (0.5, 0.6, 0.7, 0.8))
    other.recipe_toml.write_text("model = ")
    with pytest.raises(BadInput, match=other.id):
        read_marked([powered, other], powered.id)
