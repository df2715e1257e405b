"""SE-ResNet against timm's, and where the gates sit."""

import pytest
import torch
from torch import nn

from engine.models.layers import SqueezeExcite
from engine.models.resnet import ResNet
from engine.models.senet import SEBasicBlock, SEBottleneck


@pytest.fixture
def timm():
    return pytest.importorskip("timm")


def test_timm_weights_give_the_same_logits(timm, transplant) -> None:
    from timm.models.resnet import Bottleneck

    theirs = timm.models.resnet.ResNet(Bottleneck, (1, 2, 1, 1), num_classes=10, block_args={"attn_layer": "se"})
    theirs.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    theirs.maxpool = nn.Identity()
    transplant(ResNet(SEBottleneck, (1, 2, 1, 1), (64, 128, 256, 512), 10), theirs)


def test_a_block_scales_its_body_by_gates_made_of_channel_means() -> None:
    torch.manual_seed(0)
    block = SEBasicBlock(32, 32, 1).eval()
    excite = block.body[-1]
    assert isinstance(excite, SqueezeExcite) and excite.down.out_channels == 2
    x = torch.randn(2, 32, 5, 5)
    with torch.no_grad():
        body = block.body[:-1](x)
        means = body.mean((2, 3))
        hidden = (means @ excite.down.weight[:, :, 0, 0].T + excite.down.bias).relu()
        gates = (hidden @ excite.up.weight[:, :, 0, 0].T + excite.up.bias).sigmoid()
        want = (x + body * gates[:, :, None, None]).relu()
        torch.testing.assert_close(block(x), want)
