"""A suite's rows as batch items: as the source ran them, or smaller and saying so."""

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from presets import loader, suites
from presets.references import row_recipe
from tui.plans.configured import placement_of
from tui.plans.suite import Shrink, items

PARTS = catalog()


@pytest.fixture
def suite():
    path = loader.user_folder() / "suites" / "mine.toml"
    path.parent.mkdir(parents=True)
    path.write_text(
        'title = "t"\ndescription = "d"\nsource = "s"\n[base]\nrecipe = "quickstart"\nmodel = "lenet"\n'
        '[[rows]]\nid = "long"\nset = ["epochs=200", "schedule.warmup=20", "data.fraction=0.5", "averaging=swa"]\n'
        '[[rows]]\nid = "short"\nset = ["epochs=2", "schedule.warmup=1"]\n'
    )
    return suites.load("mine")


def recipes(suite, shrink):
    return {
        item.label: item.resolution.recipe for item in items(suite, suite.rows, shrink, PARTS)
    }  # fmt: skip


def test_without_a_shrink_a_row_is_as_the_source_ran_it(suite):
    found = recipes(suite, Shrink())
    assert {name: recipe.recipe_id for name, recipe in found.items()} == {
        row.id: row_recipe(row, PARTS).recipe_id for row in suite.rows
    }
    assert not Shrink() and Shrink().table() is None


def test_what_is_counted_in_epochs_shrinks_with_them_and_shorter_rows_stay(suite):
    found = recipes(suite, Shrink(epochs=10))
    assert (found["long"].epochs, found["long"].schedule.options["warmup"]) == (10, 1.0)
    assert found["long"].averaging.options["every"] == pytest.approx(0.05)
    assert found["short"].recipe_id == row_recipe(suite.row("short"), PARTS).recipe_id


@pytest.mark.parametrize("name", [info.name for info in suites.list_suites() if info.origin == "built-in"])
def test_every_row_of_every_suite_can_be_shrunk(name):
    whole = suites.load(name)
    for label, recipe in recipes(whole, Shrink(epochs=1, fraction=0.03)).items():
        assert recipe.epochs == 1, label
        assert recipe.data.fraction <= 0.03, label


def test_a_learning_rate_that_moved_once_an_epoch_moves_every_step_of_a_few(suite):
    row = suite.row("long").model_copy(update={"sets": ("epochs=200", "schedule.by=epoch", "schedule.offset=1")})
    (item,) = items(suite, [row], Shrink(epochs=2), PARTS)
    schedule = item.resolution.recipe.schedule.options
    assert (schedule["by"], schedule["offset"], schedule["warmup"]) == ("step", 0, 0.02)


def test_a_fraction_is_one_of_the_rows_own_images(suite):
    found = recipes(suite, Shrink(fraction=0.1))
    assert (found["long"].data.fraction, found["short"].data.fraction) == (0.05, 0.1)


def test_set_has_the_last_word(suite):
    found = recipes(suite, Shrink(epochs=10, sets=("schedule.warmup=1.5", "batch_size=64")))
    assert (found["long"].schedule.options["warmup"], found["long"].batch_size) == (1.5, 64)


def test_runs_are_tagged_with_suite_and_row_and_shrunk_ones_as_such(suite):
    placed = {"tags": ["mine"], "device": "cpu", "threads": 1}
    made = items(suite, suite.rows, Shrink(epochs=10), PARTS, placed)
    placements = {item.label: placement_of(item.resolution.draft) for item in made}
    tags = {label: placement.tags for label, placement in placements.items()}
    assert tags == {"long": ("suite:mine", "row:long", "shrunk", "mine"), "short": ("suite:mine", "row:short", "mine")}
    assert {(placement.device, placement.threads) for placement in placements.values()} == {("cpu", 1)}


@pytest.mark.parametrize(
    ("shrink", "words"),
    [
        (Shrink(epochs=1), "shrunk to 1 epoch"),
        (Shrink(2, 0.05), "shrunk to 2 epochs and 5 % of the training images"),
        (Shrink(sets=("a=1", "b=2")), "changed by --set a=1 --set b=2"),
        (Shrink(fraction=0.5, sets=("a=1",)), "shrunk to 50 % of the training images; changed by --set a=1"),
    ],
)
def test_a_shrink_says_what_it_is_and_which_flags_ask_for_it(shrink, words):
    assert shrink and str(shrink) == words
    assert shrink.table()["said"] == words
    for value in (shrink.epochs or None, *shrink.sets):
        assert value is None or str(value) in shrink.flags()


@pytest.mark.parametrize("fields", [{"fraction": 0}, {"fraction": 1.5}, {"epochs": -1}])
def test_impossible_sizes_are_refused(fields):
    with pytest.raises(BadInput, match=f"--{next(iter(fields))}"):
        Shrink(**fields)


@pytest.mark.parametrize("epochs", [200, 500])
def test_a_suite_is_not_run_longer(suite, epochs):
    with pytest.raises(BadInput, match=f"--epochs: got {epochs}; these rows have 200 epochs or fewer"):
        items(suite, suite.rows, Shrink(epochs=epochs), PARTS)


def test_every_bad_row_is_named(suite):
    with pytest.raises(BadInput) as caught:
        items(suite, [row.model_copy(update={"recipe": "no_such"}) for row in suite.rows], Shrink(epochs=1), PARTS)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["long", "short"]
