"""Find out what a further test set is from its files, and check that a model can be tested on it. No torch."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from engine.contract.errors import BadInput, nearest, nearest_or_all, user_path
from engine.contract.run.predicted import NAME, SEVERITIES
from engine.data.archives import data_root
from engine.data.given.array_files import ArchivedImages, MappedImages, NpzFile, mapped
from engine.data.given.corruptions import CORRUPTIONS, STANDARD
from engine.data.given.image_folder import images_in
from engine.data.given.model_input import Images, Labels, ModelInput

IMAGES: Final = ("images", "data", "x_test", "x")
LABELS: Final = ("labels", "label", "y_test", "y")
CLASSES: Final = ("classes", "class_names", "label_names")
"""The names of arrays in a .npz file; the first that is there counts."""
NEWER: Final = re.compile(r"cifar10\.1_(v\d+)_data\.npy")
"""The images of a version of CIFAR-10.1 (Recht et al. 2018, arXiv:1806.00451); its labels are in a file beside it."""
CIFAR10: Final = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
KNOWN: Final = {
    "cifar10.1": (("CIFAR-10.1/datasets", "CIFAR-10.1", "cifar10.1"), "https://github.com/modestyachts/CIFAR-10.1"),
    "cifar10-c": (("CIFAR-10-C", "cifar10-c"), "https://zenodo.org/records/2535967"),
    "cifar100-c": (("CIFAR-100-C", "cifar100-c"), "https://zenodo.org/records/3555552"),
}
"""Test sets that may be named instead of a path: the folders that they have in the data folder, and their home."""


@dataclass(frozen=True, slots=True)
class ImageSubset:
    """Images that belong together: all of a set, or those of one corruption and severity."""

    images: Images
    corruption: str = ""
    severity: int = 0
    """From 1; 0 without a corruption."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that was read."""

    path: Path
    role: str
    """What it is in the set, whatever its name: "images", "labels", the name of a corruption, or CLASS/FILE."""


@dataclass(frozen=True, slots=True)
class Given:
    """A further test set whose files have been checked."""

    name: str
    layout: str
    """cifar10.1, corruptions, npy, npz or folder."""
    files: tuple[File, ...]
    parts: tuple[ImageSubset, ...]
    labels: Labels | None
    """(N,) of the images of any part; (5, n) by severity for corruptions; None if they are not known."""
    notes: tuple[str, ...] = ()
    """What a reader must know, as sentences."""
    by_file: bool = False
    """Whether each image has a file of its own."""

    @property
    def images(self) -> int:
        """Of all parts."""
        return sum(len(part.images) for part in self.parts)

    @property
    def corruptions(self) -> list[str]:
        """Their names, in the order of the parts."""
        return list(dict.fromkeys(part.corruption for part in self.parts if part.corruption))


def open_given(source: str, wants: ModelInput, *, labels: str = "", name: str = "", data_dir: str = "") -> Given:
    """Recognize and check a further test set. No pixel is read yet.

    Args:
        source: a path, or a name of `KNOWN`, which is looked for in the data folder.
        labels: the file of the labels, for images in a .npy file.
        name: what to call it; by default it is named after its files.
        data_dir: the data folder; "" for the usual one.

    Raises:
        BadInput: there is no such file, or it does not fit the model.
    """
    if name and not NAME.fullmatch(name):
        raise BadInput(f"--name {name!r}: needs lower-case letters, digits, '.', '_' and '-', at most 60 of them")
    path = _place(source, data_dir)
    if labels and (path.is_dir() or path.suffix != ".npy"):
        raise BadInput("--labels goes with images in a .npy file; others hold their labels themselves")
    found = _open(path, wants, user_path(labels) if labels else None)
    return replace(found, name=name or found.name)


def _place(source: str, data_dir: str) -> Path:
    """The path that is meant. BadInput if there is none."""
    path = user_path(source)
    if path.exists():
        return path.absolute()
    if source not in KNOWN:
        known = nearest(source, KNOWN) if "/" not in source else ""
        raise BadInput(f"--data {source}: no such file or folder{known}")
    folders, home = KNOWN[source]
    root = data_root(data_dir)
    for folder in folders:
        if (root / folder).is_dir():
            return root / folder
    raise BadInput(f"--data {source}: not in {root} (looked for {', '.join(folders)}); get it from {home}")


def _open(path: Path, wants: ModelInput, labels: Path | None) -> Given:
    if path.is_dir():
        if (path / "labels.npy").exists():
            return _corruptions(path, None, wants)
        if newer := sorted(file for file in path.iterdir() if NEWER.fullmatch(file.name)):
            return _newer(newer, wants)
        found, numbers = images_in(path, wants)
        files = tuple(File(file, f"{file.parent.name}/{file.name}") for file in found.paths)
        return Given(slug(path.resolve().name), "folder", files, (ImageSubset(found),), numbers, by_file=True)
    if path.suffix == ".npz":
        return _archive(path, wants)
    if path.suffix != ".npy":
        raise BadInput(f"--data {path}: needs a .npy or .npz file, or a folder")
    if NEWER.fullmatch(path.name) and labels is None:
        return _newer([path], wants)
    if path.stem in CORRUPTIONS and labels is None and (path.parent / "labels.npy").exists():
        return _corruptions(path.parent, path.stem, wants)
    return _array(path, labels, wants, slug(path.stem), "npy")


