"""Parameters of the convolutional zoo against counts that others published: none was read off our own builds.

A count is exact, or a rounded one of a paper as text ("26.2M"). Where we differ from the source on purpose, the
difference is written out. SEED is pprp/pytorch-cifar-tricks a85b050, built and counted as it stands; many of its files come
from kuangliu/pytorch-cifar and weiaicunzai/pytorch-cifar100. Everything is at 10 classes on three channels.
"""

import pytest

from engine.contract.recipe.catalog import catalog
from tests.engine.models.shapes import on_meta

CONV_BIASES = {18: 4_800, 34: 8_512, 50: 26_560, 101: 52_672, 152: 75_712}  # in SEED's SE-ResNets, under batch norms
WIDER_STEM = 64 * 3 * (3**2 - 1)  # a 3x3 stem for SEED's 1x1

PUBLISHED: dict[str, tuple[int | str, str]] = {
    # chenyaofo/pytorch-cifar-models, whose resnet20 has the same projections
    "resnet32": ("0.47M", "chenyaofo/pytorch-cifar-models"),
    "resnet44": ("0.66M", "chenyaofo/pytorch-cifar-models"),
    "resnet56": ("0.86M", "chenyaofo/pytorch-cifar-models"),
    "resnet110": (1_727_962 + 2_752, "akamaster/pytorch_resnet_cifar10, option A, and two projections"),
    "resnet20_seed": (272_474, "SEED"),
    "preact_resnet18": (11_171_146 + 2 * 512, "SEED and the last norm"),
    "preact_resnet34": (21_279_306 + 2 * 512, "SEED and the last norm"),
    "preact_resnet50": (23_509_066 + 2 * 2048, "SEED and the last norm"),
    "preact_resnet101": (42_501_194 + 2 * 2048, "SEED and the last norm"),
    "preact_resnet152": (58_144_842 + 2 * 2048, "SEED and the last norm"),
    "preact_resnet18_seed": (11_171_146, "SEED"),
    "wrn_16_4": ("2.7M", "the paper"),
    "wrn_28_10": (36_479_194, "SEED's first commits; the paper says 36.5M"),
    "wrn_40_2": ("2.2M", "the paper"),
    "wrn_40_10": (55_856_330 - 14_576, "SEED without biases on its convolutions"),
    "vgg11": (9_231_114, "SEED"),
    "vgg13": (9_416_010, "SEED"),
    "vgg16": (14_728_266, "SEED"),
    "vgg19": (20_040_522, "SEED"),
    "resnext29_2x64d": (9_128_778 + WIDER_STEM, "SEED"),
    "resnext29_2x64d_seed": (9_128_778, "SEED"),
    "resnext29_8x64d": (34_949_406 - 522_708, "SEED's CBAM net without CBAM; the paper says 34.4M"),
    "resnext29_16x64d": (68_155_210, "SEED; the paper says 68.1M"),
    "resnext29_32x4d": (4_774_218 + WIDER_STEM, "SEED"),
    "resnext29_16x8d": (5_066_058, "SEED"),
    "resnext29_16x16d": (10_595_146, "SEED"),
    "resnext29_16x32d": (25_136_970, "SEED"),
    "densenet": (1_000_618, "SEED"),
    "densenet121": (6_956_298, "kuangliu/pytorch-cifar"),
    "densenet_bc_100_k12": (769_162, "gpleiss/efficient_densenet_pytorch; the paper says 0.8M"),
    "densenet_bc_190_k40": ("25.6M", "the paper, table 2"),
    "senet18": (11_260_354, "SEED"),
    "seresnet18": (11_267_842 - CONV_BIASES[18], "SEED without biases on its convolutions"),
    "seresnet34": (21_451_830 - CONV_BIASES[34], "SEED without biases on its convolutions"),
    "seresnet50": (26_078_394 - CONV_BIASES[50], "SEED without biases on its convolutions"),
    "seresnet101": (47_343_354 - CONV_BIASES[101], "SEED without biases on its convolutions"),
    "seresnet152": (64_861_370 - CONV_BIASES[152], "SEED without biases on its convolutions"),
    "stochastic_depth_resnet18": (11_173_962, "kuangliu/pytorch-cifar's ResNet18"),
    "stochastic_depth_resnet34": (21_282_122, "kuangliu/pytorch-cifar's ResNet34"),
    "stochastic_depth_resnet50": (23_520_842, "kuangliu/pytorch-cifar's ResNet50"),
    "stochastic_depth_resnet101": (42_512_970, "kuangliu/pytorch-cifar's ResNet101"),
    "stochastic_depth_resnet152": (58_156_618, "kuangliu/pytorch-cifar's ResNet152"),
    "stochastic_depth_resnet110": ("1.7M", "He et al. 2015, table 6: ResNet-110"),
    "stochastic_depth_resnet18_seed": (11_178_762, "SEED"),
    "shake_resnet26_2x32d": (2_989_034 - 63 * 32**2 - 42 * 32 - 16, "SEED without what it never uses"),
    "shake_resnet26_2x64d": (11_914_730 - 63 * 64**2 - 42 * 64 - 16, "SEED without what it never uses"),
    "shake_resnet26_2x32d_seed": (2_989_034 - 63 * 32**2 - 42 * 32 - 16, "SEED without what it never uses"),
    "shake_resnet26_2x64d_seed": (11_914_730 - 63 * 64**2 - 42 * 64 - 16, "SEED without what it never uses"),
    "shake_resnet26_2x96d": ("26.2M", "the paper"),
    "pyramidnet164_a270": (27_216_021, "SEED's first commits"),
    "pyramidnet164_a270_shakedrop": (27_216_021, "SEED's first commits"),
    "pyramidnet272_a200": (26_210_842, "SEED's first commits"),
    "pyramidnet272_a200_shakedrop": (26_210_842, "SEED's first commits"),
    "resnet9": (6_573_130 - 10, "the count of its usual copies, without a bias in the classifier"),
    "resnet_dawn": (5_205_066, "SEED"),
    "mobilenet": (3_217_226, "SEED"),
    "mobilenet_v2": (3_504_872 - 990 * 1281, "torchvision"),
    "mobilenet_v2_seed": (2_296_922, "SEED"),
    "mobilenet_v3_small": (2_542_856 - 990 * 1025, "torchvision"),
    "mobilenet_v3_large": (5_483_032 - 990 * 1281, "torchvision"),
    "shufflenet_g2": (887_582 + 24 * 3 * 8, "SEED, with a 3x3 stem for its 1x1"),
    "shufflenet_g3": (862_768 + 24 * 3 * 8, "SEED, with a 3x3 stem for its 1x1"),
    "shufflenet_v2_x0_5": (352_042, "SEED"),
    "shufflenet_v2_x1": (1_263_854, "SEED"),
    "shufflenet_v2_x1_5": (2_488_874, "SEED"),
    "shufflenet_v2_x2": (7_393_996 - 990 * 2049, "torchvision"),
    "squeezenet": (734_986, "SEED"),
    "squeezenet_seed": (734_986, "SEED"),
    "regnet_x_200mf": (2_684_792 - 990 * 369, "timm's regnetx_002"),
    "regnet_x_200mf_seed": (2_321_946, "SEED"),
    "regnet_x_400mf": (5_157_512 - 990 * 385 - 32 * 34, "timm's regnetx_004 without its first projection"),
    "regnet_y_400mf": (4_344_144 - 990 * 441, "timm's regnety_004"),
    "efficientnet_b0": (5_288_548 - 990 * 1281, "torchvision"),
    "efficientnet_b0_seed": (3_599_686 - 32 * 34, "SEED without a first expansion that it never uses"),
    "googlenet": (6_166_250, "SEED"),
    "dla": (15_742_104 - 990 * 513 - 16 * 3 * 40, "timm's dla34, with a 3x3 stem for its 7x7"),
    "dla_seed": (16_291_386, "SEED"),
    "dpn92": (37_668_392 - 990 * 2689 - 64 * 3 * 40, "timm's dpn92, with a 3x3 stem for its 7x7"),
    "dpn26_seed": (11_574_842, "SEED"),
    "inception_v3": (27_161_264 - 3_326_696 - 990 * 2049, "torchvision without its auxiliary classifier"),
    "inception_v3_seed": (22_133_738, "SEED"),
    "inception_v4": (41_158_186, "SEED"),
    "inception_v4_seed": (41_158_186, "SEED"),
    "inception_resnet_v2": (55_843_464 - 990 * 1537, "timm"),
    "inception_resnet_v2_seed": (65_257_662, "SEED"),
    "xception": (22_855_952 - 990 * 2049, "timm's legacy_xception"),
    "nasnet": ("3.3M", "the paper, table 1"),
    "pnasnet_a": (130_646, "SEED"),
    "pnasnet_b": (451_626, "SEED"),
    "pnasnet_5": ("3.2M", "the paper"),
    "ge_resnext29_8x64d": (36_329_802, "SEED"),
    "ge_resnext29_16x64d": (70_058_314, "SEED"),
    "sk_resnext29_16x32d": (27_877_578 - 64_128, "SEED without biases and a second norm, with one in the bottleneck"),
    "sk_resnext29_16x64d": (78_649_834 - 128_352, "SEED without biases and a second norm, with one in the bottleneck"),
    "cbam_resnext29_8x64d": (34_949_406, "SEED"),
    "cbam_resnext29_16x8d": (5_588_766, "SEED"),
    "cbam_resnext29_16x16d": (11_117_854, "SEED"),
    "cbam_resnext29_16x32d": (25_659_678, "SEED"),
    "cbam_resnext29_16x64d": (68_677_918, "SEED"),
    **{
        f"spp_d11_p{kind}": (count, "SEED")
        for kind, count in zip("nabcd", (1_912_138, *[3_981_898] * 3, 5_358_154), strict=True)
    },
    **{
        f"spp_d20_p{kind}": (count, "SEED")
        for kind, count in zip("nabcd", (3_489_098, *[7_628_618] * 3, 10_381_130), strict=True)
    },
    **{
        f"spp_d29_p{kind}": (count, "SEED")
        for kind, count in zip("nabcd", (5_066_058, *[11_275_338] * 3, 15_404_106), strict=True)
    },
    "rir": (10_293_634 - 345_900 - 450_550 - 8_064 + 3_850, "SEED without its head and biases, with a linear one"),
    "rir_seed": (10_293_634 - 90 * 451 - 8_064, "SEED with 10 outputs, without biases under norms"),
    "toynet": (60_648_394, "SEED"),
    "autorf_resnet20_attention": (509_090, "SEED"),
    "autorf_resnet20_attention_searched": (416_735, "SEED"),
    "autorf_resnet20_attention_searched_2": (371_930, "SEED"),
    "autorf_resnet20_attention_searched_3": (371_930, "SEED"),
    "autorf_resnet20_spp1": (358_490, "SEED"),
}


