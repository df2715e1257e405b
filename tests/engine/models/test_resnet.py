"""ResNet against torchvision's, and the ways to start it."""

import math

import pytest
import torch
import torchvision
from torch import nn

from engine.models.layers import conv_bn
from engine.models.resnet import BasicBlock, Bottleneck, ResNet, resnet18, resnet20, resnet50
from tests.engine.models.shapes import on_meta

# Parameters of the published builds at 10 classes: pprp/pytorch-cifar-tricks a85b050 and Niwenjin/CIFAR-10 5535706 (the
# latter has the five wide ones), both after kuangliu/pytorch-cifar; counted from those repositories, not from ours.
PUBLISHED = {
    "resnet20": 272_474,
    "resnet18": 11_173_962,
    "resnet34": 21_282_122,
    "resnet50": 23_520_842,
    "resnet101": 42_512_970,
    "resnet152": 58_156_618,
}


@pytest.mark.parametrize(("name", "count"), PUBLISHED.items())
def test_parameters_equal_the_published_builds(name: str, count: int) -> None:
    from engine.models import resnet

    with on_meta():
        model = getattr(resnet, name)()
    assert sum(p.numel() for p in model.parameters()) == count


@pytest.fixture(
    scope="module", params=[(resnet18, torchvision.models.resnet18), (resnet50, torchvision.models.resnet50)]
)
def transplanted(request: pytest.FixtureRequest) -> tuple[nn.Module, nn.Module]:
    """Our net with the weights of torchvision's, and that one with our stem, in fp64."""
    ours, theirs = request.param
    torch.manual_seed(0)
    reference = theirs(num_classes=10)
    reference.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
    reference.maxpool = nn.Identity()
    for module in reference.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean):
                nn.init.normal_(tensor, 0.5, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
    model = ours()
    state, names = reference.state_dict(), list(model.state_dict())
    assert len(state) == len(names)  # both list stem, then body before shortcut, then the classifier
    model.load_state_dict(dict(zip(names, state.values(), strict=True)), strict=True)
    return model.double(), reference.double()


@pytest.mark.parametrize("training", [False, True])
def test_torchvision_weights_give_the_same_logits(transplanted, training: bool) -> None:
    model, reference = transplanted
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(model.train(training)(x), reference.train(training)(x), rtol=1e-9, atol=1e-9)


def test_resnet20_is_the_papers_net_with_projection_shortcuts() -> None:
    model = resnet20()
    convs = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert len([c for c in convs if c.kernel_size == (3, 3)]) + 1 == 20  # the paper counts the classifier
    assert [c.out_channels for c in convs if c.kernel_size == (1, 1)] == [32, 64]
    sizes = [tuple(stage(x).shape[1:]) for stage, x in trace(model)]
    assert sizes == [(16, 32, 32), (32, 16, 16), (64, 8, 8)]


def trace(model: ResNet):
    x = model.stem(torch.zeros(1, 3, 32, 32))
    for stage in model.stages:
        yield stage, x
        x = stage(x)


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_block_is_the_relu_of_body_plus_shortcut(block, stride: int) -> None:
    torch.manual_seed(0)
    made = block(8, 16, stride).double()
    x = torch.randn(2, 8, 6, 6, dtype=torch.float64)
    with torch.no_grad():
        made.eval()
        assert torch.equal(made(x), torch.relu(made.body(x) + made.shortcut(x)))
        assert made(x).shape == (2, made.cout, 6 // stride, 6 // stride)


def test_a_zero_start_makes_every_block_with_identity_shortcut_pass_its_input_on() -> None:
    model = resnet50(zero_init_residual=True)
    x = torch.rand(2, 1024, 4, 4)
    assert torch.equal(model.stages[2][3](x), x)
    assert not torch.equal(resnet50().stages[2][3](x), x)


def test_he_starts_convolutions_with_variance_two_over_fan_out_and_torch_with_a_third_over_fan_in() -> None:
    torch.manual_seed(0)
    widening = [resnet18(init=init).stages[3][0].body[0][0] for init in ("he", "torch")]
    assert [(conv.in_channels, conv.out_channels) for conv in widening] == [(256, 512)] * 2
    he, plain = (conv.weight.std().item() for conv in widening)
    assert he == pytest.approx(math.sqrt(2 / (512 * 9)), rel=0.01)
    assert plain == pytest.approx(math.sqrt(1 / 3 / (256 * 9)), rel=0.01)


def test_conv_bn_keeps_the_size_and_halves_it_at_stride_two() -> None:
    x = torch.zeros(1, 4, 7, 7)
    assert conv_bn(4, 6, 3)(x).shape == (1, 6, 7, 7)
    assert conv_bn(4, 6, 3, stride=2, groups=2)(x).shape == (1, 6, 4, 4)
    assert [name for name, _ in conv_bn(4, 6, 1).named_parameters()] == ["0.weight", "1.weight", "1.bias"]
