"""A part and its form in the cache."""

import json
from pathlib import Path

import pytest

from engine.contract.recipe.catalog import ENGINE, KINDS, catalog
from engine.contract.recipe.part import part_of, row_of


@pytest.mark.parametrize("kind", KINDS)
def test_every_part_comes_back_from_its_row(kind: str):
    for part in catalog().parts(kind):
        row = row_of(part, ENGINE)
        json.dumps(row)
        assert part_of(row, ENGINE, {row["path"]: part.module}) == part


def test_a_row_names_its_file_relative_to_the_engine_and_no_module():
    part = catalog().get("model", "resnet18")
    row = row_of(part, ENGINE)
    assert "module" not in row and ENGINE / row["path"] == part.path
    moved = part_of(row, Path("/elsewhere"), {row["path"]: "its.module"})
    assert (moved.path, moved.module) == (Path("/elsewhere") / row["path"], "its.module")
    with pytest.raises(KeyError):
        part_of(row, ENGINE, {})


def test_a_schema_has_the_options_of_the_part_and_the_common_ones():
    part = catalog().get("optimizer", "sgd")
    assert set(part.schema().model_fields) == {param.name for param in part.params}
    assert part.defaults == {param.name: param.default for param in part.params if not param.required}
