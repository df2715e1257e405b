"""Models as ONNX files: their logits in onnxruntime against those in PyTorch."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.export.child import TOLERANCE
from engine.export.onnx_file import onnx_logits, written_onnx
from tools.onnx_zoo import compare


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


class FixedBatch(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, : len(x)]  # len is a number, not a symbol: the exporter fixes it


class BranchOnValues(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) if x.sum() > 0 else -x.flatten(1)


class Attention(nn.Module):
    def forward(self, x: Tensor) -> Tensor:  # (B, 8, H, W) -> (B, H W, 8), two heads
        heads = x.flatten(2).unflatten(1, (2, 4)).transpose(2, 3)
        places = x.new_zeros(heads.shape[2], heads.shape[2])
        return F.scaled_dot_product_attention(heads, heads, heads, attn_mask=places).transpose(1, 2).flatten(2)


def test_fused_attention_with_a_mask_is_exported():
    model, images = Attention().eval(), torch.randn(5, 8, 4, 4, generator=torch.Generator().manual_seed(0))
    found = onnx_logits(written_onnx(model, (8, 4, 4)), images)
    torch.testing.assert_close(found, model(images))


def test_a_batch_size_that_cannot_be_free_is_refused():
    with pytest.raises(BadInput, match=r"^torch cannot export this model to ONNX with a free batch size$"):
        written_onnx(FixedBatch().eval(), (3, 8, 8))


def test_a_model_that_the_exporter_does_not_understand_is_refused_in_one_line():
    with pytest.raises(BadInput, match=r"^torch cannot export this model to ONNX: [\x20-\x7e]+$") as refused:
        written_onnx(BranchOnValues().eval(), (3, 8, 8))
    assert "step" not in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(catalog().names("model")))
def test_the_zoo_agrees_in_onnxruntime(name):
    assert_parity(name)
