"""Models that stay too large for a CPU's minute without their repeated blocks, or have no two of a kind: the same classes
at smaller figures, for ten classes on three channels."""

from collections.abc import Callable

from torch import nn

from engine.models import inception_seed as seed
from engine.models.cbam import CBAM
from engine.models.cct import CCT, CCT14
from engine.models.coatnet import CoAtNet, Size
from engine.models.convnext import ConvNeXt
from engine.models.densenet import DenseNet
from engine.models.dla import DLA, PrefixedTree
from engine.models.dpn import DPN, DualPath, PostActDualPath
from engine.models.genet import ge_resnext29
from engine.models.inception import (
    Inception,
    chain,
    reduction,
    v3_grid8,
    v3_grid16,
    v3_grid32,
    v4_grid8,
    v4_grid16,
    v4_grid32,
)
from engine.models.inception_resnet import (
    ScaledResidual,
    grid8,
    grid16,
    grid32,
    reduction16,
    reduction32,
)
from engine.models.nasnet import NASNet
from engine.models.pnasnet5 import PNASNet5
from engine.models.pyramidnet import PyramidNet
from engine.models.resnext import resnext29
from engine.models.sknet import sk_resnext29


def inception_v3() -> nn.Module:
    """A module of each grid, behind a stem that strides; so for the other nets with inception modules."""
    features = nn.Sequential(
        chain(3, (32, "3x3", 2), (192, "3x3")),
        v3_grid32(192, 64),
        reduction(288, [(384, "3x3", 2)], [(64, "1x1"), (96, "3x3"), (96, "3x3", 2)]),
        v3_grid16(128),
        reduction(768, [(192, "1x1"), (320, "3x3", 2)], [(192, "1x1"), (192, "1x7"), (192, "7x1"), (192, "3x3", 2)]),
        v3_grid8(1280),
    )
    return Inception(features, 2048, 10, 0.5, "he")


def inception_v3_seed() -> nn.Module:
    features = nn.Sequential(
        chain(3, (32, "3x3", 2), (192, "3x3v")),
        seed.v3_grid30(192, 64),
        seed.reduction(288, [(384, "3x3v", 2)], [(64, "1x1"), (96, "3x3"), (96, "3x3v", 2)], pool=nn.MaxPool2d(3, 2)),
        seed.v3_grid14(128),
        seed.reduction(768, [(192, "1x1"), (320, "3x3v", 2)], [(192, "3x3v", 2)], pool=nn.AvgPool2d(3, 2)),
        seed.v3_grid6(1280),
    )
    return Inception(features, 2048, 10, 0.5, "torch")


def inception_v4() -> nn.Module:
    features = nn.Sequential(
        chain(3, (64, "3x3", 2), (384, "3x3")),
        v4_grid32(),
        reduction(384, [(384, "3x3", 2)], [(192, "1x1"), (224, "3x3"), (256, "3x3", 2)]),
        v4_grid16(),
        reduction(1024, [(192, "1x1"), (192, "3x3", 2)], [(256, "1x1"), (256, "1x7"), (320, "7x1"), (320, "3x3", 2)]),
        v4_grid8(),
    )
    return Inception(features, 1536, 10, 0.2, "he")


def inception_v4_seed() -> nn.Module:
    features = nn.Sequential(
        chain(3, (64, "3x3", 2), (384, "3x3v")),
        seed.v4_grid30(),
        seed.reduction(384, [(192, "1x1"), (256, "3x3v", 2)], [(384, "3x3v", 2)], pool=nn.MaxPool2d(3, 2)),
        seed.v4_grid14(),
        seed.reduction(1024, [(192, "3x3", 2)], [(256, "1x1"), (320, "3x3", 2)], pool=nn.MaxPool2d(3, 2, padding=1)),
        seed.v4_grid7(),
    )
    return Inception(features, 1536, 10, 0.2, "torch")


def inception_resnet_v2() -> nn.Module:
    features = nn.Sequential(
        chain(3, (64, "3x3", 2), (320, "3x3")),
        ScaledResidual(grid32(320), 128, 320, 0.17),
        reduction32(320),
        ScaledResidual(grid16(1088), 384, 1088, 0.1),
        reduction16(1088),
        ScaledResidual(grid8(2080), 448, 2080, 1.0, active=False),
        chain(2080, (1536, "1x1")),
    )
    return Inception(features, 1536, 10, 0.2, "he")


