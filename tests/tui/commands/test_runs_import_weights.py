"""`runs import-weights`: other people's weights as a finished run, whose predictions are those of their own module."""

import json
import shlex

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Choice, DataConfig
from engine.contract.run import predictions
from engine.contract.run.store import find, runs_root, summarize
from engine.data.load import load
from engine.exchange.pack.verify import verify
from engine.exchange.weights.niwenjin import to_niwenjin
from engine.models.build import build_model

pytestmark = pytest.mark.usefixtures("shapes_ready", "children_here")

SHAPES = ("--dataset", "shapes", "--device", "cpu")
FEW = ("--set", "data.test_slice=first:0.05")


def net(name: str = "lenet", classes: int = 10) -> torch.nn.Module:
    choice = Choice.model_validate({"name": name})
    return build_model(choice, num_classes=classes, in_channels=3, image_size=32, catalog=catalog()).eval()


def images(mean: list[float] | None = None, std: list[float] | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """The first test images, normalized by hand, and their labels."""
    data = load(DataConfig(name="shapes", test_slice="first:0.05"), "", lambda *_: None)
    shift, scale = (torch.tensor(each).view(1, -1, 1, 1) for each in (mean or data.mean, std or data.std))
    return (data.test.images / 255 - shift) / scale, data.test.labels


def same_probabilities(run, logits: torch.Tensor) -> bool:
    kept = torch.from_numpy(predictions.read(run.predictions).last.astype(np.float32))
    return torch.allclose(kept.softmax(1), logits.softmax(1), atol=2e-3)


def imported(cli, *arguments):
    answer = cli("runs", "import-weights", *arguments, "--json")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert set(told) == {"id", "status", "folder", "test_accuracy"}
    return find([runs_root()], told["id"])


def test_a_model_of_timm_predicts_what_timm_predicts(cli, tmp_path):
    timm = pytest.importorskip("timm")
    theirs = timm.create_model("resnet10t", num_classes=10).eval()
    torch.save(theirs.state_dict(), tmp_path / "x.pth")
    run = imported(cli, tmp_path / "x.pth", "--model", "timm:resnet10t", *SHAPES, *FEW)
    inputs, labels = images()
    with torch.no_grad():
        logits = theirs(torch.nn.functional.interpolate(inputs, (128, 128), mode="bilinear"))
    assert same_probabilities(run, logits)
    row = summarize(run)
    assert row.last_accuracy == pytest.approx(float((logits.argmax(1) == labels).float().mean()), abs=1e-6)
    assert (row.status, row.layout, row.model) == ("finished", "weights", "timm:resnet10t")
    assert row.epoch_seconds == row.train_seconds == 0 and row.best_accuracy is None


def test_a_file_of_niwenjin_with_a_given_normalization(cli, tmp_path):
    model = net("resnet18")
    torch.save(to_niwenjin(model.state_dict()), tmp_path / "best.pth")
    mean, std = [0.5, 0.4, 0.3], [0.2, 0.25, 0.3]
    given = ("--mean", "0.5,0.4,0.3", "--std", "0.2,0.25,0.3")
    run = imported(cli, tmp_path / "best.pth", "--model", "resnet18", *SHAPES, *FEW, *given)
    with torch.no_grad():
        assert same_probabilities(run, model(images(mean, std)[0]))
    assert run.info().imported["settings"]["mean"] == "0.5 0.4 0.3"


def test_an_export_of_ours_needs_no_model_and_gives_the_same_accuracy(cli, finished_run, tmp_path):
    first = finished_run()
    assert cli("runs", "export", first.id, "--weights", "final", "--out", tmp_path / "out").code == 0
    run = imported(cli, tmp_path / "out", "--device", "cpu")
    assert summarize(run).last_accuracy == summarize(first).last_accuracy
    before, after = (predictions.read(each.predictions) for each in (first, run))
    assert np.allclose(before.last, after.last, atol=1e-3) and before.data == after.data  # float16


def test_the_run_is_shown_compared_and_verified_but_never_repeated(cli, finished_run, tmp_path):
    save_file({name: value.contiguous() for name, value in net().state_dict().items()}, tmp_path / "x.safetensors")
    other = finished_run()
    run = imported(cli, tmp_path / "x.safetensors", "--model", "lenet", "--name", "theirs", *SHAPES)
    assert all(check.result != "bad" for check in verify(run)), verify(run)
    shown = cli("runs", "show", run.id)
    assert "imported (weights)" in shown.out and "tested at the end" in shown.out and "x.safetensors" in shown.out
    for tab in ("overview", "confusion", "mistakes"):
        assert cli("runs", "show", run.id, "--tab", tab).code == 0, tab
    disagree = cli("runs", "show", run.id, "--tab", "disagree", "--with", other.id)
    assert disagree.code == 0, disagree.err
    compared = cli("runs", "compare", other.id, run.id)
    assert compared.code == 0 and "each against" in compared.out and "2,000" in compared.out, "image by image"
    assert [row["id"] for row in json.loads(cli("runs", "list", "--filter", "origin:weights", "--json").out)] == [
        run.id
    ]
    for command in (("runs", "resume", run.id), ("--preset", f"run:{run.id}", "--headless", "--dry-run")):
        answer = cli(*command)
        assert answer.code == 2 and "was imported (weights), so its recipe is unknown" in answer.err


def test_the_same_file_with_the_same_options_is_found_again(cli, tmp_path):
    torch.save(net().state_dict(), tmp_path / "x.pth")
    (tmp_path / "copy.pth").write_bytes((tmp_path / "x.pth").read_bytes())
    first = imported(cli, tmp_path / "x.pth", "--model", "lenet", *SHAPES)
    assert imported(cli, tmp_path / "copy.pth", "--model", "lenet", *SHAPES, "--name", "other") == first
    again = cli(*shlex.split(first.info().command)[1:])
    assert again.code == 0 and again.out.startswith(f"{first.id}  already imported  lenet on shapes, test accuracy")
    other = imported(cli, tmp_path / "x.pth", "--model", "lenet", *SHAPES, "--set", "data.normalize=none")
    assert other != first and other.info().recipe_id != first.info().recipe_id


def test_what_cannot_be_imported_is_one_line_and_leaves_nothing(cli, tmp_path):
    torch.save(net().state_dict(), tmp_path / "x.pth")
    torch.save(net(classes=100).state_dict(), tmp_path / "hundred.pth")
    torch.save({key: value * float("nan") for key, value in net().state_dict().items()}, tmp_path / "nan.pth")
    torch.save(net("resnet20").state_dict(), tmp_path / "other.pth")
    torch.save(net(), tmp_path / "whole.pth")
    (tmp_path / "huge.safetensors").write_bytes((100_000_000_000).to_bytes(8, "little") + b"{}")
    lenet = ("--model", "lenet", *SHAPES)
    for arguments, says in (
        (("gone.pth", *lenet), "no such file"),
        (("x.pth", *SHAPES), "name the model of these weights with --model"),
        (("x.pth", "--model", "lenet5", *SHAPES), "did you mean lenet?"),
        (("x.pth", *lenet, "--mean", "0.5,0.5,0.5"), "--mean and --std belong together"),
        (("x.pth", *lenet, "--mean", "0.5", "--std", "0.5"), "data.mean"),
        (("x.pth", *lenet, "--set", "epochs=3"), "weights have only model.*"),
        (("hundred.pth", *lenet), "its classifier is not for the classes of shapes (100 classes, not 10)"),
        (("nan.pth", *lenet), "has values that are not finite"),
        (("other.pth", *lenet), "does not fit lenet: 10 missing ("),
        (("whole.pth", *lenet), "holds an object of class "),
        (("huge.safetensors", *lenet), "its header claims 100 GB"),
    ):
        answer = cli("runs", "import-weights", tmp_path / arguments[0], *arguments[1:])
        errors = [line for line in answer.err.splitlines() if not line.startswith("testing ")]
        assert answer.code == 2 and says in answer.err, (says, answer.err)
        assert errors[0].startswith("error: ") and (len(errors) == 1 or "data.std" in errors[1]), errors
        assert not runs_root().exists() or not list(runs_root().iterdir())
