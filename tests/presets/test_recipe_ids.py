"""The id of every preset and of every row of every suite is held: runs group by it, and a resume demands it.

recipe_ids.json has the first sixteen digits of each: `first` as they were at first, `since` those of the recipes that were
changed on purpose. A new preset or row is added to `first`; a changed id is an accident unless it is written down here.
"""

import fnmatch
import json
from pathlib import Path

from engine.contract.recipe.catalog import catalog
from presets import loader, references, suites
from presets.references import row_recipe

HELD: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "recipe_ids.json").read_text(encoding="utf-8"))

CHANGED = [
    "tricks_3_1/*",  # weight decay, start and the epochs of the drops are those of the commit with the figures
    "tricks_3_3/inceptionv4",  # an unpadded stem convolution
    "tricks_3_3/squeezenet",  # no bypass around fire9
    "tricks_3_3/resnet20",  # the rest starts as its source does
    "tricks_3_3/senet",
    "tricks_3_3/vgg",
    "tricks_3_3/shake_resnet26_2x*d",
    "tricks_3_5/*",
    "tricks_3_6/*",
    "tricks_3_7/*",
    "tricks_3_7_zoo/*",
    "tricks_3_9/*",
    "shake26_2x64d*",
    "resnet18_96",  # a recipe of ours, which was found anew on a GPU
    "resnet20_fast",  # a recipe of ours, which reaches its accuracy in fewer epochs with Muon
]


def ids() -> dict[str, str]:
    """Of every built-in preset by its name, and of every row as SUITE/ROW."""
    parts = catalog()
    names = [info.name for info in loader.list_presets() if info.origin == "built-in"]
    rows = {
        f"{info.name}/{row.id}": row_recipe(row, parts)
        for info in suites.list_suites()
        if info.origin == "built-in"
        for row in suites.load(info.name).rows
    }
    recipes = {name: references.recipe_of(name, parts) for name in names} | rows
    return {name: recipe.recipe_id[:16] for name, recipe in recipes.items()}


def test_presets_and_rows_keep_their_ids() -> None:
    held, found = HELD["first"] | HELD["since"], ids()
    assert {name: found.get(name) for name in held} == held
    assert set(found) == set(held), "add the new ones to recipe_ids.json"


def test_only_what_was_changed_on_purpose_has_another_id_than_at_first() -> None:
    changed = {name for name in HELD["first"] if any(fnmatch.fnmatch(name, pattern) for pattern in CHANGED)}
    assert set(HELD["since"]) == changed
    assert all(HELD["since"][name] != HELD["first"][name] for name in changed)
