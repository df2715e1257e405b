"""Starting weights by recipe: the moments that the papers give, and what is left alone."""

import math

import pytest
import torch
from torch import nn

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.schema import Choice
from engine.models.build import build_model
from engine.models.reinit import reinit

RULES = [rule for param in COMMON["model"] if param.name == "reinit" for rule in param.choices if rule != "off"]


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(16, 64, 3, bias=True), nn.BatchNorm2d(64), nn.Conv2d(64, 64, 3, groups=4), nn.Linear(200, 100)
    )


def drawn(rule: str) -> tuple[nn.Module, nn.Module]:
    """A net before and after."""
    before, after = net(), net()
    nn.init.uniform_(before[1].weight)
    after.load_state_dict(before.state_dict())
    reinit(after, rule)
    return before, after


def fans(weight: torch.Tensor) -> tuple[int, int]:
    receptive = weight[0, 0].numel()
    return weight.shape[1] * receptive, weight.shape[0] * receptive


@pytest.mark.parametrize("layer", [0, 2, 3])
def test_kaiming_is_normal_with_variance_two_over_fan_in(layer: int) -> None:
    weight = drawn("kaiming")[1][layer].weight
    std = math.sqrt(2 / fans(weight)[0])
    assert weight.std().item() == pytest.approx(std, rel=0.05)
    assert weight.abs().max() > 2.5 * std, "not uniform"


@pytest.mark.parametrize("layer", [0, 2, 3])
def test_xavier_is_uniform_within_the_root_of_six_over_the_sum_of_fans(layer: int) -> None:
    weight = drawn("xavier")[1][layer].weight
    bound = math.sqrt(6 / sum(fans(weight)))
    assert 0.98 * bound < weight.abs().max() <= bound
    assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)


@pytest.mark.parametrize("layer", [0, 2, 3])
def test_orthogonal_has_rows_of_length_root_two_at_right_angles(layer: int) -> None:
    rows = drawn("orthogonal")[1][layer].weight.detach().flatten(1)
    torch.testing.assert_close(rows @ rows.T, 2 * torch.eye(len(rows)), rtol=0, atol=1e-5)


def test_dirac_lets_as_many_filters_pass_their_channel_as_there_are_and_leaves_the_rest() -> None:
    before, after = drawn("dirac")
    x = torch.randn(2, 16, 5, 5)
    bias = after[0].bias[:16, None, None]
    torch.testing.assert_close(after[0](x)[:, :16], x[:, :, 1:-1, 1:-1] + bias)
    assert torch.equal(after[0].weight[16:], before[0].weight[16:])
    z = torch.randn(2, 64, 5, 5)
    torch.testing.assert_close(after[2](z), z[:, :, 1:-1, 1:-1] + after[2].bias[:, None, None])
    assert torch.equal(after[3].weight, before[3].weight)


@pytest.mark.parametrize("rule", RULES)
def test_norms_stay_and_biases_become_zero_where_weights_are_drawn(rule: str) -> None:
    before, after = drawn(rule)
    assert torch.equal(after[1].weight, before[1].weight)
    for layer in (0, 2, 3):
        assert torch.equal(
            after[layer].bias, before[layer].bias if rule == "dirac" else torch.zeros_like(before[layer].bias)
        )


@pytest.mark.parametrize("rule", RULES)
def test_a_seed_repeats_the_start_and_another_changes_it(rule: str) -> None:
    def weights(seed: int) -> list[torch.Tensor]:
        torch.manual_seed(seed)
        choice = Choice(name="resnet20", reinit=rule)
        return list(build_model(choice, num_classes=10, catalog=catalog()).parameters())

    first, again, other = weights(0), weights(0), weights(1)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_off_is_the_models_own_start() -> None:
    torch.manual_seed(0)
    plain = build_model(Choice(name="resnet20"), num_classes=10, catalog=catalog())
    torch.manual_seed(0)
    off = build_model(Choice(name="resnet20", reinit="off", ghost_batch=0), num_classes=10, catalog=catalog())
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), off.parameters(), strict=True))
