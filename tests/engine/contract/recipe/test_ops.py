"""Walking the ops of an augmentation, those of combinators included."""

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.ops import member_lists, members, mixes_batch, name_of, stage, walk
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Choice

TABLE = [
    "random_crop",
    {"name": "choice", "of": ["color_jitter", {"name": "with_probability", "of": ["cutout"]}], "weights": [1.0, 2.0]},
    {"name": "choice", "of": ["cutmix", {"name": "mixup", "alpha": 0.2}]},
]
NAMES = ["random_crop", "choice", "color_jitter", "with_probability", "cutout", "choice", "cutmix", "mixup"]


def resolved(ops: list) -> tuple[Choice, ...]:
    table = {"epochs": 3, "batch_size": 8, "model": "lenet", "augmentation": ops, "optimizer": "sgd"}
    return resolve(table, catalog()).augmentation


@pytest.mark.parametrize("ops", [TABLE, resolved(TABLE)], ids=["as written", "resolved"])
def test_every_op_is_visited_once_before_its_members(ops):
    assert [name_of(op) for op in walk(ops)] == NAMES
    assert [name_of(op) for op in members(ops[1])] == ["color_jitter", "with_probability"]
    assert [list(member_lists(op)) for op in ops] == [[], ["of"], ["of"]]  # weights hold no ops


@pytest.mark.parametrize("ops", [TABLE, resolved(TABLE)], ids=["as written", "resolved"])
def test_a_combinator_runs_where_the_last_of_its_members_must(ops):
    assert [stage(op, catalog()) for op in ops] == ["geometry", "image", "batch"]
    assert stage({"name": "choice", "of": ["random_crop", "horizontal_flip"]}, catalog()) == "geometry"


def test_a_batch_is_mixed_by_every_op_of_that_stage_however_deep_it_lies():
    assert mixes_batch(resolved(TABLE), catalog())
    assert not mixes_batch(resolved(TABLE[:2]), catalog())
    assert not mixes_batch((), catalog())
    marked = {part.name for part in catalog().parts("op") if part.meta.get("stage") == "batch"}
    alone = {name for name in marked if mixes_batch(resolved([{"name": name}]), catalog())}
    assert alone == marked == {"mixup", "cutmix", "ricap"}


def test_an_unknown_op_has_no_stage():
    with pytest.raises(BadInput, match="unknown augmentation op 'cutmixx'; did you mean cutmix"):
        stage("cutmixx", catalog())
