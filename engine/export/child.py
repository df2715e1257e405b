"""`python -m engine.export.child`: write the weights of a run into a folder for other programs, or check such a folder.

Reads one JSON object from stdin, the fields of `Request`, and writes one to stdout: for an export what `export`
returns, for a check what `check` returns. Exit code 0: success, 2: bad input.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.recipe.schema import Choice
from engine.contract.run import own_code
from engine.contract.run.folder import RunFolder
from engine.contract.run.initial import FIELD, without_folder
from engine.data.load import DataSet, load
from engine.exchange.weights import card
from engine.exchange.weights.niwenjin import from_niwenjin, to_niwenjin
from engine.export.files import put_folder, read_state, written_state
from engine.export.network import logits, with_weights
from engine.export.onnx_file import onnx_logits, written_onnx
from engine.launch import package
from engine.loop.checkpoint_files import UNREADABLE, load_weights

CHECKED: Final = 500
"""Test images that a check compares logits on."""
TOLERANCE: Final = 1e-4
"""Largest difference of a logit, relative to the largest logit where that is above 1.

PyTorch on both sides runs the same fp32 operations, so that the difference is 0; onnxruntime has its own.
"""


@dataclass(frozen=True, slots=True)
class Request:
    """What to export, and where to."""

    run: str
    """The run folder."""
    out: str
    """The folder to make, or to check."""
    which: str
    """"final", "best" or "ema"."""
    form: str
    """"safetensors", "pth" or "onnx"."""
    names: str
    """"cifar-tui", or "niwenjin" for the names of that project."""
    data_dir: str = ""
    check: bool = False
    """Check the folder instead of making it."""


def export(request: Request) -> dict[str, Any]:
    """Make the folder: weights, `config.json` and `README.md`; nothing is left behind if it fails.

    Returns:
        {"file": its path, "sha256": ..., "epoch": of the weights, "kind": raw, ema or swa}.

    Raises:
        BadInput: the run has no such weights, or brings code that is not trusted, or the folder cannot be made.
    """
    run, out = RunFolder(Path(request.run)), Path(request.out)
    weights = weights_of(run, request.which)
    parts, data = _data(run, request.data_dir)
    recipe = run.recipe(parts)
    state = {name: value.detach().contiguous().clone() for name, value in weights["model"].items()}
    if request.form == "onnx":
        model = with_weights(recipe.model, state, parts, data)
        written = written_onnx(model, (data.channels, data.image_size, data.image_size))
    else:
        written = written_state(to_niwenjin(state) if request.names == "niwenjin" else state, request.form)
    config = card.config_of(
        run,
        recipe,
        {
            "classes": data.classes,
            "mean": data.mean,
            "std": data.std,
            "channels": data.channels,
            "image_size": data.image_size,
            "fingerprint": data.fingerprint,
        },
        {"which": request.which, "kind": weights["weights"], "epoch": weights["epoch"]},
        {
            "file": file_name(request),
            "format": request.form,
            "names": request.names,
            "sha256": hashlib.sha256(written).hexdigest(),
        },
    )
    recipe_toml = run.recipe_toml.read_text(encoding="utf-8")
    if recipe.init_from:
        recipe_toml = recipe.model_copy(update={FIELD: without_folder(recipe.init_from)}).to_toml()
    readme = card.model_card(config, run.info(), recipe_toml)
    contents = {
        config["file"]: written,
        "config.json": (json.dumps(config, indent=2) + "\n").encode(),
        "README.md": readme.encode(),
    }
    put_folder(out, contents)
    return {"file": str(out / config["file"]), "sha256": config["sha256"], **config["weights"]}


def check(request: Request) -> dict[str, Any]:
    """Load an export by its `config.json`, and compare its logits on test images with those of the run's own weights.

    Returns:
        {"images": how many, "difference": the largest of a logit}.

    Raises:
        BadInput: the file cannot be loaded, or the logits differ by more than `TOLERANCE`.
    """
    run, out = RunFolder(Path(request.run)), Path(request.out)
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    parts, data = _data(run, request.data_dir)
    content = (out / config["file"]).read_bytes()
    mean, std = (torch.tensor(config[key]).view(1, -1, 1, 1) for key in ("mean", "std"))
    pixels = data.test.images[:CHECKED] / 255
    inputs = (pixels - mean) / std
    if config["format"] == "onnx":
        theirs = onnx_logits(content, inputs)
    else:
        exported = read_state(content, config["format"])
        if config["names"] == "niwenjin":
            exported = from_niwenjin(exported)
        choice = Choice.model_validate({"name": config["architecture"], **config["model_options"]})
        theirs = logits(with_weights(choice, exported, parts, data), inputs)
    own_mean, own_std = (torch.tensor(values).view(1, -1, 1, 1) for values in (data.mean, data.std))
    own = weights_of(run, request.which)["model"]
    ours = logits(with_weights(run.recipe(parts).model, own, parts, data), (pixels - own_mean) / own_std)
    difference = float((ours - theirs).abs().max())
    if not difference <= TOLERANCE * max(1.0, float(ours.abs().max())):
        raise BadInput(f"{out}: logits differ from those of run {run.id} by up to {difference:.2g}")
    return {"images": len(pixels), "difference": difference}


def weights_of(run: RunFolder, which: str) -> dict[str, Any]:
    """The weights that `which` asks for, as `load_weights` returns them. Raises BadInput if there are none."""
    if which != "best" and not card.finished(run):
        raise BadInput(
            f"run {run.id} has not finished, so it has no final weights; --weights best has its best epoch so far"
        )
    try:
        weights = load_weights(run.checkpoints, "best" if which == "best" else "last")
    except FileNotFoundError:
        raise BadInput(f"run {run.id} has kept no {'best' if which == 'best' else 'final'} weights") from None
    except UNREADABLE as error:
        raise BadInput(f"the weights of run {run.id} cannot be read: {error}") from None
    card.refuse_unless_averaged(which, weights["weights"], run.id)
    return weights


def file_name(request: Request) -> str:
    """The name of the weights file; under Niwenjin's names it is the one that this project gives it."""
    if request.names == "niwenjin":
        return "best.pth" if request.which == "best" else "last.pth"
    return f"model.{request.form}"


def _data(run: RunFolder, data_dir: str) -> tuple[Catalog, DataSet]:
    """The catalog and the data set of a run. Raises BadInput if it brings code that is not trusted."""
    own_code.check(run)
    parts = catalog(tuple(own_code.code_of(run)))
    return parts, load(run.recipe(parts).data, data_dir, lambda phase, note: None, parts)


def main() -> int:
    """Answer the request on stdin and return the exit code."""
    try:
        if problem := package.problem():
            raise BadInput(problem)
        request = Request(**json.loads(sys.stdin.read()))
        answer = check(request) if request.check else export(request)
        sys.stdout.write(json.dumps(answer))
    except BadInput as error:
        for problem in error.problems:
            sys.stderr.write(f"error: {problem}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
