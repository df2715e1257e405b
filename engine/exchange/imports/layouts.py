"""Which files below a folder belong to which run, for the layouts that loggers write.

Lightning    version_N/ with hparams.yaml, event files or metrics.csv
timm         DATE-MODEL-SIZE/ with summary.csv and args.yaml
Keras        train/ and validation/, which are one run
torch        a folder of event files; `add_scalars` and `add_hparams` make folders below it, which belong to the run
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from engine.contract.errors import BadInput
from engine.contract.files import read_bytes
from engine.exchange.imports.csv_files import runs_in
from engine.exchange.imports.series import SPLITS
from engine.exchange.imports.sources import SourceFile
from engine.exchange.tensorboard.event_files import MARK
from engine.exchange.tensorboard.read import tags_at_the_start

LOGS: Final = ("metrics.csv", "summary.csv")
"""CSV files that loggers write; others are read where the user names them."""
MOST_FOLDERS: Final = 100_000
_SETTING: Final = re.compile(r"([A-Za-z_][\w.-]*):[ \t]+([^#\n\[{&*!|>%@`].*)")
_TIMM: Final = re.compile(r"\d{8}-\d{6}-(.+?)(?:-\d+)?")
"""The name of a folder of timm: date, time, model and image size."""
_UNIX_TIME: Final = re.compile(r"\d{10}(\.\d+)?")
"""The name that `add_hparams` gives to its folder."""


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run of another program: its files, and what their place says."""

    name: str
    folder: Path
    layout: str
    sources: tuple[SourceFile, ...]
    settings: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def find_runs(place: Path) -> list[FoundRun]:
    """The runs in a folder and the folders below it, or in a single file, by name.

    Symbolic links are not followed.

    Raises:
        BadInput: there is nothing to import, or it cannot be read.
    """
    if place.is_file():
        return _in_file(place)
    if not place.is_dir():
        raise BadInput(f"{place}: no such file or folder")
    holding = dict(_folders_with_logs(place))
    if not holding:
        raise BadInput(f"{place}: no event files (events.out.tfevents...), metrics.csv or summary.csv in it")
    members: dict[Path, list[SourceFile]] = {}
    layouts: dict[Path, str] = {}
    for folder, files in holding.items():
        owner, source, layout = _owner(folder, files, holding)
        members.setdefault(owner, [])
        members[owner] += [replace(source, path=file) for file in files if MARK in file.name]
        members[owner] += [SourceFile(file, "csv") for file in files if MARK not in file.name]
        if layout:
            layouts[owner] = layout
    base = place.absolute().parent if place.absolute() in members else place.absolute()
    return [_found(base, owner, sources, layouts.get(owner, "")) for owner, sources in sorted(members.items())]


def _in_file(path: Path) -> list[FoundRun]:
    """The runs in a file that the user has named."""
    if MARK in path.name:
        return [
            FoundRun(path.absolute().parent.name, path.absolute().parent, "tensorboard", (SourceFile(path, "events"),))
        ]
    runs = runs_in(path)
    if runs == [""]:
        return [_found(path.absolute().parent.parent, path.absolute().parent, [SourceFile(path, "csv")], "")]
    return [FoundRun(run, path.absolute().parent, "wandb", (SourceFile(path, "csv", part=run),)) for run in runs]


def _folders_with_logs(place: Path) -> Iterator[tuple[Path, list[Path]]]:
    """The folders that hold event files or known CSV files, with these, parents before children."""

    def fail(error: OSError) -> None:
        raise BadInput(f"{error.filename}: {error.strerror}") from error

    for number, (name, folders, files) in enumerate(os.walk(place.absolute(), onerror=fail)):
        if number >= MOST_FOLDERS:
            raise BadInput(f"{place}: more than {MOST_FOLDERS:,} folders; name those with the logs")
        folders.sort()
        if "run.json" in files and "events.jsonl" in files:
            folders.clear()  # a run of this workbench, which needs no import
            continue
        found = [Path(name, file) for file in sorted(files) if MARK in file or file in LOGS]
        if regular := [file for file in found if not file.is_symlink()]:
            yield Path(name), regular


def _owner(folder: Path, files: list[Path], holding: dict[Path, list[Path]]) -> tuple[Path, SourceFile, str]:
    """The folder of the run that a folder belongs to, what its place says of its event files, and the layout."""
    own = SourceFile(folder, "events")
    parent = folder.parent
    split = SPLITS.get(folder.name.lower(), "")
    events = [file for file in files if MARK in file.name]
    if split and events and len(events) == len(files):
        return parent, replace(own, split=split), "keras"
    if parent not in holding or not events:
        return folder, own, ""
    tags, hyperparameters = tags_at_the_start(events[0])
    if len(tags) == 1 and folder.name.startswith(start := f"{next(iter(tags)).replace('/', '_')}_"):
        return parent, replace(own, prefix=folder.name.removeprefix(start)), "torch"
    if hyperparameters or _UNIX_TIME.fullmatch(folder.name):
        return parent, own, "torch"
    return folder, own, ""


def _found(base: Path, folder: Path, sources: list[SourceFile], layout: str) -> FoundRun:
    notes: tuple[str, ...] = ()
    events = [source for source in sources if source.kind == "events"]
    if events and len(events) < len(sources):
        left = ", ".join(source.path.name for source in sources if source.kind == "csv")
        notes = (f"{left} is left out: the event files beside it hold the same",)
    settings = _settings(folder)
    if not layout:
        layout = _layout(folder, sources)
    if layout == "timm" and (model := _TIMM.fullmatch(folder.name)):
        settings.setdefault("model", model[1])
    name = folder.relative_to(base).as_posix() if folder.is_relative_to(base) else folder.name
    return FoundRun(name if name != "." else folder.name, folder, layout, tuple(events or sources), settings, notes)


def _layout(folder: Path, sources: list[SourceFile]) -> str:
    """The program that has written a folder, by the files in it."""
    names = {source.path.name for source in sources}
    if "summary.csv" in names and (folder / "args.yaml").is_file():
        return "timm"
    if (folder / "hparams.yaml").is_file():
        return "lightning"
    return "csv" if all(source.kind == "csv" for source in sources) else "tensorboard"


def _settings(folder: Path) -> dict[str, str]:
    """The plain settings in args.yaml or hparams.yaml: one key and one value a line; anything nested is skipped."""
    for name in ("args.yaml", "hparams.yaml"):
        if data := read_bytes(folder / name):
            lines = data.decode(errors="replace").splitlines()
            found = (_SETTING.fullmatch(line) for line in lines)
            return {line[1]: line[2].strip().strip("'\"") for line in found if line}
    return {}
