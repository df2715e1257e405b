"""The memory format of models: axes in another order, and every number the same."""

import pytest
import torch
from torch import nn

from engine.loop.layout import memory_format, place


@pytest.mark.parametrize("channels_last", [True, False])
def test_a_placed_model_is_the_same_one_in_another_memory_format(channels_last):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    layout = memory_format(channels_last)
    assert layout == (torch.channels_last if channels_last else torch.contiguous_format)
    assert place(model, torch.device("cpu"), layout) is model
    assert model[0].weight.is_contiguous(memory_format=layout)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
