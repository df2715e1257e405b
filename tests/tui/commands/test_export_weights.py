"""`runs export --weights`: a folder that loads elsewhere, and one line for what cannot be exported."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engine.loop.checkpoint_files import load_weights

pytestmark = pytest.mark.usefixtures("shapes_ready", "children_here")


@pytest.mark.parametrize("form", ["safetensors", "pth"])
@pytest.mark.parametrize("which", ["final", "best", "ema"])
def test_the_tensors_are_those_of_the_run(cli, finished_run, tmp_path, which, form):
    run, out = finished_run(), tmp_path / "out"
    answer = cli("runs", "export", run.id, "--weights", which, "--format", form, "--out", out)
    assert answer.code == 0, answer.err
    own = load_weights(run.checkpoints, "best" if which == "best" else "last")["model"]
    file = out / f"model.{form}"
    theirs = load_file(file) if form == "safetensors" else torch.load(file, weights_only=True)
    assert sorted(theirs) == sorted(own) and all(torch.equal(theirs[name], own[name]) for name in own)


def test_config_and_card_say_what_the_weights_are(cli, finished_run, tmp_path):
    run, out = finished_run(), tmp_path / "out"
    assert cli("runs", "export", run.id, "--weights", "best", "--out", out).code == 0
    assert sorted(path.name for path in out.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    config = json.loads((out / "config.json").read_text())
    assert (config["architecture"], config["num_classes"], config["input_size"]) == ("lenet", 10, [3, 32, 32])
    assert len(config["mean"]) == len(config["std"]) == 3 and len(config["label_names"]) == 10
    assert config["weights"]["which"] == "best" and config["weights"]["kind"] == "ema"
    assert config["recipe"]["model"]["name"] == "lenet" and config["run"] == {
        "id": run.id,
        "seed": 3,
        "recipe_id": run.info().recipe_id,
        "preset": "quickstart",
    }
    epoch = config["weights"]["epoch"]
    events = [json.loads(line) for line in run.events.read_text().splitlines()]
    told = [event["test_accuracy"] for event in events if event["event"] == "epoch" and event["epoch"] == epoch]
    assert config["accuracy"]["test"] == told[-1]
    card = (out / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: pytorch\n")
    assert "selected by its accuracy on the test images" in card and "one run with one seed" in card
    assert run.recipe_toml.read_text().strip() in card


def test_an_export_does_not_tell_the_folder_of_initial_weights(cli, finished_run, tmp_path):
    run, pin = finished_run(), f"@sha256:{'ab' * 32}"
    recipe = run.recipe().model_copy(update={"init_from": f"/home/ann/best.pth{pin}"})
    run.recipe_toml.write_text(recipe.to_toml())
    run.run_json.write_text(json.dumps(json.loads(run.run_json.read_text()) | {"recipe_id": recipe.recipe_id}))
    assert cli("runs", "export", run.id, "--weights", "final", "--out", tmp_path / "out").code == 0
    texts = [(tmp_path / "out" / name).read_text() for name in ("config.json", "README.md")]
    assert all(f"best.pth{pin}" in text and "/home/ann" not in text for text in texts)


def test_only_the_best_epoch_is_called_selected(cli, finished_run, tmp_path):
    assert cli("runs", "export", finished_run().id, "--weights", "final", "--out", tmp_path / "out").code == 0
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| selection | the last epoch (epoch 2 of 2) |" in card and "selected by its accuracy" not in card


@pytest.mark.parametrize("form", ["safetensors", "pth"])
def test_the_check_reloads_the_export(cli, finished_run, tmp_path, form):
    arguments = ("--weights", "final", "--format", form, "--out", tmp_path / "out", "--check", "--json")
    answer = cli("runs", "export", finished_run().id, *arguments)
    assert answer.code == 0, answer.err
    checked = json.loads(answer.out)["check"]
    assert checked["difference"] == 0 and checked["images"] == 500


def test_the_check_notices_other_weights(cli, finished_run, tmp_path):
    from engine.export import child

    run, out = finished_run(), tmp_path / "out"
    assert cli("runs", "export", run.id, "--weights", "final", "--format", "pth", "--out", out).code == 0
    state = torch.load(out / "model.pth", weights_only=True)
    state[next(iter(state))] += 0.1
    torch.save(state, out / "model.pth")
    request = child.Request(str(run.path), str(out), "final", "pth", "cifar-tui", check=True)
    with pytest.raises(child.BadInput, match="logits differ from those of run"):
        child.check(request)


def test_an_onnx_file_gives_the_same_logits(cli, finished_run, tmp_path):
    out = tmp_path / "out"
    answer = cli(
        "runs", "export", finished_run().id, "--weights", "best", "--format", "onnx", "--out", out, "--check", "--json"
    )
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["check"]["difference"] < 1e-5
    assert sorted(path.name for path in out.iterdir()) == ["README.md", "config.json", "model.onnx"]
    code = (out / "README.md").read_text().partition("```python\n")[2].partition("```")[0]
    space = {"images": np.zeros((3, 3, 32, 32), np.uint8)}
    exec(code.replace("model.onnx", str(out / "model.onnx")), space)
    assert space["logits"].shape == (3, 10)


def test_a_missing_package_is_one_line_that_says_how_to_install_it(cli, finished_run, tmp_path, monkeypatch):
    monkeypatch.setattr("engine.export.onnx_file.find_spec", lambda name: None)
    answer = cli(
        "runs", "export", finished_run().id, "--weights", "best", "--format", "onnx", "--out", tmp_path / "out"
    )
    assert answer.code == 2 and answer.err.count("\n") == 1 and not list(tmp_path.iterdir())
    assert "needs onnx and onnxscript, not installed here: pip install 'cifar-tui[onnx]'" in answer.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--weights", "last"), "--weights: got 'last', needs final, best or ema"),
        (("--weights", "best", "--format", "csv"), "--format: got 'csv', needs safetensors, pth or onnx"),
        (("--weights", "best", "--names", "torch"), "--names: got 'torch', needs cifar-tui or niwenjin"),
        (("--weights", "best", "--names", "niwenjin"), "reads .pth files only; add --format pth"),
        (("--weights", "best", "--names", "niwenjin", "--format", "pth"), "resnet152, but not lenet"),
        (("--check",), "--check and --names go with --weights"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(cli, finished_run, tmp_path, arguments, message):
    answer = cli("runs", "export", finished_run().id, *arguments, "--out", tmp_path / "out")
    assert answer.code == 2 and message in answer.err and "Traceback" not in answer.err
    assert not list(tmp_path.iterdir())


def test_an_existing_folder_is_left_alone(cli, finished_run, tmp_path):
    answer = cli("runs", "export", finished_run().id, "--weights", "best", "--out", tmp_path)
    assert answer.code == 2 and "exists already" in answer.err


def test_runs_without_such_weights_are_refused(cli, finished_run, stopped_run, tmp_path):
    out = tmp_path / "out"
    stopped = stopped_run()
    answer = cli("runs", "export", stopped.id, "--weights", "final", "--out", out)
    assert answer.code == 2 and "has not finished, so it has no final weights" in answer.err
    assert cli("runs", "export", stopped.id, "--weights", "best", "--out", out).code == 0
    bare = finished_run()
    shutil.rmtree(bare.checkpoints)
    answer = cli("runs", "export", bare.id, "--weights", "final", "--out", tmp_path / "other")
    assert answer.code == 2 and "has kept no final weights" in answer.err
