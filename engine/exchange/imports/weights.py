"""A file of weights as a run: tested on the data set once, by a process that imports torch, and never trained.

`run.json` says under `imported` where the run comes from, with the keys of `engine.exchange.imports.write`:

    layout       "weights"
    folder       the folder of the file
    sha256       what it is recognized by: the hash of the file, the model and the data
    files        name, SHA-256 and size of the file
    settings     the model with its options, the data set, and the mean and standard deviation of the normalization

Its only epoch stands for the test; when and how the weights were trained is unknown.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.contract.errors import BadInput
from engine.contract.files import write_atomic
from engine.contract.recipe.schema import Choice, DataConfig
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Epoch, Finished, RunStarted
from engine.contract.run.folder import RunFolder, RunInfo
from engine.contract.run.labels import LONGEST_NAME, check_name
from engine.contract.run.provenance import versions
from engine.contract.run.weights_file import inspect, sha256_of, weights_in
from engine.contract.text import one_line
from engine.contract.values import build, encode_table
from engine.exchange.imports import made
from engine.exchange.imports.write import PREFIX

LAYOUT: Final = "weights"


@dataclass(frozen=True, slots=True)
class WeightsToTest:
    """Which weights to test, and how."""

    file: Path
    """A .safetensors file or one of `torch.save`."""
    model: Choice
    data: DataConfig
    name: str = ""
    """The name of the run; by default that of the file."""
    command: str = ""
    """The command line that does the same."""
    device: str = "auto"
    data_dir: str = ""
    parts: tuple[str, ...] = ()
    """Files with the user's own parts."""

    @property
    def sha256(self) -> str:
        """What the run is recognized by."""
        about = [sha256_of(self.file), self.model.table(), self.data.model_dump(mode="json")]
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def existing(wanted: WeightsToTest, root: Path) -> str:
    """The id of the run that was made from the same file with the same model and data; "" if there is none.

    Raises:
        BadInput: the file cannot be read, or is none of weights.
    """
    inspect(wanted.file)
    return made.run_of(wanted.sha256, root)


def write(wanted: WeightsToTest, root: Path, evaluate: Callable[[dict[str, Any]], dict[str, Any]]) -> RunFolder:
    """Test the weights and make the run folder, which appears complete or not at all.

    Args:
        evaluate: has a process that imports torch answer a request of `engine.incoming.evaluate`.

    Raises:
        BadInput: the weights do not fit the model or the classes, or the folder cannot be written.
    """
    begun = time.time()

    def fill(run: RunFolder, run_id: str) -> None:
        answer = evaluate(_request(wanted, run.predictions))
        _write_events(run, answer, begun)
        run.add_label(name=_name(wanted))
        write_atomic(run.run_json, encode_table(_info(wanted, answer, run_id, begun)))

    return made.make(root, begun, wanted.sha256, wanted.file.name, fill)


def _request(wanted: WeightsToTest, out: Path) -> dict[str, Any]:
    """What `engine.incoming.evaluate` is asked."""
    return {
        "file": str(wanted.file),
        "sha256": sha256_of(wanted.file),
        "model": wanted.model.table(),
        "data": wanted.data.model_dump(mode="json"),
        "out": str(out),
        "device": wanted.device,
        "data_dir": wanted.data_dir,
        "parts": wanted.parts,
    }


def _write_events(run: RunFolder, answer: dict[str, Any], begun: float) -> None:
    started = build(RunStarted, answer["run_started"] | {"epochs": 1, "best_on": "", "t": begun})
    epoch = build(Epoch, answer["epoch"] | {"epoch": 1})
    with EventWriter(run.events) as events:
        for event in (started, epoch, Finished(epochs=1, last_accuracy=epoch.test_accuracy, best_on="")):
            events.write(event)


def _info(wanted: WeightsToTest, answer: dict[str, Any], run_id: str, begun: float) -> RunInfo:
    normalization = {key: " ".join(f"{value:g}" for value in answer[key]) for key in ("mean", "std")}
    options = {f"model.{key}": value for key, value in wanted.model.table().items() if key != "name"}
    return RunInfo(
        id=run_id,
        created=begun,
        recipe_id=f"{PREFIX}{wanted.sha256[:16]}",
        model=wanted.model.name,
        data=wanted.data.name,
        epochs=1,
        preset=_name(wanted),
        command=wanted.command,
        versions=versions(),
        imported={
            "layout": LAYOUT,
            "folder": str(wanted.file.parent),
            "sha256": wanted.sha256,
            "files": [
                {
                    "file": wanted.file.name,
                    "sha256": sha256_of(wanted.file),
                    "bytes": wanted.file.stat().st_size,
                }
            ],
            "series": {},
            "percent": [],
            "axis": "one test, whose epoch is unknown",
            "settings": {"model": wanted.model.name, **options, "data": wanted.data.name, **normalization},
            "recipe_name": "",
        },
    )


def _name(wanted: WeightsToTest) -> str:
    return check_name(wanted.name or one_line(wanted.file.name, LONGEST_NAME).lstrip("@") or LAYOUT)


def of_export(folder: Path, config: dict[str, Any]) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """The file, the model and the data of a folder that an export has made, as tables of a recipe.

    Raises:
        BadInput: its config.json lacks one of them.
    """
    try:
        model = {"name": str(config["architecture"]), **config["model_options"]}
        given = {"normalize": "given", "mean": config["mean"], "std": config["std"]}
        return weights_in(folder), model, {"name": str(config["data"]["name"]), **given}
    except (KeyError, TypeError):
        raise BadInput(f"{folder}: its config.json is not that of an export; name the file and --model") from None
