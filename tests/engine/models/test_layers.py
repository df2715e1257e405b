"""Shared layers against torch's own."""

import pytest
import torch
from torch import nn

from engine.models.layers import DilatedConv


@pytest.mark.parametrize("dilation", [2, 3])
@pytest.mark.parametrize("groups", [1, 4, 16])
def test_a_dilated_convolution_in_bf16_has_the_gradients_of_fp32(groups: int, dilation: int) -> None:
    """Memory is filled with large numbers first: torch's own kernel was seen to return some of it."""
    torch.manual_seed(0)
    shape = {"kernel_size": 3, "padding": dilation, "dilation": dilation, "groups": groups}
    layer, exact = DilatedConv(16, 16, **shape), nn.Conv2d(16, 16, **shape)
    exact.load_state_dict(layer.state_dict())
    x = torch.randn(8, 16, 32, 32).bfloat16().contiguous(memory_format=torch.channels_last)
    back = torch.randn(8, 16, 32, 32).bfloat16()
    exact(x.float()).backward(back.float())
    filled = [torch.full((500, 1000), 1e30) for _ in range(20)]
    del filled
    with torch.autocast("cpu", torch.bfloat16):
        made = layer(x)
    made.backward(back)
    assert made.dtype == torch.bfloat16
    for mine, theirs in zip(layer.parameters(), exact.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=2e-2, atol=2e-2 * float(theirs.grad.abs().max()))