def inception_resnet_v2_seed() -> nn.Module:
    features = nn.Sequential(
        chain(3, (64, "3x3", 2), (384, "3x3v")),
        seed.residual30(384),
        seed.reduction(384, [(256, "1x1"), (384, "3x3v", 2)], [(384, "3x3v", 2)], pool=nn.MaxPool2d(3, 2)),
        seed.residual14(1152),
        seed.reduction(
            1154, [(384, "3x3v", 2)], [(288, "3x3v", 2)], [(256, "1x1"), (320, "3x3v", 2)], pool=nn.MaxPool2d(3, 2)
        ),
        seed.residual6(2146),
    )
    return Inception(features, 2048, 10, 0.2, "torch")


SMALLER: dict[str, Callable[[], nn.Module]] = {
    "cbam_resnext29_16x64d": lambda: resnext29(2, 32, 10, 3, attention=CBAM),
    "cct_14_7x2_384": lambda: CCT(CCT14._replace(layers=1), 7, 2, 10, 3, 32, drop_path=0.0, resize=256),
    "coatnet_3": lambda: CoAtNet(Size((1, 1, 1, 1), (96, 192, 384, 768), 96), 10, 3, 32, drop_path=0.2),
    "coatnet_4": lambda: CoAtNet(Size((1, 1, 1, 1), (96, 192, 384, 768), 96), 10, 3, 32, drop_path=0.2),
    "convnext_large": lambda: ConvNeXt((1, 1, 1, 1), (128, 256, 512, 1024), 10, 3, 1, 0.2),
    "convnext_xlarge": lambda: ConvNeXt((1, 1, 1, 1), (128, 256, 512, 1024), 10, 3, 1, 0.2),
    "densenet121": lambda: DenseNet((3, 6, 6, 4), 32, 10),
    "densenet_bc_190_k40": lambda: DenseNet((4, 4, 4), 40, 10),
    "dpn26": lambda: DPN(DualPath, (1, 1, 1, 1), 10, 3, "he"),
    "dpn26_seed": lambda: DPN(PostActDualPath, (1, 1, 1, 1), 10, 3, "torch"),
    "dpn92": lambda: DPN(DualPath, (1, 1, 1, 1), 10, 3, "he"),
    "dla_seed": lambda: DLA([PrefixedTree(1, cin, 2 * cin, 2) for cin in (32, 64, 128, 256)], 10, 3, "torch"),
    "ge_resnext29_16x64d": lambda: ge_resnext29(1, 10, 3, 32, "he"),
    "inception_resnet_v2": inception_resnet_v2,
    "inception_resnet_v2_seed": inception_resnet_v2_seed,
    "inception_v3": inception_v3,
    "inception_v3_seed": inception_v3_seed,
    "inception_v4": inception_v4,
    "inception_v4_seed": inception_v4_seed,
    "nasnet": lambda: NASNet(1, 32, 10, 3, "he"),
    "pnasnet_5": lambda: PNASNet5(1, 48, 10, 3, "he"),
    "pyramidnet110_a270": lambda: PyramidNet("basic", 20, 84, 10),
    "pyramidnet110_a270_shakedrop": lambda: PyramidNet("basic", 20, 84, 10, survival=0.5),
    "pyramidnet164_a270": lambda: PyramidNet("bottleneck", 29, 48, 10),
    "pyramidnet164_a270_shakedrop": lambda: PyramidNet("bottleneck", 29, 48, 10, survival=0.5),
    "pyramidnet272_a200": lambda: PyramidNet("bottleneck", 38, 48, 10),
    "pyramidnet272_a200_shakedrop": lambda: PyramidNet("bottleneck", 38, 48, 10, survival=0.5),
    "resnext29_16x64d": lambda: resnext29(2, 32, 10, 3),
    "sk_resnext29_16x32d": lambda: sk_resnext29(2, 32, 10, 3, "he"),
    "sk_resnext29_16x64d": lambda: sk_resnext29(2, 32, 10, 3, "he"),
}
