"""Read the files of a run of another program, and decide what each of their scalars becomes; nothing is written."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from engine.contract.clock import LATEST
from engine.contract.errors import BadInput
from engine.contract.lines import open_regular
from engine.exchange.imports import series as names
from engine.exchange.imports.csv_files import read_csv
from engine.exchange.imports.epochs import EpochAxis, ImportedCourse, axis_of, course_of
from engine.exchange.imports.layouts import FoundRun
from engine.exchange.imports.points import Points, merged, without_resets
from engine.exchange.imports.series import EPOCH, OTHER, Meaning
from engine.exchange.imports.sources import Content, Progress, SourceFile, unwatched
from engine.exchange.tensorboard.read import read_event_file

_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the user has said about an import."""

    series: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """The series of some tags, by the names in `series.NAMES`."""
    val_is_test: bool = False
    recipe_name: str = ""
    """The name under which runs are grouped by hand; "" if they are not."""
    partial: bool = False
    """Of a damaged or truncated event file, import what comes before the damage."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """One scalar of the files, and what becomes of it."""

    tag: str
    meaning: Meaning
    points: Points
    resets: int
    """How often its step went back."""


@dataclass(frozen=True, slots=True)
class Hashed:
    """A file that was imported."""

    file: str
    """Relative to the folder of the run where it lies in it."""
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """A run as it would be imported."""

    found: FoundRun
    files: tuple[Hashed, ...]
    scalars: tuple[Scalar, ...]
    axis: EpochAxis
    course: ImportedCourse
    settings: Mapping[str, Any]
    begun: float
    """When it began, in seconds since 1970: the time of the first point, else that of the file."""
    options: ImportOptions
    notes: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """What the run is recognized by: the hash of the hashes of its files, whatever their names."""
        parts = {source.part for source in self.found.sources if source.part}
        return hashlib.sha256("\n".join(sorted([file.sha256 for file in self.files] + [*parts])).encode()).hexdigest()

    @property
    def others(self) -> list[Scalar]:
        """The scalars that are none of our series."""
        return [scalar for scalar in self.scalars if scalar.meaning.series == OTHER]


def plan(found: FoundRun, options: ImportOptions, progress: Progress = unwatched) -> ImportPlan:
    """Read the files of a run.

    Raises:
        BadInput: a file is foreign, damaged or truncated, or there is no scalar in any of them.
    """
    contents = [(source, _read(source, options, progress)) for source in found.sources]
    merged_tags = _by_tag(contents)
    if not merged_tags:
        raise BadInput(f"{found.folder}: no scalars in {', '.join(source.path.name for source in found.sources)}")
    found = dataclasses.replace(found, layout=_layout(found, merged_tags, contents))
    axes = {content.axis for _, content in contents}
    scalars = _meant(merged_tags, options)
    ours = {
        scalar.meaning.series: _in_our_unit(scalar) for scalar in scalars if scalar.meaning.series not in (OTHER, EPOCH)
    }
    epoch = next((scalar.points for scalar in scalars if scalar.meaning.series == EPOCH), None)
    axis = axis_of(ours, epoch, axes == {"epoch"})
    course = course_of(ours, axis)
    times = [float(t) for scalar in scalars for t in scalar.points.times[:1] if 0 < t <= LATEST]
    notes = [*found.notes, *course.notes, *(note for _, content in contents for note in content.notes)]
    notes += [
        f"{one.tag}: the step went back {_times(one.resets)}; later points count" for one in scalars if one.resets
    ]
    notes += [
        f"{one.tag}: {one.points.seen:,} points, of which {len(one.points):,} are kept"
        for one in scalars
        if one.points.seen > 2 * len(one.points)
    ]
    settings = {key: value for _, content in contents for key, value in content.settings.items()}
    return ImportPlan(
        found=found,
        files=tuple(_hashed(source.path, found.folder) for source in _distinct(found.sources)),
        scalars=tuple(scalars),
        axis=axis,
        course=course,
        settings={**found.settings, **settings},
        begun=min(times, default=0.0) or found.sources[0].path.stat().st_mtime,
        options=options,
        notes=tuple(dict.fromkeys(notes)),
    )


def size_of(found: Sequence[FoundRun]) -> int:
    """Bytes of the files of these runs, each as often as it is read."""
    return sum(source.path.stat().st_size for one in found for source in one.sources)


def _read(source: SourceFile, options: ImportOptions, progress: Progress) -> Content:
    if source.kind == "events":
        return read_event_file(source.path, progress, partial=options.partial)
    return read_csv(source.path, progress)[source.part]


def _by_tag(contents: Sequence[tuple[SourceFile, Content]]) -> dict[tuple[str, str], Points]:
    """The points of each scalar of a run by its tag and the split of its folder, from all files."""
    parts: dict[tuple[str, str], list[Points]] = {}
    for source, content in contents:
        for tag, track in content.tracks.by_tag.items():
            full = f"{tag}/{source.prefix}" if source.prefix else tag
            parts.setdefault((full, source.split), []).append(track.points())
    return {key: merged(found) for key, found in parts.items()}


def _meant(by_tag: Mapping[tuple[str, str], Points], options: ImportOptions) -> list[Scalar]:
    """Every scalar with its meaning. Where two folders have the same tag, the split is put before it."""
    splits = {split for _, split in by_tag}
    full = {(tag, split): f"{split}/{tag}" if split and len(splits) > 1 else tag for tag, split in by_tag}
    meant = names.meanings({full[key]: key[1] for key in by_tag}, options.series, options.val_is_test)
    scalars = []
    for key, points in by_tag.items():
        ordered, resets = without_resets(points)
        scalars.append(Scalar(full[key], names.checked(meant[full[key]], ordered), ordered, resets))
    return scalars


def _in_our_unit(scalar: Scalar) -> Points:
    """The points as our events hold them: shares from 0 to 1, and no digits that single precision does not have."""
    points = scalar.points
    values = points.values
    if scalar.tag != "" and (values == values.astype(np.float32)).all():
        values = np.array([float(str(value)) for value in values.astype(np.float32)])
    if scalar.meaning.percent:
        values = np.round(values / 100, 9)
    if scalar.meaning.series in names.SHARES or scalar.meaning.series.startswith("class."):
        values = np.clip(values, 0.0, 1.0)
    return dataclasses.replace(points, values=values)


def _layout(
    found: FoundRun, tags: Mapping[tuple[str, str], Points], contents: Sequence[tuple[SourceFile, Content]]
) -> str:
    """The program that has written the files: as the folder says, else as the tags do."""
    if any("run.id" in content.settings for _, content in contents):
        return "cifar-tui"
    lightning = any(tag == "hp_metric" for tag, _ in tags)
    return "lightning" if lightning and found.layout in ("tensorboard", "csv") else found.layout


def _hashed(path: Path, folder: Path) -> Hashed:
    digest, size = hashlib.sha256(), 0
    with os.fdopen(open_regular(path, follow=True), "rb") as file:
        while block := file.read(_CHUNK):
            digest.update(block)
            size += len(block)
    place = path.absolute()
    name = place.relative_to(folder).as_posix() if place.is_relative_to(folder) else str(place)
    return Hashed(name, digest.hexdigest(), size)


def _distinct(sources: Sequence[SourceFile]) -> list[SourceFile]:
    return list({source.path: source for source in sources}.values())


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
