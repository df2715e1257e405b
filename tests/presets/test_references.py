"""References: one notation for presets, files, rows of published tables and runs, whoever takes it."""

from pathlib import Path

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Placement
from engine.contract.run.create import create
from engine.contract.run.store import runs_root
from presets import loader
from presets.loader import Edits
from presets.references import load_table, look_up, parts_with, recipe_of, recipe_to_save, row_recipe, source_file
from presets.suites import row_of

PARTS = catalog()
OWN = """
from engine.contract.catalog import register


@register("op", title="Nothing", stage="image")
class Nothing:
    def draw(self, rng, n, size):
        return {}

    def apply(self, x, y, params):
        return x, y
"""


@pytest.fixture
def mine(tmp_path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(OWN)
    return path


@pytest.fixture
def run(mine):
    """A run of quickstart with another learning rate and an op of the user's own."""
    edits = Edits(fields={"optimizer.lr": 0.05}, add_ops=["nothing"])
    recipe = recipe_of("quickstart", catalog((mine,)), edits)
    placement = Placement(parts=(str(mine),))
    return create(runs_root(), recipe, seed=3, placement=placement, preset="quickstart", changes="lr .2→.05")


def test_all_four_kinds_of_reference_stand_for_the_same_recipe(tmp_path):
    recipe = recipe_of("quickstart", PARTS)
    file = tmp_path / "other.toml"
    file.write_text(recipe.to_toml())
    suite = loader.user_folder() / "suites" / "mine.toml"
    suite.parent.mkdir(parents=True)
    suite.write_text('title = "t"\ndescription = "d"\nsource = "s"\n[[rows]]\nid = "a"\nrecipe = "quickstart"\n')
    run = create(runs_root(), recipe, seed=0)
    for ref in ("quickstart", str(file), "suite:mine/a", f"run:{run.id[-4:]}"):
        source = look_up(ref)
        assert source.recipe().recipe_id == recipe.recipe_id, ref
        assert source.table()["epochs"] == recipe.epochs, ref
        assert (source.ref, source.own_parts) == (ref, ())
        assert source.recipe(Edits(fields={"epochs": 50})).epochs == 50, ref


def test_a_run_brings_its_own_parts_along_unless_a_given_file_has_their_name(run, mine):
    ref = f"run:{run.id}"
    source = look_up(ref)
    assert source.file == source_file(ref) == str(run.recipe_toml)
    assert source.own_parts == (str(run.parts / "mine.py"),)
    assert "nothing" in source.parts.names("op") and "nothing" not in PARTS.names("op")
    assert [op.name for op in source.recipe().augmentation][-1] == "nothing"
    assert parts_with(ref, [str(mine)]) == [str(mine)], "the given file replaces the copy"
    other = mine.with_name("other.py")
    other.write_text("")
    assert parts_with(ref, [str(other)]) == [str(other), str(run.parts / "mine.py")]
    assert parts_with("quickstart", [str(mine)]) == [str(mine)]


def test_the_roots_say_where_runs_are_looked_for(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    run = create(runs_root(str(elsewhere)), recipe_of("quickstart", PARTS), seed=0)
    assert look_up(f"run:{run.id}", (), [elsewhere]).file == str(run.recipe_toml)
    with pytest.raises(BadInput, match="no run"):
        look_up(f"run:{run.id}")


def test_the_recipe_of_a_run_that_cannot_be_resolved_says_what_wrote_it(run):
    with pytest.raises(BadInput) as caught:
        recipe_of(str(run.recipe_toml), PARTS)  # without the run's own op
    assert "nothing" in caught.value.problems[0]
    assert caught.value.problems[1:] == run.origin()


def test_a_saved_recipe_keeps_its_promise_only_where_nothing_was_changed(run):
    assert recipe_to_save("quickstart").promise == recipe_of("quickstart", PARTS).promise is not None
    saved = recipe_to_save(f"run:{run.id}")
    assert (saved.title, saved.description, saved.promise) == ("quickstart: lr .2→.05", "", None)
    same = create(runs_root(), recipe_of("quickstart", PARTS), seed=0, preset="quickstart")
    assert recipe_to_save(f"run:{same.id}").promise is not None


def test_a_row_may_begin_with_a_row_of_another_suite():
    suite = loader.user_folder() / "suites" / "mine.toml"
    suite.parent.mkdir(parents=True)
    suite.write_text(
        'title = "t"\ndescription = "d"\nsource = "s"\n'
        '[[rows]]\nid = "longer"\nrecipe = "suite:tricks_3_9/cm"\nset = ["epochs=210"]\n'
    )
    _, row = row_of("mine/longer")
    first, second = recipe_of("suite:tricks_3_9/cm", PARTS), row_recipe(row, PARTS)
    assert (first.epochs, second.epochs) == (200, 210) and first.augmentation == second.augmentation
    assert load_table("suite:mine/longer", PARTS)["title"] == "longer, a row of mine: t"


def test_every_published_row_is_a_preset_with_the_figure_of_its_source():
    recipe = recipe_of("suite:tricks_3_9/cm", PARTS, Edits(fields={"epochs": 3}))
    assert [op.name for op in recipe.augmentation] == ["random_crop", "horizontal_flip", "cutout", "mixup"]
    assert (recipe.epochs, recipe.batch_size) == (3, 64)
    assert (recipe.promise.accuracy, recipe.promise.selection) == (0.9582, "best_on_test")
    assert recipe.title.startswith("cm, a row of tricks_3_9: ")
    assert recipe_of("suite:tricks_3_9/ar_real", PARTS).promise is None


@pytest.mark.parametrize(
    ("ref", "hint"),
    [
        ("suite:tricks_3_9/ar_reel", "ar_real"),
        ("suite:tricks_3_9", "`cifar-tui suites show tricks_3_9`"),
        ("suite:", "suites list"),
        ("suite:tricks_3_9/", "suites show"),
        ("suite:trick_3_9/cm", "tricks_3_9"),
    ],
)
def test_a_row_that_does_not_exist_is_refused_with_a_hint(ref, hint):
    with pytest.raises(BadInput, match=hint):
        recipe_of(ref, PARTS)


def test_a_run_from_before_there_were_parameter_groups_is_repeated_without_any(tmp_path):
    """Its model's mark has a rule today; a preset that names the model follows it, the run keeps its id."""
    file = tmp_path / "net.toml"
    file.write_text('model = "airbench94"\nepochs = 2\nbatch_size = 8\naugmentation = []\noptimizer = "sgd"\n')
    assert len(recipe_of(str(file), PARTS).optimizer.options["groups"]) == 1
    recipe = recipe_of(str(file), PARTS, Edits(fields={"optimizer.groups": []}))
    run = create(runs_root(), recipe, seed=0)
    lines = run.recipe_toml.read_text().splitlines(keepends=True)
    run.recipe_toml.write_text("".join(line for line in lines if not line.startswith(("groups", "independent_decay"))))
    for again in (run.recipe(), run.inspect()[0], look_up(f"run:{run.id}").recipe()):
        assert again.recipe_id == recipe.recipe_id and again.optimizer.options["groups"] == ()
    other = look_up(f"run:{run.id}").recipe(Edits(model="airbench95"))
    assert len(other.optimizer.options["groups"]) == 1, "another model starts with its own rules"
