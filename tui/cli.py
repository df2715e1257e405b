"""The `cifar-tui` command. It imports neither textual nor torch, so that listings start fast."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import Any

import typer

from engine.contract.errors import BadInput
from tui.commands import catalog_parts, data, doctor, grid, lr_find, models, parts, presets, queue, runs, suites
from tui.commands.common import RunsDirs, TrustParts, group, roots, user_errors
from tui.commands.complete import preset_names
from tui.commands.output import streams

app = group(
    "Train image classifiers on CIFAR from a terminal. Without a command, the workbench opens; "
    "--preset NAME --headless starts a run without it."
)

for noun, singular, sub in (
    ("presets", "preset", presets.presets),
    ("models", "model", models.app),
    ("augmentations", "augmentation", parts.augmentations),
    ("schedules", "schedule", parts.schedules),
    *((noun, catalog_parts.NOUNS[noun][0], catalog_parts.app_of(noun)) for noun in catalog_parts.NOUNS),
    ("suites", "suite", suites.app),
    ("runs", "run", runs.app),
    ("queue", "", queue.app),
    ("data", "", data.app),
):
    app.add_typer(sub, name=noun)
    if singular:
        app.add_typer(sub, name=singular, hidden=True)  # `cifar-tui run list` works too
app.command("doctor")(doctor.doctor)
app.command("schema")(doctor.schema)
app.command("grid")(grid.grid)
app.command("lr-find")(lr_find.lr_find)

WHAT, NUMBERS, WHERE, HOW = "What to train", "Numbers", "Where", "How"


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"cifar-tui {version('cifar-tui')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    ctx: typer.Context,
    preset: str = typer.Option(
        "",
        help="A preset's name, a TOML file, suite:NAME/ROW, or run:RUN to repeat a run.",
        metavar="P",
        autocompletion=preset_names,
    ),
    headless: bool = typer.Option(False, "--headless", help="Train without opening the workbench."),
    model: str = typer.Option("", help="Another model.", metavar="M"),
    augmentation: str = typer.Option("", help="Another named augmentation.", metavar="A"),
    schedule: str = typer.Option("", help="Another schedule.", metavar="S"),
    epochs: int | None = typer.Option(None, help="Passes over the training images.", metavar="N"),
    batch_size: int | None = typer.Option(None, help="Images a step.", metavar="N"),
    lr: float | None = typer.Option(None, help="Learning rate at the schedule's peak.", metavar="X"),
    seed: str = typer.Option("", help="Seed of one run.", metavar="N"),
    seeds: str = typer.Option("", help="Several runs: 5 (seeds 0 to 4), 0-4 or 0,3,7.", metavar="N"),
    sets: list[str] = typer.Option([], "--set", help="Change any field: optimizer.momentum=0.8", metavar="KEY=VALUE"),
    add_ops: list[str] = typer.Option([], "--add-op", help="Add an op: color_jitter:hue=0.1", metavar="O"),
    drop_ops: list[str] = typer.Option([], "--drop-op", help="Drop an op by name.", metavar="O"),
    device: str = typer.Option("", help="auto, cpu, cuda, cuda:1 or mps.", metavar="D"),
    gpus: int | None = typer.Option(None, help="GPUs of this machine for one run.", metavar="N"),
    threads: int | None = typer.Option(None, help="CPU threads; 0 takes all cores.", metavar="N"),
    wait_free: float | None = typer.Option(None, help="Queue until the GPU has so much free memory.", metavar="GB"),
    data_dir: str = typer.Option("", help="Folder with the data set.", metavar="DIR"),
    runs_dir: list[str] | None = RunsDirs,
    name: str = typer.Option("", help="A name for the run.", metavar="TEXT"),
    tags: list[str] = typer.Option([], "--tag", help="A word to find the run by.", metavar="T"),
    keep: str = typer.Option("", help="Checkpoints to keep: all, resumable, weights or none.", metavar="K"),
    share: str = typer.Option("", help="Who may read the run: private or group.", metavar="W"),
    own_parts: list[Path] = typer.Option([], "--parts", help="A Python file with parts of your own.", metavar="FILE"),
    trust_parts: bool = TrustParts,
    detach: bool = typer.Option(False, "--detach", help="Start, print the run's id and return."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print the resolved recipe as TOML and start nothing."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object an event on stdout, then the result."),
    _version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Open the workbench, or start a run without it."""
    if ctx.invoked_subcommand is not None:
        return
    flags: dict[str, Any] = {
        key: value
        for key, value in locals().items()
        if key not in ("ctx", "headless", "runs_dir", "detach", "dry_run", "as_json", "_version", "own_parts")
    }
    flags["parts"] = [str(file) for file in own_parts]
    if headless or dry_run:
        from tui.commands import train

        raise SystemExit(train.main(flags, roots(runs_dir), detach=detach, dry_run=dry_run, as_json=as_json))
    _workbench(roots(runs_dir), preset_flags={key: value for key, value in flags.items() if value} if preset else None)


@app.command("open")
def open_run(run: str = typer.Argument("@last", metavar="RUN"), runs_dir: list[str] | None = RunsDirs) -> None:
    """Open the workbench on a run."""
    from engine.contract.run.store import find

    places = roots(runs_dir)
    _workbench(places, open_run=find(places, run).id)


@app.command("results")
def results(runs_dir: list[str] | None = RunsDirs) -> None:
    """Open the workbench on the table of all runs."""
    _workbench(roots(runs_dir), start_screen="results")


def _workbench(places: list[Path], **start: Any) -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise BadInput(
            "the workbench needs a terminal; without one, use `cifar-tui --preset NAME --headless` "
            "or a command such as `cifar-tui runs list`"
        )
    from tui.opening import run_workbench

    raise SystemExit(run_workbench(roots=places, **start))


def main() -> None:
    """The entry point of the `cifar-tui` script."""
    gc.set_threshold(50_000)  # full collections during the imports take a tenth of the start-up time
    # Searching for pydantic plugins would read the metadata of every installed package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    if "NO_COLOR" in os.environ:
        os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    with streams(), user_errors():
        code = app(prog_name="cifar-tui", standalone_mode=False)
        raise SystemExit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
