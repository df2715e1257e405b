"""The nets of the speed records against the `airbench` package, the records' own code."""

from collections.abc import Callable
from typing import Any

import airbench
import pytest
import torch
from airbench import lib_airbench94, lib_airbench96, utils
from torch import Tensor, nn

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Choice
from engine.models.airbench import EPS, AirbenchNet, Whitening, airbench94, airbench95, airbench96
from engine.models.build import build_model

WIDTHS_96 = {"block1": 128, "block2": 384, "block3": 512}


class RecordGroup(lib_airbench96.ConvGroup):
    """The package has the paper's form of the 96 % net. The record's script adds the shortcut before the last GELU."""

    def forward(self, x: Tensor) -> Tensor:
        start = self.activ(self.norm1(self.pool(self.conv1(x))))
        x = self.activ(self.norm2(self.conv2(start)))
        return self.activ(self.norm3(self.conv3(x)) + start)


def record_96() -> nn.Module:
    """As in the record's script, with its widths and torch's momentum of batch norm too."""
    before, lib_airbench96.ConvGroup = lib_airbench96.ConvGroup, RecordGroup
    try:
        return airbench.make_net96(widths=WIDTHS_96, batchnorm_momentum=0.9)
    finally:
        lib_airbench96.ConvGroup = before


PAIRS = [(airbench94, airbench.make_net94), (airbench95, airbench.make_net95), (airbench96, record_96)]
every_pair = pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=["94", "95", "96"])


@pytest.fixture(autouse=True)
def records_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package builds its nets on CUDA, in half precision."""
    monkeypatch.setattr(nn.Module, "cuda", lambda self, device=None: self)
    monkeypatch.setattr(nn.Module, "half", lambda self: self)


@pytest.fixture
def images() -> torch.Tensor:
    """Neighbouring pixels are alike, as in photographs."""
    noise = torch.randn(64, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    return nn.functional.avg_pool2d(noise, 9, 1) * 9


@every_pair
def test_the_records_weights_give_the_same_logits(
    assert_same_logits: Callable[..., None], ours: Any, theirs: Any
) -> None:
    for training in (False, True):
        assert_same_logits(ours(), theirs(), training=training)


@every_pair
def test_parameters_and_what_of_them_trains_are_the_records(ours: Any, theirs: Any) -> None:
    def counts(net: nn.Module) -> tuple[int, int]:
        sizes = [(p.numel(), p.requires_grad) for p in net.parameters()]
        return sum(n for n, _ in sizes), sum(n for n, trains in sizes if trains)

    assert counts(ours()) == counts(theirs())


@every_pair
def test_norms_are_the_records(ours: Any, theirs: Any) -> None:
    def norms(net: nn.Module) -> list[tuple[int, float, float]]:
        return [(m.num_features, m.eps, m.momentum) for m in net.modules() if isinstance(m, nn.BatchNorm2d)]

    for mine, record in zip(norms(ours()), norms(theirs()), strict=True):
        assert mine == pytest.approx(record)


def test_convolutions_start_as_the_records(images: torch.Tensor) -> None:
    """The identity filters exactly; the others have the same spread."""
    theirs = lib_airbench94.Conv(24, 64)
    (ours,) = [m for m in airbench94().modules() if isinstance(m, nn.Conv2d) and m.weight.shape == theirs.weight.shape]
    assert torch.equal(ours.weight[:24], theirs.weight[:24])
    torch.testing.assert_close(ours.weight[24:].std(), theirs.weight[24:].std(), rtol=0.05, atol=0)
    assert airbench94(start="torch").features[1].first[0].weight[:24].abs().min() > 0


def test_whitening_is_the_records_but_for_order_and_sign(images: torch.Tensor) -> None:
    ours, theirs = Whitening(3), nn.Conv2d(3, 24, 2)
    ours.start_from(images)
    utils.init_whitening_conv(theirs, images)
    filters, records = (net.weight[:12].flatten(1) for net in (ours, theirs))
    signs = (filters * records).sum(1).sign()
    torch.testing.assert_close(filters, records * signs[:, None], rtol=1e-2, atol=1e-3)  # theirs are sums in float32
    assert torch.equal(ours.weight[12:], -ours.weight[:12])
    assert not ours.weight.requires_grad and ours.bias is not None and ours.bias.requires_grad


def test_whitened_patches_are_uncorrelated(images: torch.Tensor) -> None:
    """Their second moment is that of lambda / (lambda + eps), by definition."""
    whiten = Whitening(3).double()
    whiten.start_from(images)
    with torch.no_grad():
        out = (whiten(images.double())[:, :12]).transpose(0, 1).flatten(1)
    moment = out @ out.T / out.shape[1]
    patches = nn.functional.unfold(images.double(), 2).transpose(1, 2).flatten(0, 1)
    variances = torch.linalg.svdvals(patches).square() / len(patches)
    torch.testing.assert_close(moment, torch.diag(variances / (variances + EPS)), rtol=1e-6, atol=1e-6)


def test_the_same_images_give_the_same_weights_in_any_order(images: torch.Tensor) -> None:
    one, two = Whitening(3), Whitening(3)
    one.start_from(images)
    two.start_from(images.flip(0).contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(one.weight, two.weight, rtol=1e-5, atol=1e-6)


def test_a_wider_start_of_the_classifier_has_deviation_one() -> None:
    assert airbench94(head="unit").head.weight.std().item() == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [28, 32, 64])
def test_other_images(channels: int, size: int) -> None:
    part = catalog().get("model", "airbench96")
    net = build_model(
        Choice(name=part.name, **part.defaults | {"width": 12}),
        num_classes=7, in_channels=channels, image_size=size, catalog=catalog(),
    )  # fmt: skip
    assert isinstance(net, AirbenchNet)
    images = torch.randn(4, channels, size, size)
    net.start_from(images)
    assert net(images).shape == (4, 7)
