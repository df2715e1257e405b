"""docs/weights.md says of ONNX what docs/onnx.json recorded, for every model of the catalog."""

import json

from engine.contract.recipe.catalog import catalog
from tools.onnx_zoo import PAGE, RECORD, TABLE, table


def test_every_model_is_in_the_record():
    found = json.loads(RECORD.read_text(encoding="utf-8"))
    assert set(found) == set(catalog().names("model")), "run: python -m tools.onnx_zoo"


def test_the_table_is_that_of_the_record():
    written = TABLE.search(PAGE.read_text(encoding="utf-8"))
    assert written is not None
    assert written[0] == table(json.loads(RECORD.read_text(encoding="utf-8")))
