"""`python -m engine.predict.child`: predict a further test set with the weights of a run, and store that in its folder.

Reads one JSON object from stdin, the fields of `Asked`. Writes JSON objects to stdout, one a line: while it works
{"done": images, "of": images, "what": words}, at the end {"stem": of the files that were written}. Exit code 0:
success, 1: the results cannot be written, 2: bad input.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.augment.pipeline import Pipeline
from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.run import own_code, predicted
from engine.contract.run.folder import RunFolder
from engine.contract.run.predicted import Predicted
from engine.contract.run.provenance import versions
from engine.data.device import Resident
from engine.data.given.hashes import identity
from engine.data.given.layouts import Given, open_given
from engine.data.given.model_input import ModelInput
from engine.data.load import DataSet, Split, load
from engine.export.child import weights_of
from engine.export.network import with_weights
from engine.launch import package
from engine.loop.decisions import read_decisions
from engine.loop.evaluate import VIEWS, forward_views, predict_views
from engine.loop.hardware import choose_device, device_name, usable_cores
from engine.loop.initial import fit_state
from engine.loop.judge import EVALUATION_BATCH
from engine.loop.layout import memory_format, place
from engine.loop.state_files import read_state
from engine.models.build import build_model
from engine.predict.asked import Asked, model_input
from engine.predict.network import Network, network_of, weights_hash
from engine.predict.score import Views, judge


def predict(asked: Asked) -> Predicted:
    """Predict, and write both files of the entry.

    Raises:
        BadInput: the run has no such weights or brings code that is not trusted, the images do not fit, or they have
            changed since their hashes were computed.
    """
    run, begun = RunFolder(Path(asked.run)), time.monotonic()
    own_code.check(run)
    parts = catalog(tuple(own_code.code_of(run)))
    network = network_of(run, parts)
    wants = model_input(run)
    given = open_given(asked.source, wants, labels=asked.labels, name=asked.name, data_dir=asked.data_dir)
    _refuse_changed(given, asked)
    device = choose_device(asked.device)
    torch.set_num_threads(asked.threads or usable_cores())
    data = _own_data(run, network, asked, parts, wants)
    weights = _weights(run, network, asked.which, parts, data)
    decided = read_decisions(run.path / "probe.json")
    precision = decided.precision if decided is not None and decided.device == device.type else "fp32"
    tta = network.tta if asked.tta else "off"
    bf16, channels_last = precision == "bf16", network.channels_last
    views = _views(weights.model, data, device, bf16=bf16, channels_last=channels_last, tta=tta)
    found = judge(given, views, data.classes, tta, lambda done, what: _report(done, given.images, what))
    entry = Predicted(
        name=given.name,
        layout=given.layout,
        files=asked.files,
        data=identity(asked.files),
        images=given.images,
        which="best" if asked.which == "best" else "final",
        weights=weights.kind,
        weights_sha256=weights.sha256,
        epoch=weights.epoch,
        precision=precision,
        device=device.type,
        device_name=device_name(device),
        seconds=time.monotonic() - begun,
        created=time.time(),
        made_by=f"cifar-tui {versions()['cifar-tui']}".strip(),
        **{"notes": list(given.notes)} | found.fields,
    )
    predicted.write(run, entry, found.answered)
    return entry


@dataclass(frozen=True, slots=True)
class _Weights:
    model: nn.Module
    """With the weights, in eval mode, on the CPU."""
    sha256: str
    kind: str
    """raw, ema or swa."""
    epoch: int


def _weights(run: RunFolder, network: Network, which: str, parts: Catalog, data: DataSet) -> _Weights:
    """The model with the weights that are asked for. BadInput if they are missing, have changed or do not fit."""
    digest = weights_hash(run, which)
    if network.file is None:
        found = weights_of(run, which)
        model = with_weights(network.model, found["model"], parts, data)
        return _Weights(model, digest, found["weights"], found["epoch"])
    state, classes = read_state(network.file, digest), len(data.classes)
    model = build_model(
        network.model, num_classes=classes, in_channels=data.channels, image_size=data.image_size, catalog=parts
    )
    fitted = fit_state(state, model, network.model.name, classes, str(network.file))
    model.load_state_dict(model.state_dict() | fitted.state)
    return _Weights(model.eval(), digest, "raw", 1)


def _own_data(run: RunFolder, network: Network, asked: Asked, parts: Catalog, wants: ModelInput) -> DataSet:
    """The data set of the run, for its normalization. BadInput if it has other classes now."""
    data = load(network.data, asked.data_dir, _phase, parts)
    if data.classes != wants.classes:
        raise BadInput(f"run {run.id}: the classes of {data.name} are not those that it was trained on")
    return data


def _refuse_changed(given: Given, asked: Asked) -> None:
    """BadInput if the files are not those whose hashes were computed."""
    now = [(file.role, file.path.stat().st_size) for file in given.files]
    if now != [(row["role"], row["bytes"]) for row in asked.files]:
        raise BadInput(f"--data {asked.source}: the files are being changed")


def _views(
    model: nn.Module, data: DataSet, device: torch.device, *, bf16: bool, channels_last: bool, tta: str
) -> Views:
    """The model's logits of images, computed as in the evaluation of a training: same normalization and precision."""
    torch.backends.cudnn.allow_tf32 = False  # fp32 means fp32, as in training
    layout = memory_format(channels_last)
    placed = place(model, device, layout)
    normalize = Pipeline((), seed=0, mean=data.mean, std=data.std, num_classes=len(data.classes)).normalize
    forward = forward_views(
        placed, [view for _, view in VIEWS[tta]], lambda: torch.autocast(device.type, torch.bfloat16, enabled=bf16)
    )

    def clean(images: Tensor) -> Tensor:
        return normalize(images).contiguous(memory_format=layout)

    def views(split: Split) -> Tensor:
        batch = min(EVALUATION_BATCH[device.type], len(split))
        return predict_views(placed, Resident(split, device, channels_last), batch, clean, forward)

    return views


def _phase(phase: str, note: str) -> None:
    """What preparing the run's own data set takes, on stderr where it takes long."""
    if phase == "fetching":
        sys.stderr.write(f"{phase}: {note}\n")


def _report(done: int, total: int, what: str) -> None:
    sys.stdout.write(json.dumps({"done": done, "of": total, "what": what}) + "\n")
    sys.stdout.flush()


def main() -> int:
    """Answer the request on stdin and return the exit code."""
    try:
        if problem := package.problem():
            raise BadInput(problem)
        entry = predict(Asked(**json.loads(sys.stdin.read())))
        sys.stdout.write(json.dumps({"stem": entry.stem}) + "\n")
    except BadInput as error:
        for problem in error.problems:
            sys.stderr.write(f"error: {problem}\n")
        return 2
    except OSError as error:  # a full disk, or a folder that cannot be written
        sys.stderr.write(
            f"error: {': '.join(str(part) for part in (error.filename, error.strerror or error) if part)}\n"
        )
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
