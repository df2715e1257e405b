"""What a listing says of each preset, from the files and from the cache."""

import pytest

from engine.contract.recipe.catalog import catalog
from presets import loader, overview, references
from presets.overview import overview as rows

pytestmark = pytest.mark.usefixtures("empty_cache")


@pytest.fixture
def resolved(monkeypatch):
    """The presets that are resolved."""
    seen, resolve = [], references.recipe_of
    monkeypatch.setattr(references, "recipe_of", lambda ref, parts: seen.append(ref) or resolve(ref, parts))
    return seen


@pytest.fixture
def mine():
    """Writes a preset of the user's own."""

    def write(text, kind="recipes", name="mine"):
        path = loader.user_folder() / kind / f"{name}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return write


def test_rows_from_the_cache_equal_those_from_the_files(resolved):
    first = rows()
    assert len(resolved) == len(first) == len(loader.list_presets())
    assert rows() == first and len(resolved) == len(first)
    by_name = {row["name"]: row for row in first}
    recipe = references.recipe_of("resnet34_cutmix", catalog())
    row = by_name["resnet34_cutmix"]
    assert (row["model"], row["epochs"], row["data"]) == (recipe.model.name, recipe.epochs, recipe.data.name)
    assert row["promise"] == recipe.promise.model_dump() and row["problem"] == ""


def test_a_changed_preset_and_a_changed_part_of_one_are_seen(mine):
    mine('name = "resnet20"\n', "models", "small")
    mine('model = "small"\nepochs = 3\nbatch_size = 8\noptimizer = "sgd"\ntitle = "Mine"\n')
    found = lambda: next((row["model"], row["epochs"]) for row in rows() if row["name"] == "mine")  # noqa: E731
    mine('[model]\nname = "resnet20"\n', "models", "small")
    assert found() == ("resnet20", 3) == found()
    mine('[model]\nname = "resnet18"\n', "models", "small")
    assert found() == ("resnet18", 3)
    mine('model = "small"\nepochs = 4\nbatch_size = 8\noptimizer = "sgd"\n')
    assert found() == ("resnet18", 4)


def test_a_preset_that_cannot_be_used_says_why_and_nothing_is_kept(mine, resolved):
    mine('model = "resnet21"\n')
    row = rows()[0]
    assert row["name"] == "mine" and "unknown model 'resnet21'" in row["problem"]
    count = len(resolved)
    assert rows()[0] == row and len(resolved) == 2 * count


def test_the_code_of_presets_and_recipes_is_part_of_the_key():
    code = {path.name for folder in overview.CODE for path in folder.glob("*.py")}
    assert {"resolve.py", "schema.py", "conflicts.py", "loader.py", "overview.py"} <= code
