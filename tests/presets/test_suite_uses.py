"""Which rows use a preset or a model: found in every suite, whatever else the suite holds."""

from engine.contract.recipe.catalog import catalog
from presets import loader
from presets.suite_uses import uses_of_model, uses_of_preset

PARTS = catalog()


def test_rows_are_found_by_preset_and_by_model():
    assert {use.row.id for use in uses_of_preset("resnet34_cutmix")} == {
        "train3",
        "train3_best",
        "train3_readme",
    }
    by_model = {(use.suite, use.row.id) for use in uses_of_model("resnet34", PARTS)}
    assert {("resnet_baselines", "resnet34"), ("resnet_stages", "train1")} <= by_model
    folder = loader.user_folder() / "suites"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text(
        'title = "t"\ndescription = "d"\nsource = "s, 2024"\n'
        '[[rows]]\nid = "broken"\nrecipe = "no_such"\n[[rows]]\nid = "alias"\nrecipe = "quickstart"\nmodel = "ResNet34"\n'
    )
    (folder / "unreadable.toml").write_text("no toml at all")
    assert ("mine", "alias") in {(use.suite, use.row.id) for use in uses_of_model("resnet34", PARTS)}
