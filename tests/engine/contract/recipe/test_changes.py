"""How a recipe differs from another: the differences, set one by one, lead from the one to the other."""

import json
from typing import Any

import pytest

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.changes import ALONE, SHORT, _label, changes, differences, flat
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.overrides import apply_set
from engine.contract.recipe.resolve import PART_FIELDS, resolve
from engine.contract.recipe.schema import Recipe

TABLE = {
    "epochs": 3,
    "batch_size": 8,
    "model": "lenet",
    "augmentation": ["random_crop", "horizontal_flip", "cutout"],
    "optimizer": {"name": "sgd", "lr": 0.1},
}


def recipe(**changed: Any) -> Recipe:
    return resolve(TABLE | changed, catalog())


def toml(value: Any) -> str:
    """A value as it is typed after `--set key=`, lists of tables included."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {json.dumps(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


BASE = recipe()
CASES = [
    ({}, "-"),
    ({"optimizer": {"name": "sgd", "lr": 0.2}}, "lr .1→.2"),
    ({"epochs": 5, "batch_size": 16}, "epochs 3→5 batch 8→16"),
    ({"model": "resnet20"}, "model=resnet20"),
    ({"augmentation": ["random_crop", "horizontal_flip"]}, "-cutout"),
    ({"augmentation": ["random_crop", "horizontal_flip", {"name": "cutout", "length": 4}]}, "cutout.length"),
    ({"augmentation": ["random_crop", "horizontal_flip", "cutout", "mixup"]}, "+mixup"),
    ({"compute": {"channels_last": False}}, "channels_last on→off"),
    ({"hard_examples": {"keep": 0.5}}, "hard_examples.keep 1→.5"),
    ({"resizing": {"start": 24}}, "resizing.start 0→24"),
    (
        {
            "optimizer": {
                "name": "sgd",
                "lr": 0.1,
                "groups": [{"match": "*.bias", "lr": 64}, {"match": "a", "until": 0.5}],
            }
        },
        "groups []→[*.bias lr 64 a until .5]",
    ),
]


def test_no_two_fields_of_a_recipe_have_one_label():
    parts = catalog()
    options = {
        f"{section}.{param.name}"
        for section, kind in PART_FIELDS.items()
        for part in parts.parts(kind)
        for param in (*part.params, *COMMON.get(kind, ()))
    }
    paths = options | {path for path in flat(BASE) if not path.startswith("augmentation.")}
    labels = {_label(path) for path in paths}
    assert len(labels) == len(paths) and paths >= {
        *SHORT,
        *(f"{section}.{name}" for section, names in ALONE.items() for name in names),
    }


@pytest.mark.parametrize(("changed", "text"), CASES)
def test_changes_are_short_text(changed: dict[str, Any], text: str):
    assert text in changes(BASE, recipe(**changed), catalog())


@pytest.mark.parametrize("changed", [case for case, _ in CASES if "augmentation" not in case and "model" not in case])
def test_differences_set_one_by_one_make_the_other_recipe(changed: dict[str, Any]):
    other, table = recipe(**changed), BASE.to_table()
    for path, old, new in differences(BASE, other):
        assert flat(BASE)[path] == old
        table = apply_set(table, f"{path}={toml(new)}")
    assert resolve(table, catalog()) == other
    assert differences(other, other) == [] and len(differences(other, BASE)) == len(differences(BASE, other))
