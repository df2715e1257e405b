"""PyramidNet's widths and shortcuts; ShakeDrop's three cases."""

import pytest
import torch
from torch import nn

from engine.models.pyramidnet import (
    PyramidNet,
    ShakeDrop,
    basic,
    bottleneck,
    pyramidnet110_a270,
    pyramidnet164_a270,
    pyramidnet272_a200,
    pyramidnet272_a200_shakedrop,
)
from tests.engine.models.shapes import on_meta


@pytest.mark.parametrize(
    ("build", "blocks", "last"),
    [(pyramidnet110_a270, 54, 286), (pyramidnet164_a270, 54, 4 * 286), (pyramidnet272_a200, 90, 4 * 216)],
)
def test_widths_grow_by_the_same_amount_from_block_to_block(build, blocks: int, last: int) -> None:
    with on_meta():
        model = build()
    widths = [block.cout for block in model.blocks]
    factor = last // (216 if blocks == 90 else 286)
    step = (last / factor - 16) / blocks
    assert len(widths) == blocks and widths[-1] == last
    assert all(abs(width / factor - 16 - step * k) <= 0.5 for k, width in enumerate(widths, 1))


def test_the_shortcut_is_pooled_and_filled_up_with_zeros() -> None:
    torch.manual_seed(0)
    block, x = basic(4, 6, 2), torch.randn(2, 4, 7, 7)
    nn.init.zeros_(block.body[-1][-1].weight)
    y = block(x)
    assert y.shape == (2, 6, 4, 4)
    torch.testing.assert_close(y[:, :4], nn.functional.avg_pool2d(x, 2, ceil_mode=True))
    assert not y[:, 4:].any()


@pytest.mark.parametrize("stride", [1, 2])
def test_gradients_are_those_of_a_padded_sum(stride: int) -> None:
    torch.manual_seed(0)
    block, x = bottleneck(8, 3, stride).double(), torch.randn(2, 8, 6, 6, dtype=torch.float64, requires_grad=True)
    weight = next(block.parameters())
    shortcut = nn.functional.avg_pool2d(x, stride)
    sums = block(x), block.body(x) + nn.functional.pad(shortcut, (0, 0, 0, 0, 0, 4))
    torch.testing.assert_close(*sums)
    pull = torch.randn_like(sums[0])
    got, want = (torch.autograd.grad(y, (x, weight), pull) for y in sums)
    torch.testing.assert_close(got, want)


def test_shakedrop_passes_or_scales_forward_and_backward_apart() -> None:
    torch.manual_seed(0)
    gate, passed, there, back = ShakeDrop(0.6), 0, [], []
    for _ in range(1500):
        x = torch.ones(3, 2, 2, 2, requires_grad=True)
        y = gate(x)
        y.sum().backward()
        if torch.equal(y, x):
            assert torch.equal(x.grad, torch.ones_like(x))
            passed += 1
            continue
        for scaled, found in ((y.detach(), there), (x.grad, back)):
            assert (scaled == scaled[:, :1, :1, :1]).all()  # one factor an image
            found.append(scaled[:, 0, 0, 0])
    assert passed / 1500 == pytest.approx(0.6, abs=0.04)
    there, back = torch.cat(there), torch.cat(back)
    for found, low, high in ((there, -1, 1), (back, 0, 1)):
        assert low <= found.min() < low + 0.05 and high - 0.05 < found.max() <= high
        assert found.mean().item() == pytest.approx((low + high) / 2, abs=0.05)
    assert abs(torch.corrcoef(torch.stack((there, back)))[0, 1]) < 0.1


def test_shakedrop_evaluates_to_its_expectation() -> None:
    torch.manual_seed(0)
    gate, x = ShakeDrop(0.6), torch.ones(64, 1, 1, 1)
    seen = torch.stack([gate(x).mean() for _ in range(4000)]).mean().item()
    want = gate.eval()(x)
    assert torch.equal(want, x * 0.6)
    assert seen == pytest.approx(0.6, abs=0.03)


def test_survival_falls_linearly_to_one_half() -> None:
    with on_meta():
        model = pyramidnet272_a200_shakedrop()
    found = [m.survival for m in model.modules() if isinstance(m, ShakeDrop)]
    assert found == pytest.approx([1 - k / 90 * 0.5 for k in range(1, 91)])


def test_without_shakedrop_there_is_no_gate() -> None:
    assert not any(isinstance(m, ShakeDrop) for m in PyramidNet("basic", 20, 12, 10).modules())


def test_shakedrop_is_captured_whole_by_the_compiler() -> None:
    torch.compiler.reset()
    gate = torch.compile(ShakeDrop(0.5), fullgraph=True, backend="aot_eager")
    x = torch.ones(4, 2, 3, 3, requires_grad=True)
    gate(x).sum().backward()
    assert x.grad is not None and x.grad.min() >= 0 and x.grad.max() <= 1
