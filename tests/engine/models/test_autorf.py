"""Searched cells: nodes are sums over edges, and each operation is what its name says."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.autorf import (
    ATTENTION,
    ATTENTION_SEARCHED,
    ATTENTION_SEARCHED_2,
    ATTENTION_SEARCHED_3,
    OPERATIONS,
    SPP1,
    Cell,
    Graph,
)

GRAPHS = (ATTENTION, ATTENTION_SEARCHED, ATTENTION_SEARCHED_2, ATTENTION_SEARCHED_3, SPP1)
SHRUNK = 1 / (1 + 1e-5) ** 0.5  # what a batch norm does before it has seen anything


def made(name: str) -> nn.Module:
    torch.manual_seed(0)
    return OPERATIONS[name](8).eval()


def summary(x: Tensor) -> Tensor:
    return torch.stack((x.mean(1), x.amax(1)), 1)


@pytest.mark.parametrize("graph", GRAPHS)
def test_every_node_reads_earlier_ones_and_reaches_the_output(graph: Graph) -> None:
    for number, node in enumerate(graph, 1):
        assert len(node) == number or number == 1
        assert all(source < number for _, source in node)
    cell, x = Cell(16, graph), torch.randn(2, 16, 8, 8)
    cell(x).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in cell.parameters())


def test_a_node_is_the_sum_of_its_operations_and_the_last_three_are_fused() -> None:
    graph = (
        (("max_3", 0),),
        (("separable", 0), ("skip", 1)),
        (("skip", 0), ("skip", 1), ("channels", 2)),
        (("skip", 0), ("skip", 1), ("skip", 2), ("skip", 3)),
    )
    torch.manual_seed(0)
    cell, x = Cell(8, graph).eval(), torch.randn(2, 8, 6, 6)
    with torch.no_grad():
        one = cell.nodes[0][0](x)
        two = cell.nodes[1][0](x) + one
        three = x + one + cell.nodes[2][2](two)
        four = x + one + two + three
        torch.testing.assert_close(cell(x), cell.fuse(torch.cat((two, three, four), 1)) + x)


@pytest.mark.parametrize(("name", "size"), [("max_3", 3), ("max_5", 5)])
def test_a_max_pool_keeps_the_size_of_the_map(name: str, size: int) -> None:
    module, x = made(name), torch.randn(2, 8, 7, 7)
    with torch.no_grad():
        pooled = F.max_pool2d(x, size, 1, size // 2)
        want = F.conv2d(pooled, module[1].weight, padding=1, groups=2) * SHRUNK
        torch.testing.assert_close(module(x), want)


def test_separable_gates_are_two_separable_convolutions() -> None:
    module, x = made("separable"), torch.randn(2, 8, 7, 7)
    with torch.no_grad():
        spread, mix, _, _, spread_again, mix_again, _ = module.body
        y = F.conv2d(F.conv2d(x, spread.weight, padding=1, groups=8), mix.weight) * SHRUNK
        y = F.conv2d(F.conv2d(y.relu(), spread_again.weight, padding=1, groups=8), mix_again.weight) * SHRUNK
        torch.testing.assert_close(module(x), x * y.sigmoid())


def test_dilated_gates_read_every_second_pixel() -> None:
    module, x = made("dilated_pixels"), torch.randn(2, 8, 7, 7)
    with torch.no_grad():
        spread, mix, _ = module.body
        wide = torch.zeros(1, 2, 5, 5)
        wide[:, :, ::2, ::2] = spread.weight
        gates = (F.conv2d(summary(x), wide, padding=2) * mix.weight * SHRUNK).sigmoid()
        torch.testing.assert_close(module(x), x * gates)


def test_gates_over_channels_come_from_mean_and_maximum() -> None:
    module, x = made("channels"), torch.randn(2, 8, 7, 7)
    with torch.no_grad():
        down, up = module.body[0].weight[:, :, 0, 0], module.body[2].weight[:, :, 0, 0]
        gates = sum((seen @ down.T).relu() @ up.T for seen in (x.mean((2, 3)), x.amax((2, 3)))).sigmoid()
        assert down.shape == (2, 8)
        torch.testing.assert_close(module(x), x * gates[:, :, None, None])
