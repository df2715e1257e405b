"""The code in a model card: executed as it stands, it gives the logits of the model that was exported."""

import ast

import pytest
import torch
from torch import Tensor

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Choice
from engine.exchange.weights.niwenjin import to_niwenjin
from engine.exchange.weights.snippets import RESNETS, WIDE_RESNETS, loading, plain
from engine.models.build import build_model

MEAN, STD = [0.5, 0.4, 0.3], [0.2, 0.3, 0.25]


def config(model: str, form: str, options: dict[str, object], names: str = "cifar-tui") -> dict[str, object]:
    return {
        "architecture": model,
        "model_options": options,
        "num_classes": 7,
        "input_size": [3, 32, 32],
        "mean": MEAN,
        "std": STD,
        "file": f"model.{form}",
        "format": form,
        "names": names,
    }


def exported(model: str, options: dict[str, object]) -> torch.nn.Module:
    torch.manual_seed(1)
    made = build_model(Choice.model_validate({"name": model, **options}), num_classes=7, catalog=catalog())
    for name, buffer in made.named_buffers():  # figures of a trained network, so that they matter
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
        elif name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
    return made.eval()


def agree(code: str, images: Tensor, model: torch.nn.Module) -> None:
    """Execute the code and compare its logits with those of `model`."""
    space: dict[str, object] = {"images": images}
    exec(code, space)
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (MEAN, STD))
    with torch.no_grad():
        torch.testing.assert_close(space["logits"], model((images / 255 - mean) / std))


def imported(code: str) -> set[str]:
    """The packages that a piece of code imports."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).partition(".")[0])
    return found


@pytest.mark.parametrize(
    ("model", "options"),
    [("resnet20", {}), ("resnet50", {}), ("wrn_16_4", {"dropout": 0.3}), ("wrn_40_2", {"dropout": 0.0})],
)
def test_resnets_and_wide_resnets_load_in_pure_pytorch(model, options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = exported(model, options)
    torch.save(net.state_dict(), "model.pth")
    code = loading(config(model, "pth", options))
    assert imported(code) == {"torch"}
    agree(code, torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8), net)


def test_other_models_load_with_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = exported("lenet", {})
    torch.save(net.state_dict(), "model.pth")
    agree(loading(config("lenet", "pth", {})), torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8), net)


def test_niwenjins_names_are_translated(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = exported("resnet18", {})
    torch.save(to_niwenjin(net.state_dict()), "model.pth")
    code = loading(config("resnet18", "pth", {}, names="niwenjin"))
    agree(code, torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8), net)


@pytest.mark.parametrize("model", [*RESNETS, *WIDE_RESNETS])
def test_the_plain_models_exist(model):
    assert model in catalog().names("model")
    assert plain(config(model, "pth", {})) and not plain(config(model, "pth", {"ghost_batch": 32}))
