"""The names of pprp/pytorch-cifar-tricks, of its registry and of its README's tables, find their nets here."""

import pytest

from engine.contract.catalog import catalog

# Its registry at a85b050 (convolutional nets); names that are ours as well stand for themselves.
REGISTRY = """
    attention56 attention92 cbam_resnext29_8x64d cbam_resnext29_16x64d densenet_cifar dla DPN26 DPN92 EfficientNetB0
    ge_resnext29_8x64d ge_resnext29_16x64d googlenet inceptionv3 inceptionv4 inception_resnet_v2 lenet mobilenet
    mobilenetv2 nasnet pnasneta pnasnetb PreActResNet18 PreActResNet34 PreActResNet50 PreActResNet101 PreActResNet152
    RegNetX_200MF RegNetX_400MF RegNetY_400MF ResNet18 ResNet34 ResNet50 ResNet101 ResNet152 resnet20 ResNeXt29_2x64d
    ResNeXt29_4x64d ResNeXt29_8x64d ResNeXt29_32x4d rir seresnet18 seresnet34 seresnet50 seresnet101 seresnet152
    shake_resnet26_2x32d shake_resnet26_2x64d ShuffleNetG2 ShuffleNetG3 shufflenetv2 sk_resnext29_16x32d
    sk_resnext29_16x64d squeezenet stochastic_depth_resnet18 stochastic_depth_resnet34 stochastic_depth_resnet50
    stochastic_depth_resnet101 stochastic_depth_resnet152 vgg11 xception ToyNet_S
"""

# The rows of its tables: the net that made the row, in the source's own form where that is weaker than the paper's.
TABLES = {
    "wideresnet": "wrn_28_10",
    "lenet": "lenet",
    "senet": "senet18",
    "vgg": "vgg11",
    "shufflenet": "shufflenet_g2",
    "toynet": "toynet",
    "pyramidnet164": "pyramidnet164_a270_shakedrop",
    "pyramidnet272": "pyramidnet272_a200_shakedrop",
    "preact_resnet": "preact_resnet18_seed",
    "resnext": "resnext29_2x64d_seed",
    "regnet": "regnet_x_200mf_seed",
    "mobilenetv2": "mobilenet_v2_seed",
    "efficientnetb0": "efficientnet_b0_seed",
    "inceptionv3": "inception_v3_seed",
    "dpn": "dpn26_seed",
    "pnasnet": "pnasnet_b",
    "dawnnet": "resnet_dawn",
    "norm_resnext29_16x8d": "resnext29_16x8d",
    "spp_d11_pD": "spp_d11_pd",
}


@pytest.mark.parametrize("name", REGISTRY.split())
def test_a_name_of_the_registry_is_known(name: str) -> None:
    assert catalog().get("model", name).kind == "model"


@pytest.mark.parametrize(("name", "ours"), TABLES.items())
def test_a_row_of_the_tables_names_the_net_that_made_it(name: str, ours: str) -> None:
    assert catalog().get("model", name).name == ours
