"""`python -m engine.export`: write the weights of a run into a folder for other programs, or check such a folder.

An ONNX file is written by torch's exporter, which needs the packages onnx and onnxscript, and checked by onnxruntime;
they are imported for that format only.

Reads one JSON object from stdin, the fields of `Request`, and writes one to stdout: for an export what `export`
returns, for a check what `check` returns. Exit code 0: success, 2: bad input.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn

from engine.contract.errors import BadInput
from engine.contract.files import make_folder, write_atomic
from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.recipe.schema import Choice
from engine.contract.run import own_code
from engine.contract.run.folder import RunFolder
from engine.data.load import DataSet, load
from engine.exchange.weights import card
from engine.exchange.weights.niwenjin import from_niwenjin, to_niwenjin
from engine.launch import package
from engine.loop.checkpoint_files import UNREADABLE, load_weights
from engine.models.build import build_model

CHECKED: Final = 500
"""Test images that a check compares logits on."""
TOLERANCE: Final = 1e-4
"""Largest difference of a logit, relative to the largest logit where that is above 1.

PyTorch on both sides runs the same fp32 operations, so that the difference is 0; onnxruntime has its own.
"""

BATCH: Final = 100
"""Images that go through a model at a time."""

State = dict[str, Tensor]


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
    readme = card.model_card(config, run.info(), run.recipe_toml.read_text(encoding="utf-8"))
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
    card.which_weights(which, weights["weights"], run.id)
    return weights


def file_name(request: Request) -> str:
    """The name of the weights file; under Niwenjin's names it is the one that this project gives it."""
    if request.names == "niwenjin":
        return "best.pth" if request.which == "best" else "last.pth"
    return f"model.{request.form}"


def written_state(state: State, form: str) -> bytes:
    """A state dict as the content of a .safetensors or .pth file."""
    if form == "safetensors":
        return save_safetensors(state, metadata={"format": "pt"})
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def read_state(content: bytes, form: str) -> State:
    """The state dict in a file that `written_state` wrote."""
    if form == "safetensors":
        return load_safetensors(content)
    state: State = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return state


def put_folder(out: Path, contents: dict[str, bytes]) -> None:
    """Make a folder with these files; it appears under its name when it is complete. Raises BadInput."""
    if out.exists():
        raise BadInput(f"--out {out} exists already; choose another folder")
    half: Path | None = None
    try:
        make_folder(out.parent, exist_ok=True)
        half = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        ready = half / "ready"  # with the permissions that the user's umask gives, unlike `half`
        ready.mkdir()
        for name, content in contents.items():
            write_atomic(ready / name, content)
        ready.rename(out)
    except OSError as error:
        raise BadInput(f"--out {out}: {error.strerror or error}") from None
    finally:
        if half is not None:
            shutil.rmtree(half, ignore_errors=True)


def with_weights(choice: Choice, state: State, parts: Catalog, data: DataSet) -> nn.Module:
    """The chosen model for these data on the CPU, with the weights of a state dict, in eval mode."""
    model = build_model(
        choice, num_classes=len(data.classes), in_channels=data.channels, image_size=data.image_size, catalog=parts
    )
    model.load_state_dict(state)
    return model.eval()


@torch.no_grad()
def logits(model: nn.Module, images: Tensor) -> Tensor:
    """Logits (N, classes) in fp32 of a model in eval mode, for normalized images (N, C, H, W)."""
    return torch.cat([model(batch) for batch in images.split(BATCH)])


def written_onnx(model: nn.Module, shape: tuple[int, int, int]) -> bytes:
    """A model in eval mode as the content of an ONNX file: "images" (batch, *shape), normalized, to "logits".

    Raises:
        BadInput: torch cannot export the model, or onnx and onnxscript are not installed.
    """
    require(("onnx", "onnxscript"), "--format onnx")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns of versions of packages that are not needed
    try:
        program = torch.onnx.export(
            model,
            (torch.zeros(2, *shape),),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            input_names=["images"],
            output_names=["logits"],
            external_data=False,
            verbose=False,
        )
    except torch.onnx.OnnxExporterError as error:
        raise BadInput(f"torch cannot export this model to ONNX: {str(error).splitlines()[0]}") from error
    assert program is not None
    content: bytes = program.model_proto.SerializeToString()
    return content


def onnx_logits(content: bytes, images: Tensor) -> Tensor:
    """What `logits` returns, computed by onnxruntime. Raises BadInput if that is not installed."""
    require(("onnxruntime",), "--check of an ONNX file")
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return torch.cat(
        [torch.from_numpy(session.run(["logits"], {"images": batch.numpy()})[0]) for batch in images.split(BATCH)]
    )


def require(packages: Sequence[str], purpose: str) -> None:
    """Check that packages are there, without importing them. BadInput if one is missing, with how to install it."""
    if missing := [name for name in packages if find_spec(name) is None]:
        raise BadInput(f"{purpose} needs {' and '.join(missing)}, not installed here: pip install 'cifar-tui[onnx]'")


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
