"""Few epochs: what would be refused shrinks and keeps its curve, everything else is as the flags say."""

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve
from engine.schedules import factor
from presets import loader, references
from presets.loader import Edits
from presets.shrink import fit

PARTS = catalog()


def strict(name: str, epochs: int):
    """The recipe as the loader has it; None where it is refused."""
    try:
        return references.recipe_of(name, PARTS, Edits(sets=[f"epochs={epochs}"]))
    except BadInput:
        return None


@pytest.mark.parametrize("epochs", [1, 2, 5])
def test_every_preset_fits_into_a_few_epochs_and_changes_only_where_it_was_refused(epochs):
    shrunk = 0
    for info in loader.list_presets():
        recipe, note = fit(info.name, PARTS, Edits(sets=[f"epochs={epochs}"]))
        as_asked = strict(info.name, epochs)
        assert recipe.epochs == epochs
        assert bool(note) == (as_asked is None), info.name
        shrunk += bool(note)
        if as_asked is not None:
            assert recipe == as_asked
    assert shrunk, "some presets have a long warm-up"


@pytest.mark.parametrize(("name", "epochs"), [("quickstart", 1), ("resnet18_96", 3), ("vit_small_recipe", 2)])
def test_a_recipe_that_shrank_keeps_the_curve_of_its_learning_rate(name, epochs):
    whole = references.recipe_of(name, PARTS)
    recipe, _ = fit(name, PARTS, Edits(sets=[f"epochs={epochs}"]))
    long, short = factor(whole.schedule, whole.epochs), factor(recipe.schedule, epochs)
    for step in range(101):
        assert short(step / 100) == pytest.approx(long(step / 100), abs=1e-9)


def test_the_line_names_all_that_shrank():
    _, note = fit("quickstart", PARTS, Edits(sets=["epochs=1"]))
    assert note == "to fit into 1 epoch instead of 8: schedule.warmup 2 -> 0.25"
    _, note = fit("pyramidnet272_as_run", PARTS, Edits(fields={"epochs": 3}))
    changed = "schedule.by epoch -> step, schedule.warmup 20 -> 0.2, schedule.offset 1 -> 0"
    assert note == f"to fit into 3 epochs instead of 300: {changed}"


def test_weights_averaged_over_whole_epochs_are_averaged_more_often():
    swa = ["averaging=swa", "averaging.start=0.75", "averaging.every=5"]
    table = {"epochs": 200, "batch_size": 8, "model": "lenet", "optimizer": "sgd"}
    path = loader.user_folder() / "recipes" / "mine.toml"
    path.parent.mkdir(parents=True)
    recipe = resolve({**table, "averaging": {"name": "swa", "start": 0.75, "every": 5.0}}, PARTS)
    path.write_text(recipe.to_toml())
    shorter, note = fit("mine", PARTS, Edits(sets=["epochs=4"]))
    assert shorter.averaging.options["every"] == pytest.approx(0.1)
    assert "averaging.every 5 -> 0.1" in note
    with pytest.raises(BadInput, match=r"averaging\.every: got 5"):
        fit("mine", PARTS, Edits(sets=["epochs=4", *swa[2:]]))


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (["epochs=1", "schedule.warmup=2"], "schedule.warmup: 2 epochs of warm-up do not fit into 1 epoch"),
        (["epochs=1", "optimizer.lr=-1"], "optimizer.lr: got -1"),
        (["schedule.warmup=8"], "schedule.warmup: 8 epochs of warm-up do not fit into 8 epochs"),
        (["epochs=9", "schedule.warmup=9"], "schedule.warmup: 9 epochs of warm-up do not fit into 9 epochs"),
        (["epochs=0"], "epochs: got 0"),
        (["epochs=true"], "epochs: got True"),
        (["epochs=x"], "epochs: got 'x'"),
    ],
)
def test_what_the_flags_ask_for_themselves_is_refused_as_before(sets, said):
    with pytest.raises(BadInput) as refused:
        fit("quickstart", PARTS, Edits(sets=sets))
    assert said in str(refused.value)


def test_a_fraction_of_an_epoch_counts():
    recipe, note = fit("quickstart", PARTS, Edits(sets=["epochs=1.5"]))
    assert (recipe.epochs, recipe.schedule.options["warmup"]) == (1.5, 2 * 1.5 / 8)
    assert note.startswith("to fit into 1.5 epochs instead of 8: schedule.warmup 2 -> 0.375")
