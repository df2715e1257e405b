"""`cifar-tui runs import-weights`: test a file of weights that somebody else has trained, as a finished run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from engine.contract.errors import BadInput, user_path
from tui.commands.common import Json, RunsDirs, TrustParts, print_json, roots, say

if TYPE_CHECKING:
    from engine.exchange.imports.weights import WeightsToTest

REST: Final = {"epochs": 1, "batch_size": 128, "optimizer": {"name": "sgd", "lr": 0.1}}
"""What a recipe needs besides model and data; nothing is trained with it."""
SETTABLE: Final = ("model.", "data.normalize", "data.mean", "data.std", "data.test_slice")


def import_weights(
    file: str = typer.Argument(
        ..., help="A .safetensors or .pth file, or a folder made by `runs export --weights`.", metavar="FILE"
    ),
    model: str = typer.Option("", "--model", help="The model of the weights; a folder says it itself.", metavar="M"),
    dataset: str = typer.Option("", "--dataset", help="Data set to test on (default cifar10).", metavar="D"),
    mean: str = typer.Option(
        "", "--mean", help="Mean of each channel that images are normalized with, for example .49,.48,.45.", metavar="X"
    ),
    std: str = typer.Option("", "--std", help="Standard deviation of each channel; give it with --mean.", metavar="X"),
    sets: list[str] = typer.Option(
        [], "--set", help="Set an option of the model, or data.normalize. Repeatable.", metavar="KEY=VALUE"
    ),
    parts: list[Path] = typer.Option(
        [], "--parts", help="Python file that defines parts of your own. Repeatable.", metavar="FILE"
    ),
    name: str = typer.Option("", "--name", help="Name of the run; by default that of the file.", metavar="TEXT"),
    device: str = typer.Option("auto", "--device", help="Device to test on: auto, cpu, cuda, or mps.", metavar="D"),
    data_dir: str = typer.Option("", "--data-dir", help="Folder that holds the data set.", metavar="DIR"),
    trust_parts: bool = TrustParts,
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Test weights that were trained elsewhere, and keep the predictions as a finished run.

    The run can be inspected and compared like any other. It cannot be resumed, repeated or grouped with trained runs,
    since its recipe is unknown. Without --mean and --std, images are normalized with the statistics of the training
    set. Importing the same file with the same options again finds the first run.
    """
    from dataclasses import replace

    from engine.contract.run import own_code
    from engine.contract.run.folder import RunFolder
    from engine.contract.run.summary import summarize
    from engine.exchange.imports.weights import existing, write
    from engine.launch.incoming import evaluated
    from tui.commands.trust import agreed
    from tui.drawing.format import percent

    path, own = user_path(file).absolute(), tuple(str(user_path(part).resolve()) for part in parts)
    wanted = replace(
        _wanted(path, model, dataset, _sets(mean, std, sets), own, data_dir),
        name=name,
        device=device,
        command=_command(path, {"--model": model, "--dataset": dataset, "--mean": mean, "--std": std}, sets, own),
    )
    root = roots(runs_dir)[0]
    found = existing(wanted, root)
    if found:
        run = RunFolder(root / found)
    else:
        agreed(lambda trust: own_code.approve(own_code.brought_by(own), trust), trust_parts)
        say(f"testing {wanted.file.name} as {wanted.model.name} on {wanted.data.name} ...")
        run = write(wanted, root, evaluated)
    row, done = summarize(run), "already imported" if found else "imported"
    if as_json:
        return print_json({"id": run.id, "status": done, "folder": str(run.path), "test_accuracy": row.last_accuracy})
    accuracy = "unknown" if row.last_accuracy is None else f"{percent(row.last_accuracy)} %"
    return typer.echo(f"{run.id}  {done}  {row.model} on {row.data}, test accuracy {accuracy}")


def _command(path: Path, options: Mapping[str, str], sets: Sequence[str], parts: Sequence[str]) -> str:
    """The command line that imports the same weights, wherever it is given."""
    words = [word for option, value in options.items() if value for word in (option, value)]
    words += [word for text in sets for word in ("--set", text)]
    words += [word for part in parts for word in ("--parts", part)]
    return shlex.join(["cifar-tui", "runs", "import-weights", str(path), *words])


def _sets(mean: str, std: str, sets: Sequence[str]) -> list[str]:
    """The changes to the recipe. Raises BadInput for one that has no meaning here."""
    if bool(mean) != bool(std):
        raise BadInput("--mean and --std belong together: give both or neither")
    for text in sets:
        if not text.startswith(SETTABLE):
            raise BadInput(f"--set {text}: weights have only model.* and {', '.join(SETTABLE[1:])}")
    given = [f"data.mean=[{mean}]", f"data.std=[{std}]", "data.normalize=given"] if mean else []
    return [*sets, *given]


def _wanted(
    path: Path, model: str, dataset: str, sets: Sequence[str], parts: tuple[str, ...], data_dir: str
) -> WeightsToTest:
    """What is asked for, checked as far as that is possible without torch. Raises BadInput."""
    from engine.contract.files import read_json
    from engine.contract.recipe.catalog import catalog
    from engine.contract.recipe.overrides import apply_set
    from engine.contract.recipe.resolve import resolve
    from engine.contract.run.weights_file import weights_in
    from engine.data.fetch import require
    from engine.exchange.imports.weights import WeightsToTest, of_export

    config = read_json(path / "config.json") if path.is_dir() else None
    if config is not None and not model:
        file, chosen, data = of_export(path, config)
    elif model:
        file, chosen, data = weights_in(path), {"name": model}, {}
    else:
        raise BadInput(f"{path}: name the model of these weights with --model; `cifar-tui models` lists them")
    known = catalog(tuple(map(Path, parts)))
    table: dict[str, Any] = {**REST, "model": chosen, "data": {**data, **({"name": dataset} if dataset else {})}}
    for text in sets:
        table = apply_set(table, text)
    recipe = resolve(table, known)
    folder = str(user_path(data_dir).absolute()) if data_dir else ""
    if known.get("dataset", recipe.data.name).meta.get("downloadable"):
        require(recipe.data.name, folder)
    return WeightsToTest(file, recipe.model, recipe.data, data_dir=folder, parts=parts)