@pytest.mark.parametrize(("name", "published"), PUBLISHED.items(), ids=PUBLISHED)
def test_the_mark_is_what_others_counted(name: str, published: tuple[int | str, str]) -> None:
    mark, (count, source) = catalog().get("model", name).meta["params"], published
    if isinstance(count, int):
        assert mark == count, source
    else:
        digits = len(count.partition(".")[2]) - 1
        assert f"{mark / 1e6:.{digits}f}M" == count, source


@pytest.mark.parametrize(("number", "megas"), [(20, 40.81), (32, 69.12), (44, 97.44), (56, 125.75)])
def test_multiply_adds_are_what_others_counted(number: int, megas: float) -> None:
    """chenyaofo/pytorch-cifar-models lists them in millions."""
    assert catalog().get("model", f"resnet{number}").meta["gmacs"] * 1000 == pytest.approx(megas, rel=1e-3)


@pytest.mark.parametrize(("name", "count"), [("attention56", 31_810_728), ("attention92", 52_466_344)])
def test_attention_nets_have_the_counts_of_the_released_definitions(name: str, count: int) -> None:
    """At 1000 classes with a 7x7 stem: Attention-92 of fwang91/residual-attention-network a80220a counted layer by layer,
    and Attention-56 as what is left of it with one module a stage."""
    part = catalog().get("model", name)
    with on_meta():
        model = catalog().load(part)(1000)
    assert sum(p.numel() for p in model.parameters()) + 64 * 3 * (7**2 - 3**2) == count


def test_attention56_has_the_papers_count_with_the_statistics_of_its_norms() -> None:
    with on_meta():
        model = catalog().load(catalog().get("model", "attention56"))(1000)
    held = [*model.parameters(), *(b for name, b in model.named_buffers() if "running" in name)]
    assert f"{(sum(t.numel() for t in held) + 64 * 3 * (7**2 - 3**2)) / 1e6:.1f}M" == "31.9M"


@pytest.mark.parametrize(
    ("name", "megas"), [("pyramidnet110_a270", 28.3), ("pyramidnet164_a270", 27.0), ("pyramidnet272_a200", 26.0)]
)
def test_pyramidnets_come_near_the_papers_counts(name: str, megas: float) -> None:
    """All three of its counts lie a little below those of its code."""
    assert catalog().get("model", name).meta["params"] / 1e6 == pytest.approx(megas, rel=0.01)