def _array(path: Path, labels: Path | None, wants: ModelInput, name: str, layout: str) -> Given:
    """Images in a .npy file, and labels in another one."""
    images = mapped(path)
    part = ImageSubset(MappedImages(path, wants.axes(images.shape, images.dtype, str(path)), 0, len(images)))
    if labels is None:
        note = "no labels, so there are predictions but no accuracy; --labels FILE gives them"
        return Given(name, layout, (File(path, "images"),), (part,), None, (note,))
    numbers = wants.labels(mapped(labels), len(images), str(labels))
    return Given(name, layout, (File(path, "images"), File(labels, "labels")), (part,), numbers)


def _archive(path: Path, wants: ModelInput) -> Given:
    archive = NpzFile(path)
    images, labels, classes = (
        next((name for name in names if name in archive.names), "") for names in (IMAGES, LABELS, CLASSES)
    )
    if not images:
        there = ", ".join(archive.names[:10]) or "nothing"
        raise BadInput(f"{path}: no array of images under any of the names {', '.join(IMAGES)}; it holds {there}")
    header = archive.header(images)
    axes = wants.axes(header.shape, header.dtype, f"{path}: `{images}`")
    part = ImageSubset(ArchivedImages(archive, images, axes, header.shape[0]))
    name, files = slug(path.stem), (File(path, "images"),)
    if not labels:
        note = f"no labels under any of the names {', '.join(LABELS)}, so there are predictions but no accuracy"
        return Given(name, "npz", files, (part,), None, (note,))
    names = [str(one) for one in archive.small(classes).ravel()] if classes else []
    numbers = wants.labels(archive.small(labels), header.shape[0], f"{path}: `{labels}`", names)
    return Given(name, "npz", files, (part,), numbers)


def _newer(found: list[Path], wants: ModelInput) -> Given:
    """CIFAR-10.1; of several versions the last."""
    path = found[-1]
    if wants.classes != CIFAR10:
        raise BadInput(f"{path}: CIFAR-10.1 is a test set for the classes of CIFAR-10, but the run has {wants.data}")
    labels = path.with_name(path.name.replace("_data", "_labels"))
    if not labels.exists():
        raise BadInput(f"{path}: its labels, {labels.name}, are not beside it")
    version = path.name.split("_")[1]
    given = _array(path, labels, wants, f"cifar10.1-{version}", "cifar10.1")
    assert given.labels is not None
    wants.refuse_missing_classes(given.labels, str(labels))
    others = [one.name for one in found[:-1]]
    notes = (f"{path.name} is used; name {' or '.join(others)} for another version",) if others else ()
    return replace(given, notes=notes)


def _corruptions(folder: Path, only: str | None, wants: ModelInput) -> Given:
    """A folder in the layout of CIFAR-10-C, or one corruption of it."""
    there = sorted(path.stem for path in folder.glob("*.npy") if path.name != "labels.npy")
    if unknown := [name for name in there if name not in CORRUPTIONS]:
        known = nearest_or_all(unknown[0], CORRUPTIONS)
        raise BadInput(f"{folder}: {unknown[0]}.npy is not a corruption of CIFAR-10-C{known}")
    chosen = [name for name in CORRUPTIONS if name in ((only,) if only else there)]
    if not chosen:
        raise BadInput(f"{folder}: labels.npy, but no corruption such as {CORRUPTIONS[0]}.npy beside it")
    path = folder / "labels.npy"
    found = mapped(path)
    count, left = divmod(len(found) if found.ndim == 1 else 0, SEVERITIES)
    if left or not count:
        raise BadInput(f"{path}: {found.shape}, needs the labels of {SEVERITIES} severities one after the other")
    labels = wants.labels(found, len(found), str(path)).reshape(SEVERITIES, count)
    if (labels != labels[0]).any():
        raise BadInput(f"{path}: the labels of the {SEVERITIES} severities differ, but they are of the same images")
    wants.refuse_missing_classes(labels[0], str(path))
    parts = [part for name in chosen for part in _severities(folder / f"{name}.npy", name, count, wants)]
    files = (File(path, "labels"), *(File(folder / f"{name}.npy", name) for name in chosen))
    missing = [name for name in STANDARD if name not in chosen]
    notes = () if only or not missing else (_incomplete(missing),)
    name = f"{slug(wants.data)}-c" + (f"-{only}" if only else "")
    return Given(name, "corruptions", files, tuple(parts), labels, notes)


def _severities(path: Path, name: str, count: int, wants: ModelInput) -> list[ImageSubset]:
    images = mapped(path)
    axes = wants.axes(images.shape, images.dtype, str(path))
    if len(images) != SEVERITIES * count:
        raise BadInput(f"{path}: {len(images):,} images, but labels.npy has {SEVERITIES * count:,} labels")
    return [
        ImageSubset(MappedImages(path, axes, at * count, (at + 1) * count), name, at + 1) for at in range(SEVERITIES)
    ]


def _incomplete(missing: list[str]) -> str:
    return f"{len(STANDARD) - len(missing)} of the {len(STANDARD)} standard corruptions; missing: {', '.join(missing)}"


def slug(text: str) -> str:
    """A name that `NAME` allows, as close to the text as possible."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:60] or "images"
