"""`python -m engine.incoming.evaluate`: test the weights in a file, and write the predictions of every test image.

Reads one JSON object from stdin, the fields of `Request`, and writes one to stdout: what `evaluate` returns, or
{"problems": [...]}.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Choice, DataConfig
from engine.contract.run import predictions
from engine.contract.run.predictions import StoredPredictions
from engine.contract.values import plain
from engine.data.archives import DataError
from engine.data.device import Resident
from engine.data.load import DataSet, load
from engine.launch import package
from engine.loop.evaluate import forward_views, predict_views, score
from engine.loop.evaluate import plain as unchanged
from engine.loop.hardware import choose_device, device_name
from engine.loop.initial import fit_state
from engine.loop.judge import EVALUATION_BATCH, as_kept
from engine.loop.state_files import read_state
from engine.models.build import build_model


@dataclass(frozen=True, slots=True)
class Request:
    """Which weights to test, and how."""

    file: str
    sha256: str
    model: dict[str, Any]
    """The model as a recipe's table."""
    data: dict[str, Any]
    """The data set and the normalization as a recipe's table."""
    out: str
    """The file to write predictions to."""
    device: str = "auto"
    threads: int = 0
    data_dir: str = ""
    parts: tuple[str, ...] = ()


def evaluate(request: Request) -> dict[str, Any]:
    """Test the weights on all test images, in fp32, and write the predictions.

    Returns:
        Fields of the events of a run: {"run_started": ..., "epoch": ...}, and "fingerprint", "mean" and "std" of the
        data.

    Raises:
        BadInput: the weights cannot be read, do not fit the model or the classes, or give outputs that are not finite.
        DataError: the data set is missing or damaged.
    """
    if request.threads:
        torch.set_num_threads(request.threads)
    torch.backends.cudnn.allow_tf32 = False  # fp32 means fp32
    device, parts = choose_device(request.device), catalog(tuple(map(Path, request.parts)))
    state = read_state(Path(request.file), request.sha256)
    data = load(DataConfig.model_validate(request.data), request.data_dir, lambda phase, note: None, parts)
    choice, classes = Choice.model_validate(request.model), len(data.classes)
    model = build_model(
        choice, num_classes=classes, in_channels=data.channels, image_size=data.image_size, catalog=parts
    )
    fitted = fit_state(state, model, choice.name, classes, request.file)
    if fitted.head:
        other = fitted.head.rpartition(": ")[2]
        raise BadInput(f"{request.file}: its classifier is not for the classes of {data.name} ({other})")
    model.load_state_dict(model.state_dict() | fitted.state)
    logits = _logits(model.to(device), data, device)
    scores = score(logits, data.test.labels)
    if scores.nonfinite:
        raise BadInput(f"{request.file}: outputs that are not finite for {scores.nonfinite} of {len(logits)} images")
    _write(Path(request.out), data, as_kept(logits).numpy())
    started = {
        "params": sum(parameter.numel() for parameter in model.parameters()),
        "device": str(device),
        "device_name": device_name(device),
        "precision": "fp32",
        "classes": list(data.classes),
        "test_images": len(data.test),
    }
    epoch = {
        "test_loss": scores.loss,
        "test_accuracy": scores.accuracy,
        "test_top5": scores.top5,
        "per_class": scores.per_class,
        "per_class_count": scores.per_class_count,
        "confused": scores.confusion,
    }
    facts = {"fingerprint": data.fingerprint, "mean": data.mean, "std": data.std}
    return {"run_started": started, "epoch": epoch} | facts


def _logits(model: torch.nn.Module, data: DataSet, device: torch.device) -> torch.Tensor:
    """The logits (N, classes) of all test images in their order."""
    mean, std = (torch.tensor(values, device=device).view(1, -1, 1, 1) for values in (data.mean, data.std))
    test = Resident(data.test, device)
    return predict_views(
        model,
        test,
        min(EVALUATION_BATCH[device.type], len(test)),
        lambda images: (images.float() / 255 - mean) / std,
        forward_views(model, [unchanged]),
    )[0]


def _write(path: Path, data: DataSet, logits: np.ndarray) -> None:
    """The predictions as the trainer writes them for a run that is tested once."""
    none = logits[:0]
    contents = StoredPredictions(
        labels=data.test.labels.numpy(),
        classes=data.classes,
        last=logits,
        last_epoch=1,
        best=none,
        best_epoch=0,
        weights="raw",
        best_weights="raw",
        test_index=np.arange(len(data.test)),
        holdout=none,
        holdout_labels=np.zeros(0, np.int64),
        data=data.fingerprint,
    )
    predictions.write(path, contents)


def main() -> int:
    """Answer the request on stdin and return the exit code."""
    try:
        if problem := package.problem():
            raise BadInput(problem)
        answer = evaluate(Request(**json.loads(sys.stdin.read())))
    except BadInput as error:
        answer = {"problems": error.problems}
    except DataError as error:
        answer = {"problems": [str(error)]}
    except KeyboardInterrupt:
        return 130
    sys.stdout.write(json.dumps(plain(answer)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
