"""What timm is said to have, against timm itself."""

import importlib.util
from pathlib import Path

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.timm_names import names, require

timm = pytest.importorskip("timm")


def test_the_names_in_its_source_are_those_that_timm_lists() -> None:
    current, older = names(Path(timm.__file__).parent / "models")
    assert current == set(timm.list_models())
    assert older and all(timm.is_model(name) for name in older)


@pytest.mark.parametrize("name", ["resnet18", "vit_base_patch16_224.augreg_in21k", "vit_tiny_patch16_224_in21k"])
def test_what_timm_answers_to_passes(name: str) -> None:
    assert timm.is_model(name)
    require(name)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="timm has no model 'resnet18x'; did you mean resnet18"):
        require("resnet18x")


def test_without_timm_the_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        BadInput, match=r"timm:resnet10t needs timm, which is not installed: pip install 'cifar-tui\[timm\]'"
    ):
        require("resnet10t")
