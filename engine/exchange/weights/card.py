"""What stands beside exported weights: `config.json` for programs, and a model card, `README.md`, for people."""

from __future__ import annotations

import math
from typing import Any, Final

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Recipe
from engine.contract.run.events import Epoch
from engine.contract.run.fold import RunFold
from engine.contract.run.folder import RunFolder, RunInfo
from engine.contract.run.initial import FIELD, without_folder
from engine.exchange.weights.snippets import loading, plain

CONFIG_VERSION: Final = 1
"""Raised whenever a key of `config.json` changes its meaning or goes."""

HUB_NAMES: Final = {"cifar10": "cifar10", "cifar100": "cifar100"}
"""Our data sets by the names that they have on the Hugging Face hub."""


def measured(run: RunFolder, which: str, epoch: int) -> dict[str, Any]:
    """The accuracy of exported weights, as the run measured it, and how these weights were selected.

    Args:
        which: "final", "ema" or "best".
        epoch: of the weights, from 1.

    Returns:
        {"test": 0..1 or None if it was not measured, "images": of the test, "selection": words}.
    """
    course = RunFold(run.events).poll().course
    event: Epoch | None = next((found for found in course.epochs if found.epoch == epoch), None)
    accuracy = event.test_accuracy if event else math.nan
    if which != "best":
        selection = "the last epoch"
    elif course.best_on == "holdout":
        selection = "the best epoch by accuracy on hold-out images of the training set"
    else:
        selection = "the best epoch by accuracy on the test images"
    return {
        "test": accuracy if math.isfinite(accuracy) else None,
        "images": sum(event.per_class_count) if event and event.per_class_count else None,
        "selection": selection,
    }


def finished(run: RunFolder) -> bool:
    """Whether a run has trained to its end, so that it has final weights."""
    return run.status().state == "finished"


def config_of(
    run: RunFolder, recipe: Recipe, data: dict[str, Any], weights: dict[str, Any], file: dict[str, Any]
) -> dict[str, Any]:
    """The content of `config.json`.

    Args:
        data: "classes", "mean", "std", "channels", "image_size" and "fingerprint" of the run's data set.
        weights: "which" was asked for, the "kind" of the weights (raw, ema or swa), and their "epoch".
        file: "file" name, "format", "names" and "sha256" of the weights.
    """
    info = run.info()
    channels, size = data["channels"], data["image_size"]
    return {
        "config_version": CONFIG_VERSION,
        "architecture": recipe.model.name,
        "model_options": {key: value for key, value in recipe.model.table().items() if key != "name"},
        "num_classes": len(data["classes"]),
        "label_names": list(data["classes"]),
        "input_size": [channels, size, size],
        "mean": list(data["mean"]),
        "std": list(data["std"]),
        **file,
        "weights": weights,
        "accuracy": measured(run, weights["which"], weights["epoch"]),
        "data": {"name": recipe.data.name, "fingerprint": data["fingerprint"]},
        "run": {"id": run.id, "seed": info.seed, "recipe_id": info.recipe_id, "preset": info.preset},
        "made_by": f"cifar-tui {info.versions.get('cifar-tui', '')}".strip(),
        "recipe": recipe.model_copy(update={FIELD: without_folder(recipe.init_from)}).to_table(),
    }


def model_card(config: dict[str, Any], info: RunInfo, recipe_toml: str) -> str:
    """The content of `README.md`: figures, how to load the weights, what the figures do not show, and the recipe."""
    accuracy, weights, run = config["accuracy"], config["weights"], config["run"]
    value = "not measured" if accuracy["test"] is None else f"{accuracy['test']:.2%}"
    images = "" if accuracy["images"] is None else f" of {accuracy['images']:,} images"
    title = f"{config['architecture']} on {config['data']['name']}"
    changes = f", changed: {info.changes}" if info.changes else ""
    rows = (
        ("test accuracy", f"{value}{images}"),
        ("selection", f"{accuracy['selection']} (epoch {weights['epoch']} of {info.epochs})"),
        ("weights", {"raw": "as trained", "ema": "exponential moving average", "swa": "stochastic weight average"}.get(
            weights["kind"], weights["kind"])),
        ("seed", str(run["seed"])),
        ("preset", f"{run['preset'] or 'none'}{changes}"),
        ("recipe id", f"`{run['recipe_id']}`"),
        ("run", f"`{run['id']}`"),
        ("trained with", config["made_by"]),
        ("SHA-256 of the weights", f"`{config['sha256']}`"),
    )  # fmt: skip
    table = "\n".join(f"| {name} | {text} |" for name, text in rows)
    doubts = "\n".join(f"- {line}" for line in not_concluded(config))
    return (
        f"{_front(config)}\n# {title}\n\n| | |\n|---|---|\n{table}\n\n"
        f"## How to load it\n\n{_needs(config)}\n\n```python\n{loading(config).strip()}\n```\n\n"
        f"The classes of the logits, in order: {', '.join(config['label_names'])}.\n\n"
        f"## What may not be concluded\n\n{doubts}\n\n"
        f"## Recipe\n\n```toml\n{recipe_toml.strip()}\n```\n"
    )


def not_concluded(config: dict[str, Any]) -> list[str]:
    """What a reader might take from the figures, but should not; one sentence or two each."""
    lines = [
        "This is one run with one seed. Another seed gives another accuracy, so a small difference from another model "
        "does not show which recipe is better.",
    ]
    if config["weights"]["which"] == "best" and "test images" in config["accuracy"]["selection"]:
        lines.append(
            "The epoch was selected by its accuracy on the test images. That accuracy is therefore too high as an "
            "estimate for new images, and must not be compared with accuracies of last epochs."
        )
    if config["recipe"]["data"].get("test_slice", "all") != "all":
        lines.append("Only a part of the test set was used, so the accuracy is not comparable with published ones.")
    lines.append("The accuracy holds for images of the same origin. Other or damaged images were not tested.")
    return lines


def refuse_unless_averaged(which: str, kind: str, run_id: str) -> None:
    """Refuse `ema` for weights that are not an exponential moving average. Raises BadInput."""
    if which == "ema" and kind != "ema":
        how = "those of its last step" if kind == "raw" else f"averaged by {kind}"
        raise BadInput(f"run {run_id} has no ema weights: its final weights are {how}; use --weights final")


def _needs(config: dict[str, Any]) -> str:
    """The packages that the loading code needs, as a sentence."""
    if config["format"] == "onnx":
        return "This needs the packages onnxruntime and numpy, but not PyTorch."
    packages = ["torch"] + ["safetensors"] * (config["format"] == "safetensors")
    if not plain(config):
        packages.append("cifar-tui")
    return f"This needs {' and '.join(packages)}." if len(packages) < 3 else f"This needs {', '.join(packages)}."


def _front(config: dict[str, Any]) -> str:
    """The YAML block by which the hub files a model."""
    hub = HUB_NAMES.get(config["data"]["name"])
    datasets = f"datasets:\n- {hub}\n" if hub else ""
    return f"---\nlibrary_name: pytorch\npipeline_tag: image-classification\n{datasets}metrics:\n- accuracy\n---\n"
