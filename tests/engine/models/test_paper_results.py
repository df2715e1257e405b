"""What the catalog says that papers report on CIFAR-10, against lists of others."""

import pytest

from engine.contract.recipe.catalog import catalog

# Test errors in percent "in the paper": akamaster/pytorch_resnet_cifar10 10675c4, hysts/pytorch_image_classification
# 01bf0ed, szagoruyko/wide-residual-networks 062a793 and jhkim89/PyramidNet 1c5c452.
ERRORS = {
    "resnet20": "8.75",
    "resnet32": "7.51",
    "resnet44": "7.17",
    "resnet56": "6.97",
    "resnet110": "6.43",
    "wrn_28_10": "4.00",
    "wrn_40_10": "3.8",
    "densenet_bc_190_k40": "3.46",
    "pyramidnet110_a270": "3.73",
    "pyramidnet164_a270": "3.48",
    "pyramidnet272_a200": "3.31",
    "resnext29_8x64d": "3.65",
    "resnext29_16x64d": "3.58",
    "shake_resnet26_2x32d": "3.55",
    "shake_resnet26_2x64d": "2.98",
    "shake_resnet26_2x96d": "2.86",
}
# Test accuracies in SHI-Labs/Compact-Transformers 0d60cdd and, for 300 and 5000 epochs, 77450c7.
ACCURACIES = {
    "cct_2_3x2_32": "89.17",
    "cct_4_3x2_32": "91.45",
    "cct_6_3x2_32": "93.56",
    "cct_7_3x2_32": "93.83",
    "cct_7_3x1_32": "96.53",
    "cct_7_3x1_32_sine": "98.00",
}


def told() -> dict[str, str]:
    parts = catalog().parts("model")
    return {part.name: part.meta["paper_result"] for part in parts if "paper_result" in part.meta}


def test_every_result_is_one_of_these() -> None:
    assert told().keys() == ERRORS.keys() | ACCURACIES.keys()


@pytest.mark.parametrize(("name", "error"), ERRORS.items())
def test_an_error_is_told_as_an_accuracy(name: str, error: str) -> None:
    digits = len(error.partition(".")[2])
    assert told()[name].startswith(f"{100 - float(error):.{digits}f} ")


@pytest.mark.parametrize(("name", "accuracy"), ACCURACIES.items())
def test_an_accuracy_is_told_as_it_is(name: str, accuracy: str) -> None:
    assert told()[name].startswith(f"{accuracy} %")
