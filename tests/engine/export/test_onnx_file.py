"""Models as ONNX files: their logits in onnxruntime against those in PyTorch."""

import json

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Choice
from engine.export.child import TOLERANCE
from engine.export.onnx_file import written_onnx
from engine.models.build import build_model
from tools.onnx_zoo import RECORD, compare


def assert_parity(name: str) -> None:
    """The logits of five images, a batch size that the exporter has not seen, agree within the tolerance of a check.

    Some networks amplify rounding while they are untrained (the first AutoRF attentions have logits of a million, and
    3 % between fp32 and fp64 in PyTorch itself). They may differ by ten times what the last bit of the images changes.
    """
    _, found = compare(name)
    assert found["difference"] <= max(TOLERANCE, 10 * found["rounding"])


@pytest.mark.parametrize("name", ["lenet", "resnet20"])
def test_small_models_agree_in_onnxruntime(name):
    assert_parity(name)


def test_a_batch_size_that_cannot_be_free_is_refused():
    model = build_model(Choice(name="vit"), num_classes=10, catalog=catalog()).eval()
    with pytest.raises(BadInput, match="cannot export this model to ONNX with a free batch size"):
        written_onnx(model, (3, 32, 32))


EXPORTED = sorted(name for name, one in json.loads(RECORD.read_text(encoding="utf-8")).items() if "difference" in one)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPORTED)
def test_the_zoo_agrees_in_onnxruntime(name):
    assert_parity(name)
