"""The names of Niwenjin/CIFAR-10, against networks laid out as that project lays them out."""

import pytest
import torch
from torch import Tensor, nn

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Choice
from engine.exchange.weights.niwenjin import MODELS, from_niwenjin, to_niwenjin
from engine.models.build import build_model
from tests.engine.models.shapes import on_meta


class TheirBlock(nn.Module):
    """BasicBlock (expansion 1) or BottleNeck (expansion 4)."""

    def __init__(self, cin: int, width: int, stride: int, expansion: int) -> None:
        super().__init__()
        cout = width * expansion
        shapes = [(width, 3, stride), (width, 3, 1)] if expansion == 1 else [(width, 1, 1), (width, 3, stride)]
        shapes += [(cout, 1, 1)] if expansion == 4 else []
        layers: list[nn.Module] = []
        before = cin
        for out, size, by in shapes:
            layers += [nn.Conv2d(before, out, size, by, size // 2, bias=False), nn.BatchNorm2d(out), nn.ReLU()]
            before = out
        self.residual_function = nn.Sequential(*layers[:-1])
        self.shortcut = nn.Sequential()
        if stride != 1 or cin != cout:
            self.shortcut = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x: Tensor) -> Tensor:
        return (self.residual_function(x) + self.shortcut(x)).relu()


class TheirResNet(nn.Module):
    def __init__(self, depths: tuple[int, ...], expansion: int) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU())
        cin = 64
        for stage, depth in enumerate(depths):
            blocks = []
            for i in range(depth):
                blocks.append(TheirBlock(cin, 64 * 2**stage, 2 if stage and not i else 1, expansion))
                cin = 64 * 2**stage * expansion
            setattr(self, f"conv{stage + 2}_x", nn.Sequential(*blocks))
        self.fc = nn.Linear(cin, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv5_x(self.conv4_x(self.conv3_x(self.conv2_x(self.conv1(x)))))
        return self.fc(x.mean((2, 3)))


LAYOUTS = {
    "resnet18": ((2, 2, 2, 2), 1),
    "resnet34": ((3, 4, 6, 3), 1),
    "resnet50": ((3, 4, 6, 3), 4),
    "resnet101": ((3, 4, 23, 3), 4),
    "resnet152": ((3, 8, 36, 3), 4),
}


def test_all_five_networks_are_covered():
    assert set(LAYOUTS) == set(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_names_and_shapes_agree_both_ways(name):
    with on_meta():
        ours = build_model(Choice(name=name), num_classes=10, catalog=catalog()).state_dict()
        theirs = TheirResNet(*LAYOUTS[name]).state_dict()
    renamed = to_niwenjin(ours)
    assert {key: value.shape for key, value in renamed.items()} == {key: v.shape for key, v in theirs.items()}
    assert list(from_niwenjin(renamed)) == list(ours)


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_logits_agree(name):
    torch.manual_seed(0)
    ours = build_model(Choice(name=name), num_classes=10, catalog=catalog()).eval()
    theirs = TheirResNet(*LAYOUTS[name]).eval()
    theirs.load_state_dict(to_niwenjin(ours.state_dict()))
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(theirs(x), ours(x))


def test_another_name_is_refused():
    with pytest.raises(BadInput, match=r"'stages\.0\.0\.norm\.0\.weight' is not the name of a tensor of resnet18"):
        to_niwenjin({"stages.0.0.norm.0.weight": 1})
    with pytest.raises(BadInput, match=r"'layer1\.0\.conv1\.weight'"):
        from_niwenjin({"layer1.0.conv1.weight": 1})
