"""Suites: every row resolves, says where it is from, and a mistake in a file is named with its row."""

from pathlib import Path

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from presets import loader, suites
from presets.loader import Edits
from presets.references import row_recipe
from tui.plans.suite import Shrink, items

PARTS = catalog()
BUILT_IN = [info.name for info in suites.list_suites() if info.origin == "built-in"]

HEAD = 'title = "t"\ndescription = "d"\nsource = "s, 2024"\n'


def own(text, name="mine"):
    path = loader.user_folder() / "suites" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_row_of_every_suite_resolves_and_says_where_it_is_from(name):
    suite = suites.load(name)
    for row in suite.rows:
        assert row_recipe(row, PARTS).epochs >= 1, row.id
        assert row.source, row.id


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_row_without_a_reported_accuracy_says_why(name):
    for row in suites.load(name).rows:
        assert row.reported.test_accuracy is not None or row.note, row.id


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_command_line_makes_of_a_row_what_the_loader_makes(name):
    suite = suites.load(name)
    for item, row in zip(items(suite, suite.rows, Shrink(), PARTS), suite.rows, strict=True):
        assert item.resolution.recipe.recipe_id == row_recipe(row, PARTS).recipe_id, row.id


def test_the_base_of_a_suite_holds_for_every_row_and_a_row_has_the_last_word():
    own(
        HEAD + 'selection = "best_on_test"\n[base]\nrecipe = "quickstart"\nmodel = "lenet"\nset = ["epochs=5"]\n'
        'add_op = ["color_jitter"]\n'
        '[[rows]]\nid = "a"\nset = ["epochs=6", "data.fraction=0.5"]\nadd_op = ["mixup"]\n'
        '[[rows]]\nid = "b"\nmodel = "resnet20"\nsource = "elsewhere"\nreported = {test_accuracy = 0.5, selection = "last"}\n'
    )
    first, second = suites.load("mine").rows
    recipe = row_recipe(first, PARTS)
    assert (recipe.model.name, recipe.epochs, recipe.data.fraction) == ("lenet", 6, 0.5)
    assert [op.name for op in recipe.augmentation][-2:] == ["color_jitter", "mixup"]
    assert (first.source, first.reported.selection) == ("s, 2024", "best_on_test")
    assert (row_recipe(second, PARTS).model.name, row_recipe(second, PARTS).epochs) == ("resnet20", 5)
    assert (second.source, second.reported.selection) == ("elsewhere", "last")


def test_the_options_of_a_part_may_stand_before_the_part():
    own(HEAD + '[[rows]]\nid = "a"\nrecipe = "quickstart"\nset = ["schedule.warmup=3", "schedule=cosine_warmup"]\n')
    schedule = row_recipe(suites.load("mine").rows[0], PARTS).schedule
    assert (schedule.name, schedule.options["warmup"]) == ("cosine", 3.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[rows]]\nid = "a"\nrecipe = "quickstart"\nrecipee = "x"\n', "row 'a': unknown key recipee; did you mean recipe?"),
        ('[[rows]]\nid = "a"\nrecipe = "q"\nreported = {test_acuracy = 0.5}\n',
         "row 'a': unknown key reported.test_acuracy; did you mean test_accuracy?"),
        ('[[rows]]\nid = "a"\nrecipe = "q"\nreported = {test_accuracy = 96.5}\n',
         "row 'a': reported.test_accuracy: got 96.5, needs <= 1"),
        ('[[rows]]\nid = "a"\nrecipe = "q"\nreported = {selection = "first"}\n', "row 'a': reported.selection"),
        ('[[rows]]\nid = "a"\nrecipe = "q"\n[[rows]]\nid = "a"\nrecipe = "q"\n', "duplicate id 'a'"),
        ('[[rows]]\nid = "A b"\nrecipe = "q"\n', "row 'A b': id"),
        ('[[rows]]\nrecipe = "q"\n', "row 1: id: missing"),
        ('[[rows]]\nid = "a"\n', "row 'a': recipe: missing"),
        ('[base]\nadd_ops = []\n[[rows]]\nid = "a"\nrecipe = "q"\n', "base: unknown key add_ops; did you mean add_op?"),
        ('roows = 1\n[[rows]]\nid = "a"\nrecipe = "q"\n', "unknown key roows; did you mean rows?"),
        ("rows = 3\n", "[[rows]]"),
        ("", "rows: missing"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_row_and_the_nearest_key(text, said):
    path = own(HEAD + text)
    with pytest.raises(BadInput) as caught:
        suites.load("mine")
    assert any(said in problem for problem in caught.value.problems), caught.value.problems
    assert all(str(path) in problem for problem in caught.value.problems)


def test_a_users_suite_hides_a_built_in_one_and_a_path_works():
    path = own(HEAD + '[[rows]]\nid = "a"\nrecipe = "quickstart"\n', "resnet_stages")
    assert [row.id for row in suites.load("resnet_stages").rows] == ["a"]
    assert suites.load(str(path)).name == "resnet_stages"
    assert [info.origin for info in suites.list_suites() if info.name == "resnet_stages"] == ["yours"]


def test_rows_are_picked_in_the_order_of_the_table():
    suite = suites.load("resnet_baselines")
    assert [row.id for row in suite.pick("resnet50, resnet18")] == ["resnet18", "resnet50"]
    assert suite.pick("") == suite.rows
    with pytest.raises(BadInput) as caught:
        suite.pick("resnet19,nothing")
    assert len(caught.value.problems) == 2 and "did you mean resnet1" in caught.value.problems[0]


def test_an_unknown_suite_names_the_nearest():
    with pytest.raises(BadInput, match="did you mean resnet_stages"):
        suites.load("resnet_stage")


def test_the_published_figures_of_the_first_project_are_told_with_their_selection():
    rows = {row.id: row.reported for row in suites.load("resnet_stages").rows}
    assert (rows["train3"].test_accuracy, rows["train3"].selection) == (0.9626, "last")
    assert (rows["train3_best"].test_accuracy, rows["train3_best"].selection) == (0.9651, "best_on_test")
    assert (rows["train3_readme"].test_accuracy, rows["train3_readme"].selection) == (0.9647, "unknown")
    same = {row_recipe(suites.load("resnet_stages").row(name), PARTS).recipe_id for name in ("train3", "train3_best")}
    assert len(same) == 1


def test_the_example_of_the_guide_is_a_suite():
    guide = Path(__file__).parent.parent.parent / "docs" / "extending.md"
    own(guide.read_text().partition("## Suites")[2].partition("```toml\n")[2].partition("```")[0])
    (row,) = suites.load("mine").rows
    assert row_recipe(row, PARTS).data.normalize == "test"
    assert (row.reported.test_accuracy, row.reported.selection) == (0.9365, "last")


def test_edits_of_a_row_are_those_of_the_flags():
    own(HEAD + '[[rows]]\nid = "a"\nrecipe = "quickstart"\ndrop_op = ["horizontal_flip"]\nschedule = "cosine"\n')
    assert suites.load("mine").rows[0].edits == Edits(
        "", "", "cosine", sets=[], add_ops=(), drop_ops=("horizontal_flip",)
    )
