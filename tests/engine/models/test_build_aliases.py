"""The names of pprp/pytorch-cifar-tricks, of its registry and of its README's tables, find their nets here."""

import pytest

from engine.contract.recipe.catalog import catalog

# Its registry at a85b050; names that are ours as well stand for themselves.
REGISTRY = """
    botnet cct_2_3x2_32 cct_2_3x2_32_sine cct_4_3x2_32 cct_4_3x2_32_sine cct_6_3x1_32 cct_6_3x1_32_sine cct_6_3x2_32
    cct_6_3x2_32_sine cct_7_3x1_32 cct_7_3x1_32_sine cct_7_3x1_32_c100 cct_7_3x1_32_sine_c100 cct_7_3x2_32
    cct_7_3x2_32_sine cct_7_7x2_224 cct_7_7x2_224_sine cct_14_7x2_224 cct_14_7x2_384 cct_14_7x2_384_fl ceit_32 coatnet_0
    coatnet_1 coatnet_2 coatnet_3 coatnet_4 convit_tiny convit_small convit_base cvt mobilevit_xxs mobilevit_xs
    mobilevit_s poolformer_s12 poolformer_s24 poolformer_s36 swin_t swin_s swin_b swin_l vit
    attention56 attention92 cbam_resnext29_8x64d cbam_resnext29_16x64d convnext_tiny convnext_small convnext_base
    convnext_large convnext_xlarge densenet_cifar dla DPN26 DPN92 EfficientNetB0
    ge_resnext29_8x64d ge_resnext29_16x64d googlenet inceptionv3 inceptionv4 inception_resnet_v2 lenet mobilenet
    mobilenetv2 nasnet pnasneta pnasnetb PreActResNet18 PreActResNet34 PreActResNet50 PreActResNet101 PreActResNet152
    RegNetX_200MF RegNetX_400MF RegNetY_400MF ResNet18 ResNet34 ResNet50 ResNet101 ResNet152 resnet20 ResNeXt29_2x64d
    ResNeXt29_4x64d ResNeXt29_8x64d ResNeXt29_32x4d rir seresnet18 seresnet34 seresnet50 seresnet101 seresnet152
    shake_resnet26_2x32d shake_resnet26_2x64d ShuffleNetG2 ShuffleNetG3 shufflenetv2 sk_resnext29_16x32d
    sk_resnext29_16x64d squeezenet stochastic_depth_resnet18 stochastic_depth_resnet34 stochastic_depth_resnet50
    stochastic_depth_resnet101 stochastic_depth_resnet152 vgg11 xception ToyNet_S
"""

# Further names of its first factory (model/__init__.py at 065f86c), and of nets that it never registered.
OTHERS = """
    wideresnet densenet senet shufflenet resnet18 resnet34 resnet50 efficientnetb0 pnasnet preact_resnet regnet resnext
    vgg dpn toynet pyramidnet272 pyramidnet164 vision_transformer cct_2 cct_4 dawnnet resnet_dawn senet18_cifar
    van_tiny van_small van_base van_large poolformer_m36 poolformer_m48 vgg13 vgg16 vgg19
    spp_d11_pN spp_d11_pA spp_d11_pB spp_d11_pC spp_d11_pD spp_d20_pN spp_d20_pA spp_d20_pB spp_d20_pC spp_d20_pD
    spp_d29_pN spp_d29_pA spp_d29_pB spp_d29_pC spp_d29_pD
    norm_resnext29_16x8d norm_resnext29_16x16d norm_resnext29_16x32d norm_resnext29_16x64d
    cbam_resnext29_16x8d cbam_resnext29_16x16d cbam_resnext29_16x32d
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


def test_the_whole_registry_is_listed() -> None:
    assert len(set(REGISTRY.split())) == 107


@pytest.mark.parametrize("name", (REGISTRY + OTHERS).split())
def test_a_name_of_the_project_is_known(name: str) -> None:
    assert catalog().get("model", name).kind == "model"


@pytest.mark.parametrize(("name", "ours"), TABLES.items())
def test_a_row_of_the_tables_names_the_net_that_made_it(name: str, ours: str) -> None:
    assert catalog().get("model", name).name == ours
