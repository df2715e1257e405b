"""SqueezeNet: which of its modules add what they read."""

import pytest
import torch

from engine.models.squeezenet import Fire, squeezenet, squeezenet_seed


@pytest.mark.parametrize(
    ("builder", "bypassed"), [(squeezenet, [3, 5, 7, 9]), (squeezenet_seed, [3, 5, 7])], ids=["paper", "seed"]
)
def test_every_second_module_has_a_bypass_but_for_fire9_of_the_seed(builder, bypassed: list[int]) -> None:
    """A module whose expansion makes zeros passes on what it read, or nothing."""
    model = builder().eval()
    fires = [module for module in model.features if isinstance(module, Fire)]
    found = []
    for number, fire in enumerate(fires, 2):
        x = torch.randn(1, fire.squeeze[0].in_channels, 4, 4)
        for branch in fire.expand:
            torch.nn.init.zeros_(branch[1].weight)  # of the norm
        with torch.no_grad():
            if fire(x).any():
                assert torch.equal(fire(x), x)
                found.append(number)
    assert found == bypassed
