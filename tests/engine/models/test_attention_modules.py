"""Modules that reweigh maps, and searched cells: against timm's, or against their papers' formulas in plain torch."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from engine.models import pnasnet5
from engine.models.attention import Attention, Hourglass
from engine.models.cbam import CBAM
from engine.models.genet import GatherExcite, ge_resnext29_8x64d
from engine.models.nasnet import NormalCell, ReductionCell
from engine.models.rir import TwoStreams
from engine.models.sknet import SelectiveKernel
from engine.models.spp import SpatialPyramid
from tests.engine.models.shapes import on_meta


class Swapped(nn.Module):
    """timm's cells take the newer map first."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, older: torch.Tensor, newer: torch.Tensor) -> torch.Tensor:
        return self.cell(newer, older)


@pytest.mark.parametrize(("name", "cell"), [("NormalCell", NormalCell), ("ReductionCell0", ReductionCell)])
def test_timm_weights_give_the_same_nasnet_cell(name: str, cell, transplant) -> None:
    nasnet = pytest.importorskip("timm.models.nasnet")
    theirs = Swapped(getattr(nasnet, name)(in_chs_left=12, out_chs_left=8, in_chs_right=10, out_chs_right=8))
    ours = NormalCell(12, 10, 8, halve=False) if cell is NormalCell else ReductionCell(12, 10, 8)
    transplant(ours, theirs, torch.randn(2, 12, 9, 9), torch.randn(2, 10, 9, 9))


@pytest.mark.parametrize(("halve", "stride"), [(False, 1), (True, 1), (False, 2)])
def test_timm_weights_give_the_same_pnasnet_cell(halve: bool, stride: int, transplant) -> None:
    timms = pytest.importorskip("timm.models.pnasnet")
    theirs = timms.Cell(12, 8, 10, 8, is_reduction=stride == 2, match_prev_layer_dims=halve)
    older = torch.randn(2, 12, 18, 18) if halve else torch.randn(2, 12, 9, 9)
    transplant(pnasnet5.Cell(12, 10, 8, stride, halve=halve), theirs, older, torch.randn(2, 10, 9, 9))


def test_timm_weights_give_the_same_cbam(transplant) -> None:
    cbam = pytest.importorskip("timm.layers.cbam")
    transplant(CBAM(32), cbam.CbamModule(32, mlp_bias=True), torch.randn(2, 32, 7, 7))


def test_timm_weights_choose_the_same_kernels(transplant) -> None:
    timms = pytest.importorskip("timm.layers.selective_kernel")

    class Theirs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.paths = SelectiveKernel(64, 2, 4).paths
            self.attn = timms.SelectiveKernelAttn(64, 2, 32)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            paths = torch.stack([path(x) for path in self.paths], 1)
            return (paths * self.attn(paths)).sum(1)

    transplant(SelectiveKernel(64, 2, 4), Theirs(), torch.randn(3, 64, 8, 8))


def test_gather_excite_weighs_the_whole_map() -> None:
    torch.manual_seed(0)
    module, x = GatherExcite(32, 6).eval(), torch.randn(2, 32, 6, 6)
    with torch.no_grad():
        gathered = (x * module.gather[0].weight[:, 0]).sum((2, 3)) / (1 + 1e-5) ** 0.5
        down, up = module.excite[0].weight[:, :, 0, 0], module.excite[2].weight[:, :, 0, 0]
        gates = ((gathered @ down.T).relu() @ up.T).sigmoid()
        torch.testing.assert_close(module(x), x * gates[:, :, None, None])


def test_gathers_are_as_large_as_the_maps_of_their_stages() -> None:
    with on_meta():
        model = ge_resnext29_8x64d(image_size=36)
        assert model(torch.zeros(2, 3, 36, 36)).shape == (2, 10)
    sides = [stage[0].body[-1].gather[0].kernel_size[0] for stage in model.stages]
    assert sides == [36, 18, 9]


def test_a_pyramid_puts_its_pools_beside_the_halved_channels() -> None:
    torch.manual_seed(0)
    module, x = SpatialPyramid(8, (3, 5)).eval(), torch.randn(2, 8, 6, 6)
    with torch.no_grad():
        half = module.down(x)
        wide = torch.cat((half, F.max_pool2d(half, 3, 1, 1), F.max_pool2d(half, 5, 1, 2)), 1)
        assert half.shape == (2, 4, 6, 6)
        torch.testing.assert_close(module(x), module.up(wide))


def test_one_convolution_over_both_streams_is_the_papers_four() -> None:
    torch.manual_seed(0)
    layer, x = TwoStreams(4, 6, 2).eval(), torch.randn(2, 8, 7, 7)
    weight = layer.conv.weight
    residual, transient = x[:, :4], x[:, 4:]

    def conv(x: torch.Tensor, made: slice, read: slice) -> torch.Tensor:
        return F.conv2d(x, weight[made, read], stride=2, padding=1)

    with torch.no_grad():
        made = conv(residual, slice(0, 6), slice(0, 4)) + conv(transient, slice(0, 6), slice(4, 8))
        made = made + layer.shortcut(residual)
        passed = conv(residual, slice(6, 12), slice(0, 4)) + conv(transient, slice(6, 12), slice(4, 8))
        want = torch.cat((made, passed), 1).relu() / (1 + 1e-5) ** 0.5
        torch.testing.assert_close(layer(x), want)


def test_an_attention_module_scales_its_trunk_by_one_to_two() -> None:
    torch.manual_seed(0)
    module, x = Attention(16, 2).eval(), torch.randn(2, 16, 9, 9)
    with torch.no_grad():
        entered = module.enter(x)
        mask = module.mask(entered)
        assert mask.shape == x.shape and mask.min() >= 0 and mask.max() <= 1
        torch.testing.assert_close(module(x), module.leave(module.trunk(entered) * (1 + mask)))


def test_an_hourglass_goes_down_and_comes_back_to_any_size() -> None:
    glass = Hourglass(8, 3)
    sizes: list[int] = []
    for module in glass.modules():
        if isinstance(module, nn.MaxPool2d):
            module.register_forward_hook(lambda *call: sizes.append(call[2].shape[-1]))
    assert glass(torch.randn(2, 8, 21, 21)).shape == (2, 8, 21, 21)
    assert sizes == [11, 6, 3]
