"""Inception v3 against torchvision's; v4 and Inception-ResNet v2 against timm's: the same grids, whole stems.

The seeds' nets are told by the maps that the comments of weiaicunzai/pytorch-cifar100 note down: 30, 14 and 6 px.
"""

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from engine.models.inception import inception_v3, inception_v4
from engine.models.inception_resnet import inception_resnet_v2
from engine.models.inception_seed import inception_resnet_v2_seed, inception_v3_seed, inception_v4_seed
from tests.engine.models.shapes import on_meta


def pad_everything(model: nn.Module) -> None:
    """Pad what the originals leave unpadded, and leave padding out of means."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3):
            module.padding = (1, 1)
        if isinstance(module, nn.MaxPool2d):
            module.padding = 1
        if isinstance(module, nn.AvgPool2d):
            module.count_include_pad = False


def test_torchvision_weights_give_v3s_logits(transplant, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = torchvision.models.inception_v3(num_classes=10, aux_logits=False, init_weights=False)
    pad_everything(theirs)
    theirs.Conv2d_1a_3x3.conv.stride = (1, 1)
    theirs.maxpool1 = theirs.maxpool2 = nn.Identity()

    class Padded:  # torchvision's modules call these by function
        relu = staticmethod(F.relu)
        max_pool2d = staticmethod(lambda x, kernel_size, stride: F.max_pool2d(x, kernel_size, stride, 1))
        avg_pool2d = staticmethod(lambda x, **k: F.avg_pool2d(x, **k, count_include_pad=False))

    monkeypatch.setattr(torchvision.models.inception, "F", Padded)
    transplant(inception_v3(), theirs, size=10)


def test_timm_weights_give_v4s_logits(transplant) -> None:
    timm = pytest.importorskip("timm")
    theirs = timm.create_model("inception_v4", num_classes=10)
    pad_everything(theirs)
    theirs.features[0].conv.stride = theirs.features[3].conv.conv.stride = theirs.features[5].conv.conv.stride = (1, 1)
    theirs.features[3].maxpool = theirs.features[5].maxpool = nn.Identity()
    transplant(inception_v4(), theirs, size=10)


@pytest.mark.slow
def test_timm_weights_give_inception_resnets_logits(transplant) -> None:
    timm = pytest.importorskip("timm")
    theirs = timm.create_model("inception_resnet_v2", num_classes=10)
    pad_everything(theirs)
    theirs.conv2d_1a.conv.stride = (1, 1)
    theirs.maxpool_3a = theirs.maxpool_5a = nn.Identity()
    transplant(inception_resnet_v2(), theirs, size=10)


def test_modules_put_out_the_papers_channels() -> None:
    with on_meta():
        model, x = inception_v3(), torch.zeros(2, 3, 32, 32)
        shapes = [tuple((x := module(x)).shape[1:]) for module in model.features]
    assert shapes == [
        (192, 32, 32), (256, 32, 32), (288, 32, 32), (288, 32, 32),
        *[(768, 16, 16)] * 5,
        (1280, 8, 8), (2048, 8, 8), (2048, 8, 8),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("builder", "shapes"),
    [
        (
            inception_v3_seed,
            [(192, 30)] + [(256, 30)] + [(288, 30)] * 2 + [(768, 14)] * 5 + [(1280, 6)] + [(2048, 6)] * 2,
        ),
        (inception_v4_seed, [(384, 30)] * 5 + [(1024, 14)] * 8 + [(1536, 7)] * 4),
        (inception_resnet_v2_seed, [(384, 30)] * 6 + [(1152, 14)] + [(1154, 14)] * 10 + [(2146, 6)] + [(2048, 6)] * 5),
    ],
    ids=["v3", "v4", "resnet_v2"],
)
def test_the_seeds_stem_does_not_pad_one_convolution(builder, shapes: list[tuple[int, int]]) -> None:
    with on_meta():
        model, x = builder(), torch.zeros(2, 3, 32, 32)
        found = [tuple((x := module(x)).shape[1:]) for module in model.features]
    assert found == [(channels, side, side) for channels, side in shapes]
